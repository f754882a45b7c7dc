"""A lock between processes, held on an open file; the system frees it when a process dies, however that came."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.005


@contextmanager
def locked(path: Path, timeout_s: float, poll_s: float = _POLL_S) -> Iterator[None]:
    """Hold the lock file `path`, which is made if need be and stays; it is asked for every `poll_s`.

    Threads of one process exclude each other too.

    Raises:
        TimeoutError: Somebody else held it for all of `timeout_s`.
        OSError: The file cannot be made.
    """
    deadline = time.monotonic() + timeout_s
    while (handle := take(path)) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{path} is held by another process.")
        time.sleep(poll_s)
    try:
        yield
    finally:
        os.close(handle)


def take(path: Path) -> int | None:
    """The lock file `path`, held until what is returned is closed with `os.close`; None where somebody else holds it.

    Raises:
        OSError: The file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if _lock(handle):
            held, handle = handle, -1
            return held
        return None
    finally:
        if handle >= 0:
            os.close(handle)


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
