"""A helper thread is kept off its waker's CPU, where the system allows it; and nothing breaks where it does not."""

import ctypes
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from livecam.core import cpus
from livecam.core.cpus import Aside

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are placed on Linux only")


@pytest.fixture
def helper() -> Iterator[int]:
    """The native id of a waiting thread."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait, args=(60,), daemon=True)
    thread.start()
    yield thread.native_id or 0
    end.set()
    thread.join(60)


def placed_on(cpu: int, monkeypatch: pytest.MonkeyPatch, allowed: set[int]) -> None:
    monkeypatch.setattr(cpus, "_cpu_reader", lambda: lambda: cpu)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)


@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is only one CPU")
def test_a_helper_moves_off_the_wakers_cpu(helper: int) -> None:
    before = os.sched_getaffinity(helper)
    Aside()(helper)
    assert len(os.sched_getaffinity(helper)) == len(before) - 1
    assert os.sched_getaffinity(0) == before, "the waker itself is free to move"


def test_it_is_moved_again_only_when_the_waker_or_the_helper_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[tuple[int, set[int]]] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, where: moves.append((who, set(where))), raising=False)
    here = [0]
    monkeypatch.setattr(cpus, "_cpu_reader", lambda: lambda: here[0])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    aside = Aside()
    aside(7)
    aside(7)
    here[0] = 1
    aside(7)
    aside(8)
    assert moves == [(7, {1, 2}), (7, {0, 2}), (8, {0, 2})]


@pytest.mark.parametrize("allowed", [{0}, {1, 2}])
def test_one_cpu_or_a_foreign_one_changes_nothing(monkeypatch: pytest.MonkeyPatch, allowed: set[int]) -> None:
    placed_on(0, monkeypatch, allowed)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: pytest.fail("moved"), raising=False)
    Aside()(7)


def test_a_refusal_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(*_: object) -> None:
        calls.append(1)
        raise PermissionError

    placed_on(0, monkeypatch, {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    aside = Aside()
    aside(7)
    aside(8)
    assert calls == [1]


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    Aside()(7)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    Aside()(7)
