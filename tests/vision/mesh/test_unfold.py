import numpy as np

from livecam.vision.mesh.pose import Rows
from livecam.vision.mesh.shape import Neutral, ShapeTransfer
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mesh.unfold import Unfolder
from tests.vision.mesh.drawn import neutral, points_of

CHIN = [17, 18, 200, 199, 175, 152]
UNFOLD = Unfolder(TOPOLOGY.canonical)


def gaping(shape: Rows) -> Rows:
    """`shape` with its lower lip below the skin that is under it."""
    opened = shape.copy()
    opened[TOPOLOGY.lips, 1] += np.where(shape[TOPOLOGY.lips, 1] > shape[[13, 14], 1].mean(), 0.08, 0)
    return opened


def test_a_face_in_order_stays_as_it_is() -> None:
    move = np.zeros_like(neutral())
    UNFOLD(neutral(), move)
    np.testing.assert_allclose(move, 0, atol=1e-12)


def test_skin_that_stays_behind_keeps_below_the_lip() -> None:
    shape = gaping(neutral())
    assert (np.diff(shape[CHIN, 1]) < 0).any()
    move = np.zeros_like(shape)
    UNFOLD(shape, move)
    assert (np.diff((shape + move)[CHIN, 1]) > 0).all()


def test_lips_and_oval_and_all_that_is_far_away_stay() -> None:
    shape = gaping(neutral())
    move = np.zeros_like(shape)
    UNFOLD(shape, move)
    assert not move[TOPOLOGY.lips].any()
    assert not move[TOPOLOGY.oval].any()
    assert not move[shape[:, 1] < 0].any()
    assert not move[:, 2].any()


def test_a_swapped_face_is_unfolded() -> None:
    points = points_of(gaping(neutral()))
    shown = ShapeTransfer(TOPOLOGY)(points, Neutral(), neutral(), 0.5)
    assert (np.diff(shown[CHIN, 1]) > 0).all()
