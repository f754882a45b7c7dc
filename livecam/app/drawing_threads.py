"""How many threads OpenCV draws with, beside the live path's own.

Why. OpenCV takes all processors for each of its calls. The live path's parts have threads of their own, which work
beside the one that draws: on two processors each call then waits for a processor that is busy with the watch or the
source, and OpenCV's waiting threads keep it from them. Its calls here are short (a face, not a frame), and gain little
from a second thread.
"""

import os
from typing import Final

import cv2

BESIDE: Final = 3
"""Threads of ours that work beside the one that draws: the watch, the flow or the hands, and the source."""

CHOSEN: Final = "OPENCV_FOR_THREADS_NUM"
"""OpenCV's own variable, by which a user has chosen."""


def leave_processors() -> None:
    """Have OpenCV leave processors to `BESIDE` threads, unless the user has chosen otherwise. Holds for the process."""
    if CHOSEN not in os.environ:
        cv2.setNumThreads(threads_beside(_processors()))


def threads_beside(processors: int) -> int:
    """How many of so many `processors` are OpenCV's; one at least."""
    return max(1, processors - BESIDE)


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
