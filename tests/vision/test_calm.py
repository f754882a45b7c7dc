"""Rest and motion told apart, and what is left of the flow's noise at rest."""

import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.vision.calm import AffineParts, Calm, Ways, lengths, mean_point, paced, paced_one, ramp
from tests.vision.test_track import mesh_at

HEIGHT = 200.0
FACE = mesh_at(300, 300, HEIGHT)
STEP_S = 1 / 30


def calmed(calm: Calm, flow: Ways) -> Ways:
    whole = affine_parts(FACE)(flow)
    return calm(flow, (whole, flow - whole), HEIGHT, (STEP_S, 1.0))


def affine_parts(points: Points) -> AffineParts:
    affine = AffineParts(len(points))
    affine.learn(points, mean_point(points), HEIGHT)
    return affine


def noise(seed: int, sigma: float) -> Points:
    return np.random.default_rng(seed).normal(0, sigma, (478, 2)).astype(np.float32)


def whole(speed: float) -> Ways:
    """The flow of a face that moves by so many of its heights a second."""
    return np.full((478, 2), [speed * HEIGHT * STEP_S, 0], np.float32)


def resting() -> Calm:
    calm = Calm()
    for seed in range(10):
        calmed(calm, noise(seed, 0.05))
    assert calm.rests
    return calm


def test_the_noise_of_a_resting_face_is_hardly_passed_on() -> None:
    calm = Calm()
    moves = [calmed(calm, noise(seed, 0.1)) for seed in range(60)]
    assert np.std(moves[10:]) < 0.35 * 0.1
    assert calm.haste == 0


def test_a_jerk_of_a_resting_face_is_spread_over_the_next_frames() -> None:
    """It is as fast as a slow motion, and over in a frame."""
    calm = resting()
    moves = [calmed(calm, whole(speed))[:, 0].mean() / whole(0.1)[0, 0] for speed in [0.1] + 30 * [0.0]]
    assert moves[0] < 0.3
    assert sum(moves) == pytest.approx(1, abs=0.1)


def test_a_moving_face_moves_at_once_and_all_the_way() -> None:
    for calm in (Calm(), resting()):
        for _ in range(3):
            np.testing.assert_array_equal(calmed(calm, whole(0.3)), whole(0.3))
        assert calm.haste == 1


def test_a_mouth_that_opens_ends_the_rest() -> None:
    calm, flow = resting(), np.zeros((478, 2), np.float32)
    flow[:40, 1] = 4.0
    np.testing.assert_array_equal(calmed(calm, flow), flow)


def test_rest_begins_below_one_speed_after_a_while_and_ends_above_another() -> None:
    calm, rests = Calm(), []
    for speed in [0.15] * 5 + [0.1] * 4 + [0.15] * 2 + [0.21, 0.1, 0.1, 0.1]:
        calmed(calm, whole(speed))
        rests.append(calm.rests)
    assert rests == [False] * 7 + [True] * 4 + [False] * 3 + [True]


def test_after_a_reset_the_face_must_come_to_rest_again() -> None:
    calm, flow = resting(), noise(1, 0.05)
    calm.reset()
    np.testing.assert_array_equal(calmed(calm, flow), flow)
    assert not calm.rests


def test_the_affine_part_is_what_an_affine_map_does() -> None:
    matrix = np.array([[0.01, -0.02], [0.03, 0.005]], np.float32)
    field = FACE[:, :2] @ matrix.T + np.float32(1.5)
    np.testing.assert_allclose(affine_parts(FACE)(field), field, atol=1e-3)
    assert lengths(affine_parts(FACE)(noise(1, 1.0))).max() < 0.5
    assert np.isfinite(affine_parts(FACE * 0)(field)).all()


def test_shares_depend_on_time_not_on_frames() -> None:
    left = np.array([0.7], np.float32)
    once, half = paced(left.copy(), STEP_S, STEP_S, 1.0), paced(left.copy(), STEP_S, STEP_S / 2, 1.0)
    assert once == pytest.approx(0.3, abs=1e-6)
    assert 1 - (1 - half) ** 2 == pytest.approx(once, abs=1e-6)
    assert paced(left, STEP_S, STEP_S, 100.0) == 1
    assert paced(np.array([0.0], np.float32), STEP_S, STEP_S, 1.0) == 1
    assert paced_one(2.0, STEP_S, STEP_S, 1.0) == 1
    np.testing.assert_allclose(ramp(np.array([0.0, 1.0, 2.0, 3.0], np.float32), 1, 2), [0, 0, 1, 1])
