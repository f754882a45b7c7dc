import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.vision.mesh.pose import Rows
from livecam.vision.mesh.shape import Neutral, ShapeTransfer
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY
from tests.vision.mesh.drawn import neutral, open_mouth, points_of

TRANSFER = ShapeTransfer(TOPOLOGY)
PAIRS = (TOPOLOGY.lip_pair, *TOPOLOGY.lid_pairs)


def other_face(seed: int) -> Rows:
    """Another person: the neutral face with a smooth random deformation and another mouth and eyes."""
    rng = np.random.default_rng(seed)
    shape = neutral()
    bend = rng.normal(0, 0.06, (3, 3))
    moved = shape + (shape * shape) @ bend + rng.normal(0, 0.01, shape.shape)
    moved[TOPOLOGY.lips, 1] += 0.04
    result: Rows = open_mouth(moved, 0.03)
    return result


def test_amount_zero_leaves_every_vertex() -> None:
    points = points_of(neutral(), yaw=15)
    np.testing.assert_array_equal(TRANSFER(points, Neutral(), other_face(0), 0.0), points)


def test_the_oval_stays_and_the_inside_moves() -> None:
    points = points_of(neutral())
    moved = TRANSFER(points, Neutral(), other_face(1), 1.0)
    np.testing.assert_allclose(moved[TOPOLOGY.oval], points[TOPOLOGY.oval], atol=1e-3)
    assert np.linalg.norm(moved[:LANDMARKS, :2] - points[:LANDMARKS, :2], axis=1).max() > 2


def test_what_differs_from_one_side_of_the_face_to_the_other_is_not_taken_on() -> None:
    askew = neutral()
    askew[:, 0] += 0.1 * askew[:, 2]
    points = points_of(neutral())
    np.testing.assert_allclose(TRANSFER(points, Neutral(), askew, 1.0), points, atol=0.2)
    wide = neutral() * (1.1, 1.0, 1.0)
    assert np.abs(TRANSFER(points, Neutral(), wide, 1.0) - points)[:, 0].max() > 2


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("gap", [0.0, 0.001, 0.05])
def test_lips_and_lids_never_cross(seed: int, gap: float) -> None:
    shape = open_mouth(neutral(), gap)
    for upper, lower in TOPOLOGY.lid_pairs:
        middle, half = (shape[upper] + shape[lower]) / 2, np.array([0, gap / 2, 0])
        shape[upper], shape[lower] = middle - half, middle + half
    points = points_of(shape)
    moved = TRANSFER(points, Neutral(), other_face(seed), 1.0)
    for upper, lower in PAIRS:
        before = points[lower, 1] - points[upper, 1]
        after = moved[lower, 1] - moved[upper, 1]
        assert (after >= -1e-3).all()
        assert (after <= 1.4 * before + 1e-3).all()


def lid_gap(points: Points) -> float:
    upper, lower = TOPOLOGY.lid_pairs[0]
    return float((points[lower, 1] - points[upper, 1]).mean())


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_eyes_that_are_nearly_shut_are_drawn_shut(amount: float) -> None:
    blinking = neutral()
    for upper, lower in TOPOLOGY.lid_pairs:
        middle, half = (blinking[upper] + blinking[lower]) / 2, np.array([0, 0.004, 0])
        blinking[upper], blinking[lower] = middle - half, middle + half
    known = Neutral()
    opened = TRANSFER(points_of(neutral()), known, neutral(), amount)
    shut = TRANSFER(points_of(blinking), known, neutral(), amount)
    assert lid_gap(opened) > 4
    assert lid_gap(shut) == pytest.approx(0, abs=0.05)


def test_the_expression_is_kept() -> None:
    transfer, goal = ShapeTransfer(TOPOLOGY), other_face(3)
    known = Neutral()
    for _ in range(50):
        transfer(points_of(neutral()), known, goal, 0.5)
    rest = transfer(points_of(neutral()), known, goal, 0.5)
    speaking = transfer(points_of(open_mouth(neutral(), 0.08)), known, goal, 0.5)

    def gap(points: Points) -> float:
        return float((points[TOPOLOGY.lip_pair.lower, 1] - points[TOPOLOGY.lip_pair.upper, 1]).mean())

    assert gap(speaking) - gap(rest) == pytest.approx(0.08 * 220, rel=0.05)


def test_irises_go_with_their_eyes() -> None:
    points = points_of(neutral())
    moved = TRANSFER(points, Neutral(), other_face(4), 1.0)
    for iris, eye in zip((468, 473), TOPOLOGY.eyes, strict=True):
        shift = (moved[eye, :2] - points[eye, :2]).mean(axis=0)
        np.testing.assert_allclose(moved[iris, :2] - points[iris, :2], shift, atol=1e-3)


def test_the_move_turns_with_the_head() -> None:
    def length(move: Points) -> Points:
        far: Points = np.linalg.norm(move[:LANDMARKS], axis=1)
        return far

    goal = other_face(5)
    front = TRANSFER(points_of(neutral()), Neutral(), goal, 1.0) - points_of(neutral())
    turned = TRANSFER(points_of(neutral(), yaw=30), Neutral(), goal, 1.0) - points_of(neutral(), yaw=30)
    np.testing.assert_allclose(length(front), length(turned), atol=0.1)


def test_neutral_is_the_mean_at_first() -> None:
    known = Neutral()
    known.learn(neutral())
    mean = known.learn(neutral() + 0.2)
    np.testing.assert_allclose(mean, neutral() + 0.1)
