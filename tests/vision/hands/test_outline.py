import numpy as np
import pytest

from livecam.vision.hands.outline import Widths, draw, palm_length
from tests.vision.hands.stands import hand_mask, hand_points


def test_every_bone_is_covered_and_the_gaps_between_fingers_are_not() -> None:
    points = hand_points((200, 330), 120)
    mask = hand_mask(points, (400, 400))
    for x, y in np.rint(points[:, :2]).astype(int):
        assert mask[y, x] == 255
    between = (points[8, :2] + points[12, :2]) / 2
    assert mask[int(between[1]), int(between[0])] == 0


def test_the_palms_length_does_not_depend_on_the_turn_away_from_the_camera() -> None:
    points = hand_points((200, 330), 120)
    away = points.copy()
    away[:, 1] = 330 + (points[:, 1] - 330) * 0.5
    away[:, 2] = (points[:, 1] - 330) * np.sqrt(0.75)
    assert palm_length(away) == pytest.approx(palm_length(points), rel=1e-3)


@pytest.mark.parametrize("degrees", [0, 90, 200])
def test_the_arm_goes_on_behind_the_wrist(degrees: float) -> None:
    points = hand_points((200, 200), 60, degrees)
    along = points[0, :2] - points[9, :2]
    behind = points[0, :2] + 0.6 * along
    mask, stump = hand_mask(points, (400, 400)), np.zeros((400, 400), np.uint8)
    draw(stump, np.ascontiguousarray(points[:, :2]), 60, Widths(arm=0.0))
    x, y = np.rint(behind).astype(int)
    assert mask[y, x] == 255
    assert stump[y, x] == 0


def test_drawing_outside_the_picture_is_cut() -> None:
    mask = np.zeros((50, 50), np.uint8)
    draw(mask, np.ascontiguousarray(hand_points((-300, 900), 60)[:, :2]), 60, Widths())
    assert not mask.any()


def test_a_collapsed_hand_is_drawn_without_an_error() -> None:
    mask = np.zeros((50, 50), np.uint8)
    draw(mask, np.full((21, 2), 25, np.float32), 0.0, Widths())
    assert mask[25, 25] > 0
