"""Velocities at rest and in motion."""

import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.vision.calm import Calm, affine_part, lengths, paced, ramp
from tests.vision.test_track import mesh_at

HEIGHT = 200.0
FACE = mesh_at(300, 300, HEIGHT)
STEP_S = 1 / 30


def carried(calm: Calm, flow: Points) -> Points:
    return calm(FACE, flow, HEIGHT, STEP_S, 1.0) - FACE


def noise(seed: int, sigma: float) -> Points:
    return np.random.default_rng(seed).normal(0, sigma, (478, 2)).astype(np.float32)


def test_the_noise_of_a_resting_face_is_hardly_passed_on() -> None:
    calm = Calm()
    moves = [carried(calm, noise(seed, 0.1)) for seed in range(60)]
    assert np.std(moves[10:]) < 0.35 * 0.1
    assert calm.haste[0] == 0


def test_a_moving_face_moves_at_once_and_all_the_way() -> None:
    calm, flow = Calm(), np.full((478, 2), 2.0, np.float32)
    for _ in range(3):
        np.testing.assert_allclose(carried(calm, flow)[:, :2], flow, atol=1e-3)
    assert calm.haste[0] == 1


def test_a_mouth_that_opens_moves_at_once_while_the_face_rests() -> None:
    calm, flow = Calm(), np.zeros((478, 2), np.float32)
    flow[14, 1] = 4.0
    assert carried(calm, flow)[14, 1] > 3.7


def test_reset_takes_the_face_to_rest() -> None:
    calm = Calm()
    carried(calm, np.full((478, 2), 0.04, np.float32))
    calm.reset()
    fresh = Calm()
    small = np.full((478, 2), 0.02, np.float32)
    np.testing.assert_array_equal(carried(calm, small), carried(fresh, small))


def test_the_affine_part_is_what_an_affine_map_does() -> None:
    matrix = np.array([[0.01, -0.02], [0.03, 0.005]], np.float32)
    field = FACE[:, :2] @ matrix.T + np.float32(1.5)
    np.testing.assert_allclose(affine_part(field, FACE, HEIGHT), field, atol=1e-3)
    assert lengths(affine_part(noise(1, 1.0), FACE, HEIGHT)).max() < 0.5
    assert np.isfinite(affine_part(field, FACE * 0, HEIGHT)).all()


def test_shares_depend_on_time_not_on_frames() -> None:
    share = np.array([0.3], np.float32)
    once, half = paced(share, STEP_S, STEP_S, 1.0), paced(share, STEP_S, STEP_S / 2, 1.0)
    assert 1 - (1 - half) ** 2 == pytest.approx(once, abs=1e-6)
    assert paced(share, STEP_S, STEP_S, 100.0) == 1
    assert paced(np.array([2.0], np.float32), STEP_S, STEP_S, 1.0) == 1
    np.testing.assert_allclose(ramp(np.array([0.0, 1.0, 2.0, 3.0], np.float32), 1, 2), [0, 0, 1, 1])
