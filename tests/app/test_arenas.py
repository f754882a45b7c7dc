"""Threads that come and go share the C library's heaps, so that a long run's memory stays flat."""

import os
import re
import subprocess
import sys

import pytest

from livecam.app import arenas, output_process_child, running
from livecam.config import Config

_HEAPS = """
import ctypes, sys, threading
from livecam.app.arenas import limit_arenas

limited = limit_arenas() if sys.argv[1] == "limited" else False
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
together = threading.Barrier(12)

def allocate():
    together.wait()
    held = [libc.malloc(5000) for _ in range(100)]
    together.wait()
    for one in held:
        libc.free(one)

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
print(limited)
"""


def _run(how: str, **variables: str) -> tuple[int, bool]:
    """The number of heaps after twelve threads at once, and whether a limit was set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    done = subprocess.run(
        [sys.executable, "-c", _HEAPS, how], env={**kept, **variables}, capture_output=True, text=True, check=True
    )
    return len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE)), done.stdout.strip() == "True"


glibc_only = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not os.confstr("CS_GNU_LIBC_VERSION"), reason="only glibc has such heaps"
)


@glibc_only
def test_threads_share_two_heaps() -> None:
    heaps, limited = _run("limited")
    assert limited
    assert heaps <= arenas.ARENAS
    assert _run("unlimited")[0] > arenas.ARENAS


@glibc_only
def test_a_number_that_the_user_has_set_holds() -> None:
    heaps, limited = _run("limited", MALLOC_ARENA_MAX="5")
    assert not limited
    assert arenas.ARENAS < heaps <= 5


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not arenas.limit_arenas()


class _LimitedError(Exception):
    """Raised in place of limiting."""


def _limit() -> bool:
    raise _LimitedError


def test_a_run_limits_its_heaps_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "limit_arenas", _limit)
    with pytest.raises(_LimitedError):
        running.run(Config())


def test_so_does_an_output_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_process_child, "limit_arenas", _limit)
    with pytest.raises(_LimitedError):
        output_process_child.main()
