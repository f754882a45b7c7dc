import numpy as np
import pytest

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Image
from livecam.errors import ContractError
from livecam.vision.mask.area import points68
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mouth import MouthKeeper, openness

SIDE = 256
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
CROP = np.zeros((SIDE, SIDE, 3), np.uint8)


def face(gap: float, topology: Topology = Topology.MESH468) -> Landmarks:
    """The average face in the middle of a crop, its inner lips moved apart by `gap` of the face's height."""
    points = TOPOLOGY.canonical[:, :2].copy()
    upper, lower = TOPOLOGY.lip_pair
    seam = points[np.concatenate([upper, lower]), 1].mean()
    fall = np.sin(np.linspace(0, np.pi, len(upper) + 2)[1:-1]).astype(np.float32)
    points[upper, 1] = seam - fall * gap / 2
    points[lower, 1] = seam + fall * gap / 2
    mesh = Landmarks((points * 0.7 * SIDE + SIDE / 2).astype(np.float32), Topology.MESH468)
    return mesh if topology is Topology.MESH468 else Landmarks(points68(mesh), Topology.FAN68)


def mask_of(landmarks: Landmarks, keeper: MouthKeeper | None = None) -> Image:
    keeper = keeper or MouthKeeper()
    keeper.place(landmarks, IDENTITY)
    return keeper(CROP, np.full((SIDE, SIDE), 77, np.uint8))


@pytest.mark.parametrize("topology", [Topology.MESH468, Topology.FAN68])
def test_an_open_mouth_is_left_to_the_wearer_and_nothing_else_is(topology: Topology) -> None:
    landmarks = face(0.15, topology)
    mask = mask_of(landmarks)
    ring = points68(landmarks)[60:]
    x, y = ring.mean(axis=0).round().astype(int)
    assert mask[y, x] == 0
    inside = np.zeros((SIDE, SIDE), bool)
    (left, top), (right, bottom) = np.floor(ring.min(axis=0)).astype(int), np.ceil(ring.max(axis=0)).astype(int)
    inside[top : bottom + 1, left : right + 1] = True
    assert (mask[~inside] == 255).all()


@pytest.mark.parametrize("gap", [0.0, 0.005])
def test_closed_lips_are_the_personas(gap: float) -> None:
    assert (mask_of(face(gap)) == 255).all()


def test_it_fades_in_without_a_pop() -> None:
    kept = [int((255 - mask_of(face(gap)).astype(int)).sum()) for gap in np.linspace(0, 0.12, 49)]
    steps = np.diff(kept)
    assert kept[0] == 0
    assert kept[-1] > 255 * 100
    assert (steps >= -0.01 * kept[-1]).all()
    assert steps.max() < 0.08 * kept[-1]


def test_the_edge_is_soft() -> None:
    mask = mask_of(face(0.15))
    column = mask[:, round(points68(face(0.15))[62, 0])].astype(int)
    assert 0 < np.abs(np.diff(column)).max() < 160
    assert ((column > 20) & (column < 235)).sum() >= 2


def test_openness_is_by_the_length_of_the_face_and_not_its_width() -> None:
    front = face(0.1)
    turned = Landmarks(front.points * np.array([0.4, 1], np.float32), Topology.MESH468)
    assert openness(face(0.0)) < 0.01
    assert openness(turned) == pytest.approx(openness(front), rel=0.1)
    assert openness(face(0.1, Topology.FAN68)) == pytest.approx(openness(front), rel=0.1)


def test_a_mouth_outside_the_crop_is_nothing() -> None:
    keeper = MouthKeeper()
    out = np.full((SIDE, SIDE), 77, np.uint8)
    for x, y in ((4000, 0), (-4000, 0), (0, 4000), (0, -4000)):
        keeper.place(face(0.15), np.array([[1.0, 0, x], [0, 1, y]]))
        assert (keeper(CROP, out) == 255).all()
    keeper.place(face(0.15), np.array([[1.0, 0, -SIDE / 2], [0, 1, 0]]))
    assert keeper(CROP, out).min() == 0


def test_before_it_is_placed_all_is_the_personas() -> None:
    assert (MouthKeeper()(CROP, np.zeros((SIDE, SIDE), np.uint8)) == 255).all()


def test_five_points_do_not_do() -> None:
    with pytest.raises(ContractError, match="mouth"):
        MouthKeeper().place(Landmarks(np.zeros((5, 2), np.float32), Topology.FIVE), IDENTITY)
