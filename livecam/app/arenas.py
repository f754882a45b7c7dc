"""Keeps the memory of a long run flat: the C library's heaps are few, and threads that come and go share them.

Why. glibc gives each new thread a heap ("arena") of its own, up to eight for each core, and keeps what one of them once
grew to. A call in which recordings, sources and networks come and go starts hundreds of threads, which take turns in
ever other heaps. In a run with random faults and commands the resident memory grew by 130 MiB an hour that way, while
the bytes in use stayed the same; with two heaps it stays where it is. See mallopt(3), ``M_ARENA_MAX``.
"""

import ctypes
import os
import sys
from typing import Final

ARENAS: Final = 2
"""The first one, and one for threads that find it busy."""

_M_ARENA_MAX: Final = -8


def limit_arenas() -> bool:
    """Let the C library make no more than `ARENAS` heaps from now on; whether it does. Before threads are started.

    Does nothing but on Linux with glibc, and nothing where the user has set a number by the environment.
    """
    chosen = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if chosen or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # Such as musl, which has no such heaps.
        return False
    return bool(mallopt(_M_ARENA_MAX, ARENAS))
