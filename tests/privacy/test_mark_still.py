"""The invisible mark in a single picture: found again with its session, in nothing that carries none."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_S, Image, Size
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_look import SURE
from livecam.privacy.mark_still import StillMark, look_at_still
from livecam.privacy.watermark import Watermark

KEY, SESSION = b"ours", 0xC0FFEE
CODE = Code.of(KEY)
SIZE = Size(1280, 720)


def still(size: Size = SIZE, grain: float = 5.0) -> Image:
    """A wall with a disc before it, and the grain of a camera, levels."""
    random = np.random.default_rng(5)
    soft = cv2.GaussianBlur(random.integers(0, 256, size.image_shape).astype(np.uint8), (0, 0), 8)
    image = cv2.addWeighted(soft, 3.0, soft, 0.0, -250.0)
    cv2.circle(image, (size.width // 2, size.height // 2), size.height // 4, (120, 150, 190), -1)
    return np.clip(image + random.normal(0, grain, size.image_shape), 0, 255).astype(np.uint8)


def grey(image: Image) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def as_jpeg(image: Image, quality: int) -> Image:
    decoded = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def test_a_still_says_its_session_and_only_to_its_own_installation() -> None:
    marked = StillMark(KEY, SESSION)(still())
    found = look_at_still(grey(marked), CODE)
    assert (found.sure, found.session, found.cut) == (True, SESSION, (1.0, 1.0))
    assert found.score > 3 * SURE
    assert found.chance < 1e-9
    theirs = look_at_still(grey(marked), Code.of(b"theirs"))
    assert (theirs.sure, theirs.session) == (True, None)


@pytest.mark.parametrize("grain", [0.0, 5.0, 20.0])
def test_nothing_is_found_where_nothing_is(grain: float) -> None:
    assert look_at_still(grey(still(grain=grain)), CODE).score < 4.5


def test_colours_stay_and_no_level_moves_by_more_than_two() -> None:
    before = still()
    kept = before.copy()
    change = StillMark(KEY, SESSION)(before).astype(int) - before
    assert np.array_equal(before, kept)
    assert 1 <= np.abs(change).max() <= 2
    inside = ((before > 1) & (before < 254)).all(axis=2)
    assert np.array_equal(change[inside].min(axis=1), change[inside].max(axis=1))
    assert 10 * np.log10(255**2 / np.mean(change.astype(float) ** 2)) > 48


def scaled(image: Image, width: int) -> Image:
    return np.asarray(cv2.resize(image, (width, width * 9 // 16), interpolation=cv2.INTER_AREA), np.uint8)


CHANGES: Mapping[str, Callable[[Image], Image]] = {
    "jpeg": lambda image: as_jpeg(image, 75),
    "half": lambda image: scaled(image, 640),
    "larger": lambda image: scaled(image, 1920),
    "square": lambda image: image[:, 280:1000],
    "narrow": lambda image: image[:, 160:1120],
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_bears_what_happens_to_pictures(change: str) -> None:
    found = look_at_still(grey(CHANGES[change](StillMark(KEY, SESSION)(still()))), CODE)
    assert found.session == SESSION
    assert found.score > 1.5 * SURE


@pytest.mark.parametrize("size", [Size(1080, 1440), Size(513, 385), Size(256, 256)], ids=str)
def test_sides_may_be_any(size: Size) -> None:
    marked = StillMark(KEY, SESSION)(still(size))
    assert marked.shape == size.image_shape
    assert look_at_still(grey(marked), CODE).session == SESSION


def test_a_small_still_outlasts_being_made_smaller() -> None:
    marked = StillMark(KEY, SESSION)(still(Size(512, 512)))
    small = np.asarray(cv2.resize(marked, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    found = look_at_still(grey(as_jpeg(small, 85)), CODE)
    assert (found.sure, found.session) == (True, SESSION)


@pytest.mark.parametrize("turn", range(4))
def test_a_picture_of_the_live_path_is_told_too(turn: int) -> None:
    picture = np.asarray(cv2.cvtColor(still(), cv2.COLOR_BGR2YUV_I420), np.uint8)
    Watermark(KEY, SESSION, SIZE)(picture, turn * NS_PER_S + 1)
    found = look_at_still(picture[: SIZE.height], CODE)
    assert (found.sure, found.session) == (True, SESSION)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_session_is_read_back(session: int) -> None:
    marked = StillMark(KEY, session)(still(Size(512, 288)))
    assert look_at_still(grey(marked), CODE).session == session
