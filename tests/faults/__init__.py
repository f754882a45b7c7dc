"""The fault matrix: the real daemon as a process, doubles that fail on command, every picture judged."""
