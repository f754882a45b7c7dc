"""Lays the memory of a live run on large pages, once it is there.

Why. Between two frames a processor forgets where memory lies: the tables of pages of 4 KiB are large, and in a virtual
machine each look-up needs those of the host besides. The inference step then takes up to twice the time that it takes
right after another one. On pages of 2 MiB there is little to forget. Of two virtual cores with busy neighbours, reading
from 32 MiB at random took 370 to 630 ns a read on small pages, and 155 on large ones.
"""

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

LARGE: Final = 2 << 20
"""Bytes of a large page, on x86-64 and on ARM with small pages of 4 KiB."""

_SMALL: Final = 4096
_MAPS: Final = Path("/proc/self/maps")
_COLLAPSE: Final = 25
"""Of madvise(2): ``MADV_COLLAPSE``, since Linux 6.1. What is laid so is not kept so for ever, and nothing else is."""

_LEAST_FILLED: Final = 0.5
"""Of a large page that is laid, as much is in use already: the rest of it is memory that nobody asked for."""

_PAUSE_S: Final = 0.005
"""Between one and the next: each is copied, and who asks for memory meanwhile waits."""

_AFTER_LOOKS: Final = 20
"""Two seconds of live pictures; by then all that frames need has been allocated."""

_Call = Callable[[int], bool]


class LargePages:
    """Lays memory once, on a thread of its own. One thread calls it."""

    def __init__(self) -> None:
        self._live = 0

    def look(self, live: bool) -> None:
        """To be told ten times a second whether pictures are live; begins when they have been for a while."""
        self._live += live
        if live and self._live == _AFTER_LOOKS:
            threading.Thread(target=lay, name="livecam-pages", daemon=True).start()


def lay() -> int:
    """Lay what is mostly filled on large pages; how many were laid. Nothing where the system cannot."""
    calls = _calls()
    if calls is None:
        return 0
    filled, collapse = calls
    laid = 0
    with contextlib.suppress(OSError):
        for place in large(_MAPS.read_text(encoding="utf-8").splitlines()):
            if filled(place):
                laid += collapse(place)
                time.sleep(_PAUSE_S)
    return laid


def large(maps: Iterable[str]) -> Iterator[int]:
    """Addresses of large pages that lie whole in the process's own memory, from the lines of ``/proc/self/maps``."""
    for line in maps:
        span, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and (not name or name[0].strip() == "[heap]"):
            start, end = (int(address, 16) for address in span.split("-"))
            yield from range(-(-start // LARGE) * LARGE, end - LARGE + 1, LARGE)


def _calls() -> tuple[_Call, _Call] | None:
    """What tells whether a large page's place is filled, and what lays one there; None where there is neither."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        madvise, mincore = library.madvise, library.mincore
    except (OSError, AttributeError):
        return None
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    resident = ctypes.create_string_buffer(LARGE // _SMALL)

    def filled(place: int) -> bool:
        if mincore(place, LARGE, resident):
            return False
        count = sum(flag & 1 for flag in resident.raw)
        return count >= _LEAST_FILLED * len(resident)

    # Where there is no large page left, or the kernel knows none, all stays as it is.
    return filled, lambda place: madvise(place, LARGE, _COLLAPSE) == 0
