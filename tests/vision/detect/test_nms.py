"""Suppression against the plain algorithm, in both conventions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livecam.core.frame import Points
from livecam.vision.detect.nms import MOST, Candidates, joined, suppress

boxes = hnp.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=st.integers(0, 40).map(float))


def candidates(corners: Points, seed: int = 0) -> Candidates:
    random = np.random.default_rng(seed)
    scores = random.permutation(np.linspace(0.3, 0.9, len(corners))).astype(np.float32)
    return Candidates(corners, random.random((len(corners), 5, 2), np.float32), scores)


def overlap(a: Points, b: Points, pixel: float) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + pixel)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + pixel)
    areas = [(c[2] - c[0] + pixel) * (c[3] - c[1] + pixel) for c in (a, b)]
    return float(width * height / (sum(areas) - width * height)) if sum(areas) else 0.0


@given(boxes, st.sampled_from([0.0, 1.0]), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_it_agrees_with_the_plain_algorithm(rows: Points, pixel: float, seed: int) -> None:
    found = candidates(np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1), seed)
    kept: list[int] = []
    for index in np.argsort(-found.scores):
        if all(overlap(found.corners[index], found.corners[other], pixel) <= 0.4 + 1e-7 for other in kept):
            kept.append(int(index))
    result = suppress(found, 0.4, pixel)
    np.testing.assert_array_equal(result.scores, found.scores[kept])
    np.testing.assert_array_equal(result.corners, found.corners[kept])
    np.testing.assert_array_equal(result.five, found.five[kept])


@pytest.mark.parametrize(("pixel", "kept"), [(0.0, 2), (1.0, 1)])
def test_the_extra_pixel_counts(pixel: float, kept: int) -> None:
    """Shared 4 of 6 + 6 - 4 px wide: 0.5 without, 5 of 9 wide and full height with the extra pixel."""
    corners = np.array([[0, 0, 6, 3], [2, 0, 8, 3]], np.float32)
    assert len(suppress(candidates(corners), 0.52, pixel).scores) == kept


def test_of_equal_scores_the_earlier_stays() -> None:
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10]], np.float32)
    found = Candidates(corners, np.zeros((2, 5, 2), np.float32), np.array([0.5, 0.5], np.float32))
    np.testing.assert_array_equal(suppress(found, 0.4).corners, corners[:1])


def test_only_the_best_few_thousand_are_looked_at() -> None:
    many = MOST + 500
    place = np.arange(many, dtype=np.float32) * 4
    corners = np.stack([place, place, place + 2, place + 2], axis=1)
    found = Candidates(corners, np.zeros((many, 5, 2), np.float32), np.linspace(0, 1, many, dtype=np.float32))
    result = suppress(found, 0.4)
    np.testing.assert_array_equal(result.scores, found.scores[:499:-1])


def test_levels_are_joined_in_order() -> None:
    levels = [candidates(np.ones((rows, 4), np.float32) * rows) for rows in (2, 0, 3)]
    np.testing.assert_array_equal(joined(levels).corners[:, 0], [2, 2, 3, 3, 3])
    assert joined(levels).five.shape == (5, 5, 2)
