import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Image, Matrix
from livecam.core.geometry import invert, transform
from livecam.vision.warp import Warper, outline, span

WARP = Warper()


def noise(shape: tuple[int, ...], seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def plain(image: Image, matrix: Matrix, out: Image) -> Image:
    size = out.shape[1::-1]
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_it_is_the_plain_warp_wherever_the_crop_lies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(noise((90, 120, 3), seed), (0, 0), 1.5).astype(np.uint8)
    out = np.empty((rng.integers(8, 64), rng.integers(8, 64), 3), np.uint8)
    angle, scale = rng.uniform(-3, 3), np.exp(rng.uniform(-1, 1.5))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.hstack([linear, (10 - linear @ rng.uniform((-60, -60), (180, 150)))[:, None]])
    assert WARP(image, matrix, out) is out
    # Places are rounded to 1/32 px, each way in its own manner.
    assert np.abs(out.astype(int) - plain(image, matrix, out)).max() <= 4


@pytest.mark.parametrize("shift", [(-5000, 0), (5000, 0), (0, -5000), (0, 5000)])
def test_far_outside_the_edge_goes_on(shift: tuple[int, int]) -> None:
    image, out = noise((20, 30, 3)), np.empty((8, 8, 3), np.uint8)
    matrix = np.array([[1.0, 0, shift[0]], [0, 1, shift[1]]])
    np.testing.assert_array_equal(WARP(image, matrix, out), plain(image, matrix, out))


def test_views_are_taken_and_nothing_is_written_but_out() -> None:
    big = noise((60, 60, 3))
    before = big.copy()
    view, out = big[10:40, 10:50], np.empty((16, 16, 3), np.uint8)
    matrix = np.array([[0.5, 0.1, 2], [-0.1, 0.5, 3]])
    np.testing.assert_array_equal(WARP(view, matrix, out), WARP(view.copy(), matrix, np.empty_like(out)))
    np.testing.assert_array_equal(big, before)


def test_a_singular_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="singular"):
        WARP(noise((9, 9, 3)), np.zeros((2, 3)), np.empty((4, 4, 3), np.uint8))


def turned(rng: np.random.Generator) -> tuple[Matrix, float, float]:
    """A matrix and the sides of a rectangle."""
    matrix = rng.uniform(-2, 2, (2, 3)) + np.array([[3.0, 0, 0], [0, 3, 0]])
    return matrix, *rng.uniform(5, 50, 2).tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_outline_is_where_the_corners_were(seed: int) -> None:
    matrix, width, height = turned(np.random.default_rng(seed))
    corners = np.array([[-1, -1], [width, -1], [width, height], [-1, height]], np.float32)
    np.testing.assert_allclose(
        outline(matrix, -1, width, height), transform(invert(matrix), corners), rtol=1e-4, atol=1e-3
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_span_is_the_widest_part_of_a_band(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, width, height = turned(rng)
    top = rng.uniform(-30, 30)
    bottom = top + rng.uniform(0, 20)
    shape = outline(matrix, 0, width, height)
    inner = np.stack(np.meshgrid(np.linspace(0, width, 200), np.linspace(0, height, 200)), axis=-1).reshape(-1, 2)
    spots = transform(invert(matrix), inner.astype(np.float32))
    within = spots[(spots[:, 1] >= top) & (spots[:, 1] <= bottom), 0]
    low, high = span(shape, top, bottom)
    if within.size == 0:
        assert low > high or high - low < 10
        return
    assert low <= within.min() + 1e-3
    assert high >= within.max() - 1e-3
    assert low > within.min() - 1.5
    assert high < within.max() + 1.5


def test_a_span_of_an_upright_square_is_its_width() -> None:
    square = [(2.0, 3.0), (9.0, 3.0), (9.0, 12.0), (2.0, 12.0)]
    assert span(square, 4, 6) == (2, 9)
    assert span(square, 0, 3) == (2, 9)
    assert span(square, 13, 20) == (np.inf, -np.inf)
