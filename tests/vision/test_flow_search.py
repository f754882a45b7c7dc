"""The flow of pictures that have moved as a whole, by little and by much."""

import cv2
import numpy as np
import pytest

from livecam.core.face import Box
from livecam.core.frame import Image
from livecam.vision.flow_search import Flow, FlowSearch

SIDE = 96
FACE = Box(20, 16, 74, 80)


def square(right: float = 0.0, down: float = 0.0, level: float = 0.0) -> Image:
    """(96, 96) u8: smooth structure of several sizes, moved by so many px, and lighter."""
    noise = np.random.default_rng(1).normal(0, 1, (2 * SIDE, 2 * SIDE)).astype(np.float32)
    picture = np.sum([cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 4, 8)], axis=0)
    corner = SIDE / 2
    matrix = np.array([[1, 0, right - corner], [0, 1, down - corner]])
    moved = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    grey: Image = np.clip(128 + level + 40 * moved, 0, 255).astype(np.uint8)
    return grey


def gone(flow: Flow) -> tuple[float, float]:
    """What the middle of the part has moved by."""
    right, down = np.median(flow.ways[8:-8, 8:-8], axis=(0, 1)).tolist()
    return right + flow.right, down + flow.down


@pytest.mark.parametrize("way", [(0.0, 0.0), (1.3, -0.6), (5.4, 3.0), (-9.5, 7.2), (11.0, -11.0)])
@pytest.mark.parametrize("level", [0.0, 25.0])
def test_a_picture_is_found_where_it_has_gone_also_in_other_light(way: tuple[float, float], level: float) -> None:
    assert gone(FlowSearch()(square(), square(*way, level), FACE)) == pytest.approx(way, abs=0.2)


def test_small_ways_are_found_at_once_and_large_ones_from_where_most_has_gone() -> None:
    search = FlowSearch()
    assert search(square(), square(0.7, 0), FACE)[3:] == (0, 0)
    assert search(square(), square(8.0, -6.0), FACE)[3:] == (8, -6)


@pytest.mark.parametrize(
    "face", [FACE, Box(-30, -20, 40, 50), Box(60, 70, 130, 140), Box(50, 50, 50, 50), Box(-9, -9, 200, 200)]
)
def test_it_is_looked_for_around_the_face_and_within_the_square(face: Box) -> None:
    flow = FlowSearch()(square(), square(9, 9), face)
    height, width = flow.ways.shape[:2]
    for low, high, first, count, way in (
        (face.x1, face.x2, flow.left, width, flow.right),
        (face.y1, face.y2, flow.top, height, flow.down),
    ):
        assert 0 <= first <= first + way <= SIDE - count
        assert first <= max(low, 0) + 2 or first + count == SIDE
        assert first + count >= min(high, SIDE) - 4


def test_a_flat_square_goes_nowhere_far() -> None:
    flat = np.full((SIDE, SIDE), 90, np.uint8)
    assert np.abs(gone(FlowSearch()(flat, flat, FACE))).max() < 0.1
    assert np.isfinite(FlowSearch()(square(), flat, FACE).ways).all()
