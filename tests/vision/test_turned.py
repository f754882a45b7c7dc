import numpy as np
import pytest

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Points
from livecam.vision.turned import BY_FIVE, BY_MESH, Limits, Turned, turn_across
from tests.vision.mesh.drawn import neutral, points_of


def five_of(yaw: float, roll: float = 0.0) -> Points:
    """The five points of the average face, turned."""
    points = points_of(neutral(), yaw=yaw)[:, :2]
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    return Landmarks(np.ascontiguousarray(points @ turn), Topology.MESH468).five


@pytest.mark.parametrize("roll", [0.0, 30.0, -90.0])
@pytest.mark.parametrize("yaw", [0, 20, -35, 50, -60, 75])
def test_tells_about_how_far_a_head_is_turned(yaw: float, roll: float) -> None:
    assert turn_across(five_of(yaw, roll)) == pytest.approx(abs(yaw), abs=6)


def test_eyes_in_one_place_are_a_profile() -> None:
    five = np.array([[10, 10], [10, 10], [20, 14], [12, 20], [12, 20]], np.float32)
    assert turn_across(five) == 90


@pytest.mark.parametrize("limits", [BY_FIVE, BY_MESH])
def test_a_border_is_not_crossed_to_and_fro(limits: Limits) -> None:
    turned, (away, back) = Turned(limits), limits
    seen = [turned(degrees) for degrees in (away - 1, away + 1, away - 1, back + 1, back - 1, away - 1)]
    assert seen == [False, True, True, True, False, False]
