"""The invisible mark: what is put in is found again, and what was not put in is not."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.privacy.mark_code import BITS, Code, bits_of, session_in
from livecam.privacy.mark_look import LOOKS_PART, SURE, SURE_IN_PART, Found, Place
from livecam.privacy.mark_reader import MarkReader
from livecam.privacy.watermark import Watermark

KEY, OTHER_KEY, SESSION = b"ours", b"theirs", 0xC0FFEE
SIZE = Size(640, 360)
FPS = 10


def scene(number: int, size: Size = SIZE) -> Picture:
    """(H * 3 / 2, W) u8: a textured wall, and a disc that wanders."""
    random = np.random.default_rng(5)
    noise = random.integers(0, 256, (size.height * 3 // 2, size.width)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    wall: Picture = np.asarray(cv2.addWeighted(soft, 2.0, soft, 0.0, -120.0), np.uint8)
    centre = (size.width // 2 + int(40 * np.sin(number / 7)), size.height // 2 + number % 30)
    cv2.circle(wall, centre, size.height // 5, 190, -1)
    return wall


def marked(seconds: float = 4.0, key: bytes = KEY) -> Iterator[tuple[Picture, int]]:
    mark = Watermark(key, SESSION, SIZE)
    for number in range(int(seconds * FPS)):
        picture, shown_ns = scene(number), number * NS_PER_S // FPS
        mark(picture, shown_ns)
        yield picture, shown_ns


def read(
    pictures: Iterator[tuple[Picture, int]], late_ns: int = 0, size: Size | None = None, width: int = SIZE.width
) -> Found:
    """What a reader finds in the lumas: shown later, cut to `width` in the middle, scaled to `size`."""
    reader, left = MarkReader(Code.of(KEY)), (SIZE.width - width) // 2
    for picture, shown_ns in pictures:
        luma: npt.NDArray[np.uint8] = picture[: SIZE.height, left : left + width]
        sent = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8) if size else luma
        reader.add(sent, shown_ns + late_ns)
    return reader.found()


def test_the_session_is_read_back() -> None:
    found = read(marked())
    assert found.sure
    assert found.session == SESSION
    assert found.score > 2 * SURE
    assert float(found.margins.min()) > 1.0
    assert found.seconds == pytest.approx(3.9)


def test_it_is_not_to_be_seen() -> None:
    for number, (picture, _) in enumerate(marked(1.0)):
        plain = scene(number)
        change = picture.astype(np.int16) - plain
        assert np.abs(change).max() <= 2
        assert np.array_equal(picture[SIZE.height :], plain[SIZE.height :])
        error = float(np.mean(change[: SIZE.height].astype(np.float64) ** 2))
        assert 10 * np.log10(255**2 / error) >= 44


@pytest.mark.parametrize("late_s", [0.4, 1.9, 3.0])
def test_a_recording_may_begin_at_any_moment(late_s: float) -> None:
    assert read(marked(5.0), late_ns=int(late_s * NS_PER_S)).session == SESSION


@pytest.mark.parametrize("size", [Size(320, 180), Size(960, 540), Size(640, 480)])
def test_it_may_be_scaled(size: Size) -> None:
    assert read(marked(), size=size).session == SESSION


@pytest.mark.parametrize(("width", "cut"), [(480, (0.75, 1.0)), (360, (0.5625, 1.0))])
def test_it_may_be_cut(width: int, cut: tuple[float, float]) -> None:
    found = read(marked(6.0), width=width)
    assert found.sure
    assert found.cut == cut
    assert found.session == SESSION


def test_under_another_key_it_is_there_but_says_nothing() -> None:
    found = read(marked(key=OTHER_KEY))
    assert found.sure
    assert found.session is None


def test_what_was_not_marked_is_not_found() -> None:
    reader = MarkReader(Code.of(KEY))
    for number in range(4 * FPS):
        reader.add(scene(number)[: SIZE.height], number * NS_PER_S // FPS)
    found = reader.found()
    assert not found.sure
    assert found.session is None
    assert len(reader.scores()) == 64
    assert max(reader.scores()) == pytest.approx(found.score)


def test_too_little_of_it_is_nothing() -> None:
    assert read(marked(2.0)).score == 0.0
    nothing = MarkReader(Code.of(KEY)).found()
    assert (nothing.sure, nothing.session, nothing.seconds) == (False, None, 0.0)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_session_has_its_bits(session: int) -> None:
    assert session_in(bits_of(session)) == session


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, BITS - 1))
def test_one_wrong_bit_is_noticed(session: int, place: int) -> None:
    bits = bits_of(session)
    bits[place] ^= 1
    assert session_in(bits) is None


@pytest.mark.parametrize("session", [-1, 2**32])
def test_a_number_that_does_not_fit_is_refused(session: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        bits_of(session)


def test_chance_is_bounded_and_the_bars_are_high_enough_for_all_ways_to_look() -> None:
    nothing = read(marked(2.0))
    assert nothing.chance == 1.0
    whole, part = replace(nothing, score=SURE), replace(nothing, score=SURE_IN_PART, place=Place(0, 0, 0.5, 0.5))
    assert (whole.sure, part.sure, replace(part, score=SURE).sure) == (True, True, False)
    assert max(whole.chance, part.chance) < 1e-6
    assert replace(part, score=-50.0).chance == 1.0
    # More than every rectangle of a screen, to a px, at every size, from all beginnings.
    assert LOOKS_PART > 1280 * 720 * 600 * 16 * 2


def test_the_contrast_is_looked_at_in_every_fourth_picture() -> None:
    """A mark that follows what moves is seen no better, and costs three times as much."""

    def change(level: int) -> int:
        picture = np.full(SIZE.picture_shape, 128, np.uint8)
        picture[: SIZE.height : 8] = level
        plain = picture.astype(np.int16)
        mark(picture, 0)
        return int(np.abs(picture - plain).sum())

    mark = Watermark(KEY, SESSION, SIZE)
    flat, *kept, busy = (change(level) for level in (128, 230, 230, 230, 230))
    assert all(each == pytest.approx(flat, rel=0.05) for each in kept)
    assert busy > 1.5 * flat


def test_another_turn_has_other_signs_at_once() -> None:
    mark, pictures = Watermark(KEY, SESSION, SIZE), [np.full(SIZE.picture_shape, 128, np.uint8) for _ in range(2)]
    for second, picture in enumerate(pictures):
        mark(picture, second * NS_PER_S)
    assert not np.array_equal(pictures[0], pictures[1])
