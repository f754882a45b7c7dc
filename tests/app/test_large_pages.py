"""Memory of a live run is laid on large pages once, and stays what it was."""

import mmap
import sys
import threading

import pytest

from livecam.app import large_pages
from livecam.app.large_pages import LARGE, LargePages, large, lay

MAPS = """\
555555400000-555555a00000 rw-p 00000000 00:00 0                          [heap]
7f0000100000-7f0000300000 rw-p 00000000 00:00 0
7f0000300000-7f0000900000 rw-p 00000000 00:00 0
7f0001000000-7f0001400000 r-xp 00000000 08:01 1234                       /usr/lib/libsome.so
7f0002000000-7f0002400000 rw-p 00000000 08:01 1234                       /usr/lib/libsome.so
7f0003000000-7f0003400000 ---p 00000000 00:00 0
7f0004000000-7f0004400000 rw-s 00000000 00:01 99                         /dev/shm/ring
7ffffe000000-7ffffe800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_places_lie_whole_in_memory_of_the_process_alone() -> None:
    heap = [0x555555400000, 0x555555600000, 0x555555800000]
    assert list(large(MAPS.splitlines())) == [*heap, 0x7F0000400000, 0x7F0000600000]


def test_what_is_mostly_filled_is_laid(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    laid: list[int] = []

    def filled(place: int) -> bool:
        asked.append(place)
        return place % (2 * LARGE) == 0

    def collapse(place: int) -> bool:
        laid.append(place)
        return place != asked[0]

    monkeypatch.setattr(large_pages, "_calls", lambda: (filled, collapse))
    monkeypatch.setattr(large_pages, "large", lambda maps: iter(range(0, 6 * LARGE, LARGE)))
    monkeypatch.setattr(large_pages, "_PAUSE_S", 0.0)
    assert lay() == 2
    assert asked == list(range(0, 6 * LARGE, LARGE))
    assert laid == [0, 2 * LARGE, 4 * LARGE]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked")
def test_memory_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_pages, "_PAUSE_S", 0.0)
    calls = large_pages._calls()
    assert calls is not None
    filled, _ = calls
    size = 4 * LARGE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        content = bytes(range(256)) * (size // 256 // 2)
        memory[: len(content)] = content
        full = sum(filled(place) for place in large(large_pages._MAPS.read_text().splitlines()))
        assert full >= 1
        assert 0 <= lay() <= full + 8
        assert memory[: len(content)] == content
        assert not any(memory[len(content) : len(content) + 4096])


def test_it_is_done_once_when_pictures_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Semaphore(0)
    monkeypatch.setattr(large_pages, "lay", begun.release)
    pages = LargePages()
    for live in [True, False] * 19:
        pages.look(live)
    assert not begun.acquire(blocking=False)
    pages.look(live=True)
    assert begun.acquire(timeout=60)
    for live in (False, True, True):
        pages.look(live)
    assert not begun.acquire(timeout=0.05)


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert lay() == 0
