"""The frame stamp survives what a call does to a picture, and nothing else is taken for one."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_MS, Image
from livecam.core.stamp import NUMBERS, PERIOD_NS, ROWS, read_stamp, stamp, stamp_age_ns

SIZES = ((640, 360), (640, 480), (960, 540), (1280, 720), (1920, 1080))
numbers = st.integers(0, NUMBERS - 1)
times_ns = st.integers(0, 10 * PERIOD_NS)


def scene(size: tuple[int, int], seed: int = 0) -> Image:
    """A busy picture: blurred noise in colour."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def expected(number: int, time_ns: int) -> tuple[int, int]:
    return number, time_ns // NS_PER_MS * NS_PER_MS % PERIOD_NS


@settings(max_examples=30, deadline=None)
@given(numbers, times_ns, st.sampled_from(SIZES))
def test_a_stamp_is_read_back(number: int, time_ns: int, size: tuple[int, int]) -> None:
    image = scene(size)
    stamp(image, number, time_ns)
    assert read_stamp(image) == expected(number, time_ns)


@settings(max_examples=25, deadline=None)
@given(numbers, times_ns, st.sampled_from(SIZES), st.floats(0.5, 1.5), st.integers(50, 95))
def test_it_survives_i420_scaling_and_jpeg(
    number: int, time_ns: int, size: tuple[int, int], scale: float, quality: int
) -> None:
    image = scene(size, number)
    stamp(image, number, time_ns)
    wide, tall = (round(side * scale / 2) * 2 for side in size)
    planar = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    coloured = cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420)
    scaled = cv2.resize(coloured, (wide, tall), interpolation=cv2.INTER_LINEAR)
    encoded = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    assert read_stamp(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)) == expected(number, time_ns)


def test_the_luma_of_an_i420_picture_is_enough() -> None:
    image = scene((1280, 720))
    stamp(image, 77, 5 * NS_PER_MS)
    assert read_stamp(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).astype(np.uint8)[:720]) == (77, 5 * NS_PER_MS)


def test_only_the_corner_is_touched() -> None:
    image = np.full((720, 1280, 3), 90, np.uint8)
    stamp(image, 1, 1)
    changed = np.argwhere((image != 90).any(axis=2))
    assert changed.min() == 12
    assert changed.max(axis=0).tolist() == [12 * (ROWS + 1) - 1, 12 * 19 - 1]


def test_numbers_and_times_wrap() -> None:
    image = scene((1280, 720))
    stamp(image, NUMBERS + 3, PERIOD_NS + 4 * NS_PER_MS)
    assert read_stamp(image) == (3, 4 * NS_PER_MS)
    assert stamp_age_ns(PERIOD_NS - NS_PER_MS, 2 * NS_PER_MS) == 3 * NS_PER_MS


@pytest.mark.parametrize("seed", range(20))
def test_a_picture_without_a_stamp_has_none(seed: int) -> None:
    assert read_stamp(scene((640, 360), seed)) is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_none(level: int) -> None:
    assert read_stamp(np.full((720, 1280, 3), level, np.uint8)) is None


def test_a_damaged_stamp_is_refused() -> None:
    image = scene((1280, 720))
    stamp(image, 12345, 67)
    image[12:24, 36:48] = 255 - image[12:24, 36:48]
    assert read_stamp(image) is None


@pytest.mark.parametrize("shape", [(60, 400, 3), (720, 200, 3)])
def test_a_picture_without_room_is_refused_in_words(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="room"):
        stamp(np.zeros(shape, np.uint8), 1, 1)
    assert read_stamp(np.zeros(shape, np.uint8)) is None
