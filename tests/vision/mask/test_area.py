import numpy as np
import pytest

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Points
from livecam.errors import ContractError
from livecam.vision.mask.area import MESH_TO_FAN68, Area, AreaMasker, points68
from livecam.vision.mesh.topology import TOPOLOGY

SIDE = 256
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
CROP = np.zeros((SIDE, SIDE, 3), np.uint8)
# Of the 68 points, the one on the other side of the face, as the convention draws them.
MIRROR_68 = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
]


def mesh(side: int = SIDE) -> Landmarks:
    """The average face in the middle of a crop."""
    points = TOPOLOGY.canonical[:, :2] * np.float32(0.7 * side) + np.float32(side / 2)
    return Landmarks(points.astype(np.float32), Topology.MESH468)


def mask_of(areas: list[Area], landmarks: Landmarks, matrix: Points | None = None) -> np.ndarray:
    masker = AreaMasker(areas)
    masker.place(landmarks, IDENTITY if matrix is None else matrix.astype(np.float64))
    return masker(CROP, np.full((SIDE, SIDE), 77, np.uint8))


def test_the_mesh_stands_for_the_68_points_in_mirrored_pairs() -> None:
    assert len(MESH_TO_FAN68) == len(set(MESH_TO_FAN68)) == 68
    rows = np.array(MESH_TO_FAN68)
    np.testing.assert_array_equal(TOPOLOGY.mirror[rows], rows[MIRROR_68])


def test_the_68_points_of_a_mesh_are_ordered_as_the_convention_draws_them() -> None:
    points = points68(mesh())
    x, y = points.T
    assert set(MESH_TO_FAN68[:17]) <= set(TOPOLOGY.oval.tolist())
    assert (np.diff(x[2:15]) > 0).all()  # the jaw, ear to ear
    assert y[:17].argmax() == 8  # the chin
    assert (np.diff(x[17:27]) > 0).all()  # brows
    assert (np.diff(y[27:31]) > 0).all()  # bridge of the nose, downwards
    assert (np.diff(x[31:36]) > 0).all()
    assert set(MESH_TO_FAN68[60:]) <= set(TOPOLOGY.mouth.tolist())
    for corner, (first, last) in {36: (36, 42), 42: (42, 48), 48: (48, 60), 60: (60, 68)}.items():
        assert x[first:last].argmin() + first == corner
    upper, lower = y[[37, 38, 43, 44, 49, 50, 51, 52, 53]], y[[41, 40, 47, 46, 59, 58, 57, 56, 55]]
    assert (upper < lower).all()


def test_68_points_pass_as_they_are_and_five_do_not_do() -> None:
    points = np.random.default_rng(0).random((68, 2), np.float32)
    np.testing.assert_array_equal(points68(Landmarks(points, Topology.FAN68)), points)
    with pytest.raises(ContractError, match="68"):
        points68(Landmarks(np.zeros((5, 2), np.float32), Topology.FIVE))


def test_each_area_covers_its_part_of_the_face_and_no_other() -> None:
    points = points68(mesh()).round().astype(int)
    nose, chin, lips = points[29], points[8], points[62]
    for area, inside, outside in (
        (Area.UPPER_FACE, nose, chin - (0, 8)),
        (Area.LOWER_FACE, lips, points[27]),
        (Area.MOUTH, lips, chin - (0, 4)),
    ):
        mask = mask_of([area], mesh())
        assert mask[inside[1], inside[0]] > 100
        assert mask[outside[1], outside[0]] == 0


def test_two_areas_leave_no_gap_between_them() -> None:
    both = mask_of([Area.UPPER_FACE, Area.LOWER_FACE], mesh())
    centre = points68(mesh())[33].round().astype(int)
    assert both[centre[1], centre[0]] == 255
    assert (both >= mask_of([Area.LOWER_FACE], mesh())).all()


def test_landmarks_are_moved_into_the_crop() -> None:
    there = mesh(side=SIDE * 2)
    half = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    moved, plain = mask_of([Area.LOWER_FACE], there, half), mask_of([Area.LOWER_FACE], mesh())
    assert np.abs(moved.astype(int) - plain).max() <= 2


def test_it_refuses_to_guess_where_the_face_lies() -> None:
    with pytest.raises(ContractError, match="before"):
        AreaMasker([Area.MOUTH])(CROP, np.empty((SIDE, SIDE), np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        AreaMasker([])
