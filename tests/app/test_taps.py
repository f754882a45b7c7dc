"""The panel's looks into a run: they see the camera before the swap and what leaves, and cost nothing unwatched."""

import threading
import time
from collections.abc import Mapping

import numpy as np
import pytest

from livecam.app.taps import CameraTap, InputTap, OutputTap
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from livecam.errors import SourceLost
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import Raw, SmallImage, Whole
from tests.output.pictures import SIZE, cleared, plain


class Counting(Whole):
    """Remembers what was kept."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.kept: list[int] = []

    def keep(self, picture: Raw, kept: Raw) -> None:
        self.kept.append(int(picture[0, 0]))


class CountingImages(SmallImage):
    """The same of images."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, 160)
        self.kept: list[int] = []

    def keep(self, picture: Raw, kept: Raw) -> None:
        self.kept.append(int(picture[0, 0, 0]))


class Painting:
    """A processor that paints the frame black, as a swap paints on it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        frame.image[:] = 0
        return How.SWAPPED

    def reset(self) -> None:
        self.calls.append("reset")

    def adapt(self, tier: Tier) -> None:
        self.calls.append("adapt")

    def stages(self) -> Mapping[str, int]:
        return {"paint": 1}


def _frame(luma: int) -> Frame:
    return Frame(np.full(SIZE.image_shape, luma, dtype=np.uint8), 1, 1)


def _process(tap: CameraTap, luma: int) -> None:
    out = np.empty(SIZE.picture_shape, dtype=np.uint8)
    assert InputTap(Painting(), tap).process(_frame(luma), out, Settings()) is How.SWAPPED


def test_the_camera_is_seen_before_anything_is_painted() -> None:
    tap, pixels = CameraTap(), CountingImages(SIZE)
    feed = Feed(pixels, 15, 70)
    tap.attach(feed)
    with feed.watching():
        _process(tap, 77)
    assert pixels.kept == [77]


def test_nothing_is_kept_while_nobody_watches() -> None:
    tap, pixels, output, pictures = CameraTap(), CountingImages(SIZE), OutputTap(SIZE), Counting(SIZE)
    tap.attach(Feed(pixels, 15, 70))
    output.attach([Feed(pictures, 15, 70)])
    _process(tap, 77)
    output.send(cleared(plain(90)))
    assert (pixels.kept, pictures.kept) == ([], [])
    tap.attach(None)
    _process(tap, 77)


def test_unwatched_taps_take_no_time() -> None:
    tap, output = CameraTap(), OutputTap(SIZE)
    tap.attach(Feed(SmallImage(SIZE, 160), 15, 70))
    output.attach([Feed(Whole(SIZE), 15, 70)] * 2)
    frame, picture = _frame(1), cleared(plain(90))
    took_s = []
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(50):
            tap.look(frame)
            output.send(picture)
        took_s.append(time.perf_counter() - started)
    # Under 50 us for both, whenever this machine is not busy with something else; a copy of one takes more.
    assert min(took_s) < 50 * 50e-6


def test_a_processor_behind_the_tap_is_told_everything() -> None:
    inner = Painting()
    tapped = InputTap(inner, CameraTap())
    tapped.reset()
    tapped.adapt(Tier("full"))
    assert inner.calls == ["reset", "adapt"]
    assert tapped.stages() == {"paint": 1}


def test_a_shot_is_a_copy_of_the_next_frame() -> None:
    tap, shots = CameraTap(), list[Image]()
    taking = threading.Thread(target=lambda: shots.append(tap.shot(60)))
    taking.start()
    deadline = time.monotonic() + 60
    while taking.is_alive() and time.monotonic() < deadline:
        _process(tap, 123)
        time.sleep(0.01)
    taking.join()
    assert (shots[0] == 123).all()
    assert shots[0].shape == SIZE.image_shape


def test_a_camera_that_gives_nothing_is_said() -> None:
    with pytest.raises(SourceLost, match="no frame"):
        CameraTap().shot(0.05)


def test_what_leaves_is_offered_and_pictures_of_another_size_are_not() -> None:
    output, pixels = OutputTap(SIZE), Counting(SIZE)
    feed = Feed(pixels, 60, 70)
    output.attach([feed])
    output.open(SIZE, 30.0)
    with feed.watching():
        output.send(cleared(plain(90)))
        output.send(cleared(plain(90, Size(64, 64))))
    output.close()
    assert pixels.kept == [90]
