"""A lock between processes, held on an open file, so that two daemons do not build the same cache at once."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livecam.errors import WeightsMissing

_POLL_S = 0.1


@contextmanager
def locked(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`; the system frees it when the process dies.

    Raises:
        WeightsMissing: Another process held it for all of `timeout_s`.
        OSError: The file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(handle, path, time.monotonic() + timeout_s)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, deadline: float) -> None:
    while not _take(handle):
        if time.monotonic() >= deadline:
            raise WeightsMissing(
                f"Another livecam has been fetching networks into {path.parent} for very long.",
                "Wait for it or end it, then run: livecam models fetch",
            )
        time.sleep(_POLL_S)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
