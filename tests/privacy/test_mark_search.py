"""A marked picture is found within a larger one, wherever it is; nothing is found where there is none."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.privacy import mark_search
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_look import SURE_IN_PART, Found
from livecam.privacy.mark_search import Screen
from livecam.privacy.watermark import Watermark

KEY, SESSION, FPS = b"ours", 0xBEEF, 8
CALL, SCREEN = Size(384, 216), Size(448, 252)

Luma = npt.NDArray[np.uint8]


def wall() -> Picture:
    noise = np.random.default_rng(5).integers(0, 256, (CALL.height * 3 // 2, CALL.width)).astype(np.uint8)
    return np.asarray(cv2.addWeighted(cv2.GaussianBlur(noise, (0, 0), 3), 2.0, noise, 0.0, -120.0), np.uint8)


def desktop() -> Luma:
    noise = np.random.default_rng(6).integers(0, 256, (SCREEN.height, SCREEN.width)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)


def screen(left: int, top: int, width: int, *, marked: bool = True, seconds: float = 5.0) -> Screen:
    """What shows a call in a window with the upper left corner (left, top)."""
    mark, seen, plain, behind = Watermark(KEY, SESSION, CALL), Screen(Code.of(KEY)), wall(), desktop()
    height = width * 9 // 16
    for number in range(int(seconds * FPS)):
        picture, shown_ns = plain.copy(), number * NS_PER_S // FPS
        cv2.circle(picture, (192 + int(40 * np.sin(number / 7)), 120), 40, (190,), -1)
        if marked:
            mark(picture, shown_ns)
        whole = behind.copy()
        window = cv2.resize(picture[: CALL.height], (width, height), interpolation=cv2.INTER_AREA)
        whole[top : top + height, left : left + width] = window
        seen.add(whole, shown_ns)
    return seen


@pytest.fixture(scope="module", autouse=True)
def less() -> Iterator[None]:
    """Not all sizes are searched, and two places alone are looked at: tests are in a hurry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mark_search, "LEAST", 0.5)
        patch.setattr(mark_search, "_TRIED", 2)
        yield


@pytest.fixture(scope="module")
def found() -> Found:
    """In a window at (77, 41), 320 wide."""
    seen = screen(77, 41, 320).search()
    assert seen is not None
    return seen


def test_it_is_found_where_it_is(found: Found) -> None:
    assert found.sure
    assert found.session == SESSION
    assert found.seconds == pytest.approx(4.9, abs=0.1)
    assert found.place is not None
    box = np.array(found.place) * [SCREEN.width, SCREEN.height, SCREEN.width, SCREEN.height]
    assert box == pytest.approx([77, 41, 320, 180], abs=3)


def test_it_is_found_there_again_and_nowhere_else(found: Found) -> None:
    assert found.place is not None
    again, elsewhere = screen(77, 41, 320).at(found.place), screen(20, 10, 240).at(found.place)
    assert again is not None
    assert again.score == pytest.approx(found.score, rel=0.01)
    assert elsewhere is not None
    assert not elsewhere.sure
    assert screen(77, 41, 320, seconds=3.0).at(found.place) is None


def test_where_there_is_none_nothing_is_found() -> None:
    found = screen(77, 41, 320, marked=False).search()
    assert found is not None
    assert not found.sure
    assert found.score < SURE_IN_PART - 2
    assert found.session is None


def test_less_than_four_seconds_say_nothing() -> None:
    for seen in (Screen(Code.of(KEY)), screen(77, 41, 320, seconds=3.0)):
        assert seen.search() is None


def test_a_picture_of_any_shape_can_be_looked_at() -> None:
    for width, height in ((2, 2), (4000, 2), (2, 400), (90, 90)):
        seen = Screen(Code.of(KEY))
        for number in range(5 * FPS):
            seen.add(np.full((height, width), number, np.uint8), number * NS_PER_S // FPS)
        found = seen.search()
        assert found is None or not found.sure
