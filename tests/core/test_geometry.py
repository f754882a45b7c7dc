"""Affine arithmetic by its properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Matrix, Points
from livecam.core.geometry import compose, invert, letterbox, similarity, transform

SEEDS = st.integers(0, 2**32 - 1)


def random_similarity(rng: np.random.Generator) -> Matrix:
    scale, angle = math.exp(rng.uniform(-2, 2)), rng.uniform(-math.pi, math.pi)
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    x, y = rng.uniform(-500, 500, 2)
    return np.array([[c, -s, x], [s, c, y]])


def random_points(rng: np.random.Generator, count: int = 5) -> Points:
    return rng.uniform(-200, 200, (count, 2)).astype(np.float32)


@settings(deadline=None)
@given(SEEDS)
def test_a_similarity_is_found_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, matrix = random_points(rng), random_similarity(rng)
    np.testing.assert_allclose(similarity(points, transform(matrix, points)), matrix, rtol=1e-4, atol=0.05)


@settings(deadline=None)
@given(SEEDS)
def test_no_other_similarity_fits_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = random_points(rng), random_points(rng)
    best = similarity(source, target)

    def cost(matrix: Matrix) -> float:
        return float(((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum())

    for _ in range(10):
        d = rng.normal(0, 1e-2, 4)
        change = np.array([[d[0], -d[1], d[2]], [d[1], d[0], d[3]]])
        assert cost(best + change) >= cost(best) - 1e-6


@settings(deadline=None)
@given(SEEDS)
def test_inverting_and_composing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second, points = random_similarity(rng), random_similarity(rng), random_points(rng)
    np.testing.assert_allclose(compose(invert(first), first), np.eye(2, 3), atol=1e-8)
    expected = transform(second, transform(first, points))
    np.testing.assert_allclose(transform(compose(second, first), points), expected, rtol=1e-3, atol=0.1)


def test_letterbox_centres() -> None:
    corners = transform(letterbox(1280, 720, 128), np.array([[0, 0], [1280, 720]], dtype=np.float32))
    np.testing.assert_allclose(corners, [[0, 28], [128, 100]])


def test_bad_input_is_refused() -> None:
    points = np.zeros((5, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="coincide"):
        similarity(points, points)
    with pytest.raises(ValueError, match="needs two"):
        similarity(points, points[:4])
    with pytest.raises(ValueError, match="singular"):
        invert(np.zeros((2, 3)))
