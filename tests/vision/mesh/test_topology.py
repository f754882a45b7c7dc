import numpy as np
import pytest

from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY, facing, rigid_fitter
from tests.vision.mesh.drawn import neutral, points_of


def test_triangles_tile_the_inside_of_the_oval_without_holes() -> None:
    edges: dict[tuple[int, int], int] = {}
    for triangle in TOPOLOGY.triangles[: TOPOLOGY.inner].tolist():
        for a, b in zip(triangle, triangle[1:] + triangle[:1], strict=True):
            key = (min(a, b), max(a, b))
            edges[key] = edges.get(key, 0) + 1
    oval = TOPOLOGY.oval.tolist()
    border = {(min(a, b), max(a, b)) for a, b in zip(oval, oval[1:] + oval[:1], strict=True)}
    assert {edge for edge, uses in edges.items() if uses == 1} == border
    assert set(edges.values()) == {1, 2}


def test_every_skin_triangle_faces_the_camera_on_the_canonical_face() -> None:
    cosines = facing(TOPOLOGY, TOPOLOGY.extend(TOPOLOGY.canonical))
    assert (cosines[: TOPOLOGY.skin] > 0).all()
    assert (np.abs(TOPOLOGY.orientation) == 1).all()


def test_canonical_face_is_in_image_axes_with_height_one() -> None:
    face = TOPOLOGY.canonical
    assert face_height(face) == pytest.approx(1, abs=0.02)
    assert face[152, 1] > face[10, 1]
    assert face[1, 2] < face[234, 2]
    assert face[33, 0] < face[263, 0]


def test_extend_keeps_landmarks_and_puts_the_ring_outside() -> None:
    points = points_of(neutral())
    points[468, :2] += (3, 1)
    vertices = TOPOLOGY.extend(points)
    assert vertices.shape == (TOPOLOGY.vertices, 3)
    np.testing.assert_array_equal(vertices[:LANDMARKS], points[:LANDMARKS])
    middle = points[TOPOLOGY.oval, :2].mean(axis=0)
    oval = np.linalg.norm(points[TOPOLOGY.oval, :2] - middle, axis=1)
    ring = np.linalg.norm(vertices[LANDMARKS:-2, :2] - middle, axis=1)
    assert (ring > oval * 1.1).all()
    np.testing.assert_array_equal(vertices[-2, :2], points[468, :2])
    np.testing.assert_array_equal(vertices[-1, :2], points[473, :2])


def test_extend_without_irises_looks_straight_ahead() -> None:
    points = points_of(neutral())[:LANDMARKS]
    np.testing.assert_allclose(TOPOLOGY.extend(points)[-2], points[TOPOLOGY.eyes[0]].mean(axis=0), rtol=1e-6)


def test_pairs_lie_across_from_each_other() -> None:
    face = neutral()
    for upper, lower in (TOPOLOGY.lip_pair, *TOPOLOGY.lid_pairs):
        assert (face[upper, 1] < face[lower, 1] + 1e-3).all()
        assert np.abs(face[upper, 0] - face[lower, 0]).max() < 0.03


def test_mirror_is_its_own_inverse() -> None:
    np.testing.assert_array_equal(TOPOLOGY.mirror[TOPOLOGY.mirror], np.arange(LANDMARKS))
    assert TOPOLOGY.mirror[33] == 263


def test_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TOPOLOGY.canonical[0, 0] = 1


def test_rigid_fit_ignores_an_open_mouth() -> None:
    from tests.vision.mesh.drawn import open_mouth

    closed, opened = (rigid_fitter()(points_of(s, yaw=20)) for s in (neutral(), open_mouth(neutral(), 0.1)))
    np.testing.assert_allclose(closed.rotation, opened.rotation, atol=1e-6)
    assert abs(abs(closed.angles.yaw) - 20) < 1
