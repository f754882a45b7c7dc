"""The pose: what was put in comes out, with the right signs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Points
from livecam.vision.mesh.pose import CHIN_ROW, TOP_ROW, Pose, PoseFitter, Rows, canonical_shape, face_height
from livecam.vision.mesh.topology import TOPOLOGY

CANONICAL: Rows = TOPOLOGY.canonical.astype(np.float64)
FITTER = PoseFitter(CANONICAL)


def rotation(yaw: float, pitch: float, roll: float) -> Rows:
    """Ry(-yaw) Rx(-pitch) Rz(roll), degrees."""
    y, x, z = (math.radians(angle) for angle in (-yaw, -pitch, roll))
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def posed(pose: Pose, shape: Rows = CANONICAL) -> Points:
    return pose.points_of(shape).astype(np.float32)


def test_the_canonical_face_looks_into_the_camera_with_height_one() -> None:
    raw = np.array([[0, 8, 4], [0, -9, 4], [0, -1, 7], [-4, 2, 3]], np.float32)
    vertices = np.zeros((468, 3), np.float32)
    vertices[[TOP_ROW, CHIN_ROW, 1, 33]] = raw
    shape = canonical_shape(vertices)
    assert np.linalg.norm(shape[TOP_ROW] - shape[CHIN_ROW]) == pytest.approx(1)
    np.testing.assert_allclose(shape.mean(axis=0), 0, atol=1e-12)
    assert shape[TOP_ROW, 1] < shape[CHIN_ROW, 1]  # y down
    assert shape[1, 2] < shape[33, 2]  # the nose is nearer
    assert shape[33, 0] < shape[1, 0]  # landmark 33 is on the image's left


@settings(deadline=None)
@given(
    st.floats(-80, 80), st.floats(-80, 80), st.floats(-179, 179), st.floats(30, 900),
    st.floats(-200, 1500), st.floats(-200, 900),
)  # fmt: skip
def test_a_pose_is_found_again(yaw: float, pitch: float, roll: float, scale: float, x: float, y: float) -> None:
    pose = Pose(scale, rotation(yaw, pitch, roll), np.array([x, y, 5.0]))
    found = FITTER(posed(pose))
    assert found.scale == pytest.approx(scale, rel=1e-3)
    np.testing.assert_allclose(found.rotation, pose.rotation, atol=2e-3)
    np.testing.assert_allclose(found.shift, pose.shift, atol=0.01 * scale)
    np.testing.assert_allclose(found.angles, (yaw, pitch, roll), atol=1.0)
    np.testing.assert_allclose(found.shape_of(posed(pose)), CANONICAL, atol=2e-3)


def test_angles_have_the_signs_a_viewer_expects() -> None:
    nose, forehead = 1, TOP_ROW
    middle = CANONICAL.mean(axis=0)

    def moved(row: int, **angles: float) -> Points:
        turn = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0} | angles
        pose = Pose(100, rotation(**turn), np.zeros(3))
        return np.asarray(pose.points_of(CANONICAL)[row] - pose.points_of(CANONICAL[[row]] * 0 + middle)[0])

    assert moved(nose, yaw=20)[0] > moved(nose)[0]
    assert moved(nose, pitch=20)[1] < moved(nose)[1]
    assert moved(forehead, roll=20)[0] > moved(forehead)[0]


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_the_rotation_never_mirrors(seed: int) -> None:
    points = np.random.default_rng(seed).normal(0, 50, (478, 3)).astype(np.float32)
    found = FITTER(points)
    assert np.linalg.det(found.rotation) == pytest.approx(1, abs=1e-6)
    placed = CANONICAL @ found.rotation.T
    best_scale = (placed * (points[:468] - points[:468].mean(axis=0))).sum() / (placed * placed).sum()
    assert found.scale == pytest.approx(best_scale, rel=1e-4)


def test_shape_and_points_undo_each_other_whatever_the_shape() -> None:
    points = np.random.default_rng(3).normal(200, 60, (478, 3)).astype(np.float32)
    pose = FITTER(points)
    np.testing.assert_allclose(pose.points_of(pose.shape_of(points)), points, atol=1e-3)


def test_only_the_given_rows_count_and_by_their_weight() -> None:
    pose = Pose(200, rotation(10, 5, -20), np.array([300.0, 200.0, 0.0]))
    points = posed(pose)
    points[300:] += 40  # a part that moves for itself
    rows = np.arange(300, dtype=np.int32)
    np.testing.assert_allclose(PoseFitter(CANONICAL, rows)(points).rotation, pose.rotation, atol=1e-4)
    weights = np.concatenate([np.ones(300), np.zeros(168)]).astype(np.float32)
    weighted = PoseFitter(CANONICAL, np.arange(468, dtype=np.int32), weights)
    np.testing.assert_allclose(weighted(points).rotation, pose.rotation, atol=1e-4)
    assert not np.allclose(FITTER(points).rotation, pose.rotation, atol=1e-2)


def test_face_height_is_measured_in_the_image() -> None:
    points = np.zeros((468, 3), np.float32)
    points[TOP_ROW], points[CHIN_ROW] = (10, 10, 500), (40, 50, -500)
    assert face_height(points) == pytest.approx(50)
