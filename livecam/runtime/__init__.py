"""Threads, loops, recovery and counting. Knows protocols only: no driver, no vision, no OpenCV."""
