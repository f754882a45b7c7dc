"""The angles of a head: by the mesh exactly, by five points nearly, and none where nothing tells."""

import math

import numpy as np
import pytest

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Points
from livecam.vision.angles import HeadAngles
from livecam.vision.heading import CANONICAL_FIVE, HeadPose, angles_of_five
from livecam.vision.mesh.topology import TOPOLOGY

SEEN = [(0, 0), (20, 0), (-45, 0), (0, 15), (0, -15), (30, 15), (-50, -12)]


def turned(points: Points, yaw: float, pitch: float, roll: float = 0.0) -> Points:
    """`points`, (N, 3), of a head at these angles, the camera being tilted by `roll`, in px of a frame."""
    a, b, c = (math.radians(angle) for angle in (-yaw, -pitch, roll))
    across = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    nod = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    tilt = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    placed: Points = (points @ (tilt @ across @ nod).T * 220 + (320, 240, 0)).astype(np.float32)
    return placed


def face_of(points: Points, topology: Topology) -> Face:
    flat = np.ascontiguousarray(points[:, :2])
    return Face(box_of(flat), Landmarks(flat, topology), np.ascontiguousarray(points[:, 2]), 1.0, 1)


@pytest.mark.parametrize(("yaw", "pitch"), SEEN)
def test_a_mesh_tells_to_a_degree(yaw: float, pitch: float) -> None:
    found = HeadPose()(face_of(turned(TOPOLOGY.canonical, yaw, pitch), Topology.MESH468))
    assert found == pytest.approx((yaw, pitch), abs=1.0)


@pytest.mark.parametrize(("yaw", "pitch"), SEEN)
def test_five_points_of_the_canonical_face_tell_to_two_degrees(yaw: float, pitch: float) -> None:
    for roll in (0.0, 20.0):
        five = turned(CANONICAL_FIVE, yaw, pitch, roll)
        assert HeadPose()(face_of(five, Topology.FIVE)) == pytest.approx((yaw, pitch), abs=1.5)


def test_a_mesh_without_depth_is_told_by_its_five_points() -> None:
    points = turned(TOPOLOGY.canonical, 25.0, 0.0)
    points[:, 2] = 0
    found = HeadPose()(face_of(points, Topology.MESH468))
    assert found is not None
    assert found.yaw == pytest.approx(25, abs=4)


def test_looking_straight_is_nothing() -> None:
    assert angles_of_five(turned(CANONICAL_FIVE, 0, 0)[:, :2]) == pytest.approx(HeadAngles(0, 0), abs=0.01)


@pytest.mark.parametrize("spoilt", ["collapsed", "profile", "not finite", "no mouth"])
def test_what_tells_nothing_has_no_angles(spoilt: str) -> None:
    five = turned(CANONICAL_FIVE, 0, 0)[:, :2].copy()
    if spoilt == "collapsed":
        five[:] = 100
    elif spoilt == "profile":
        five[1] = five[0]
    elif spoilt == "not finite":
        five[2, 0] = np.nan
    else:
        five[3:] = five[:2]
    assert HeadPose()(face_of(np.column_stack([five, np.zeros(5)]).astype(np.float32), Topology.FIVE)) is None


def test_both_halves_of_the_canonical_points_are_mirror_images() -> None:
    mirrored = CANONICAL_FIVE[[1, 0, 2, 4, 3]] * np.array([-1, 1, 1], np.float32)
    assert np.array_equal(mirrored, CANONICAL_FIVE)
