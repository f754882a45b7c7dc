"""Another source takes over between two frames, or the old one goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest

from livecam.capture.switch import SwitchingSource
from livecam.core.frame import Image, Size
from livecam.core.seams import SourceInfo
from livecam.errors import SourceError, SourceGone, SourceLost

SIZE = Size(8, 4)


class Numbered:
    """Fills images with its number; `opening` and `reading` may raise."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.opening: Callable[[], None] = lambda: None
        self.reading: Callable[[], None] = lambda: None
        self.is_open = False
        self.opens = 0

    def open(self) -> SourceInfo:
        self.opening()
        self.is_open = True
        self.opens += 1
        return SourceInfo(f"number {self.number}", SIZE, 30.0, True)

    def read_into(self, image: Image) -> int:
        assert self.is_open, "read while it was closed"
        self.reading()
        image.fill(self.number)
        time.sleep(0.002)
        return time.monotonic_ns()

    def close(self) -> None:
        self.is_open = False


class Loop:
    """A capture thread."""

    def __init__(self, source: SwitchingSource) -> None:
        self.source = source
        self.seen: list[int] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        image = np.zeros(SIZE.image_shape, np.uint8)
        self.source.open()
        while not self.stop.is_set():
            self.source.read_into(image)
            assert image.min() == image.max()
            self.seen.append(int(image.flat[0]))
        self.source.close()

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.002)


@pytest.fixture
def first() -> Numbered:
    return Numbered(1)


@pytest.fixture
def restarts() -> list[int]:
    return []


@pytest.fixture
def loop(first: Numbered, restarts: list[int]) -> Iterator[Loop]:
    source = SwitchingSource(first, SIZE, lambda: restarts.append(1))
    loop = Loop(source)
    loop.thread.start()
    while not loop.seen:
        time.sleep(0.001)
    yield loop
    loop.stop.set()
    loop.thread.join(60)


def fail(error: SourceError) -> Callable[[], None]:
    def raising() -> None:
        raise error

    return raising


def test_the_new_one_takes_over_and_the_old_one_is_closed(loop: Loop, first: Numbered, restarts: list[int]) -> None:
    second = Numbered(2)
    assert loop.source.replace(second).name == "number 2"
    loop.until(lambda: loop.seen[-1] == 2)
    assert sorted(set(loop.seen)) == [1, 2]
    assert loop.seen == sorted(loop.seen), "never back"
    assert (first.is_open, second.is_open, second.opens) == (False, True, 1)
    assert restarts == [1]
    assert loop.source.info is not None
    assert loop.source.info.name == "number 2"


@pytest.mark.parametrize("relay", [False, True])
@pytest.mark.parametrize("step", ["opening", "reading"])
def test_one_that_does_not_work_leaves_the_old_one(loop: Loop, first: Numbered, step: str, relay: bool) -> None:
    bad = Numbered(3)
    setattr(bad, step, fail(SourceGone("no camera")))
    with pytest.raises(SourceGone, match="no camera"):
        loop.source.replace(bad, relay=relay)
    count = len(loop.seen)
    loop.until(lambda: len(loop.seen) > count)
    assert set(loop.seen) == {1}
    assert not bad.is_open
    assert first.opens == (2 if relay else 1)


def test_of_one_device_the_old_one_is_closed_first(loop: Loop, first: Numbered) -> None:
    second = Numbered(2)
    was_open: list[bool] = []
    second.opening = lambda: was_open.append(first.is_open)
    loop.source.replace(second, relay=True)
    assert was_open == [False]
    loop.until(lambda: loop.seen[-1] == 2)


def test_a_lost_source_can_be_replaced_while_it_is_awaited(first: Numbered) -> None:
    """The worker opens again and again; the capture thread reads nothing meanwhile."""
    first.opening = fail(SourceLost("pulled out"))
    source = SwitchingSource(first, SIZE)
    with pytest.raises(SourceLost):
        source.open()
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(source.replace(Numbered(2)).name))
    thread.start()
    deadline = time.monotonic() + 60
    while source.info is None and time.monotonic() < deadline:
        with suppress(SourceLost):
            source.open()
        time.sleep(0.005)
    thread.join(60)
    assert told == ["number 2"]
    assert source.info is not None
    assert source.info.name == "number 2"


def test_a_capture_thread_that_hangs_is_told_and_the_new_one_closed(first: Numbered) -> None:
    source, second = SwitchingSource(first, SIZE), Numbered(2)
    source.open()
    with pytest.raises(SourceLost, match="hangs"):
        source.replace(second, patience_s=0.05)
    assert not second.is_open
    image = np.zeros(SIZE.image_shape, np.uint8)
    source.read_into(image)
    assert image.flat[0] == 1


def test_while_it_is_closed_the_new_one_is_tried_and_closed_again(first: Numbered) -> None:
    source, second, bad = SwitchingSource(first, SIZE), Numbered(2), Numbered(3)
    info = source.settle(second)
    assert info is not None
    assert (info.name, second.opens, second.is_open) == ("number 2", 1, False)
    bad.reading = fail(SourceGone("no camera"))
    with pytest.raises(SourceGone, match="no camera"):
        source.settle(bad)
    assert source.open().name == "number 2"
    assert not first.is_open
    third = Numbered(3)
    assert source.settle(third) is None, "it is open: frames flow from the old one until the new one takes over"
    assert third.opens == 0
    source.close()
    assert source.settle(third) is not None


def test_one_that_was_opened_meanwhile_is_not_settled(first: Numbered) -> None:
    source, second = SwitchingSource(first, SIZE), Numbered(2)
    second.reading = lambda: None if first.is_open else (source.open(), None)[1]
    assert source.settle(second) is None
    assert not second.is_open
    image = np.zeros(SIZE.image_shape, np.uint8)
    source.read_into(image)
    assert image.flat[0] == 1
