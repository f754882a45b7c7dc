import math

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.seam import Seam
from livecam.vision.step import STEP, Step

SHAPE = (360, 300, 3)
MIDDLE = np.s_[160:200, 130:170]


def oval() -> Image:
    mask = np.zeros(SHAPE[:2], np.uint8)
    cv2.ellipse(mask, (150, 180), (130, 165), 0, 0, 360, 255, -1)
    return cv2.blur(mask, (9, 9)).astype(np.uint8)


def flat(level: int) -> Image:
    return np.full(SHAPE, level, np.uint8)


def just_inside() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = oval()
    return (mask > 128) & (mask < 250)


def matched(wearer: Image, painted: Image, seam: Seam | None = None) -> Image:
    out = painted.copy()
    (seam or Seam())(out, wearer, oval())
    return out


def test_the_edge_takes_on_the_wearers_colour_and_the_middle_keeps_its_own() -> None:
    out = matched(flat(150), flat(110))
    assert out[just_inside()].mean() > 125
    np.testing.assert_array_equal(out[MIDDLE], 110)


def test_what_lies_outside_the_face_does_not_count() -> None:
    wearer = flat(110)
    wearer[oval() == 0] = 10
    assert np.abs(matched(wearer, flat(110))[just_inside()].astype(int) - 110).mean() < 3


def test_fine_detail_stays() -> None:
    texture = np.random.default_rng(1).integers(-12, 13, SHAPE)
    painted = (110 + texture).astype(np.uint8)
    out = matched(flat(150), painted).astype(int)
    before, after = (each - cv2.blur(each.astype(np.float32), (9, 9)) for each in (painted.astype(int), out))
    np.testing.assert_allclose(after[just_inside()], before[just_inside()], atol=4)


def test_it_follows_slowly_but_a_jump_at_once() -> None:
    seam = Seam()
    for _ in range(3):
        matched(flat(120), flat(110), seam)
    rest = matched(flat(120), flat(110), seam)[just_inside()].mean()
    flicker = matched(flat(122), flat(110), seam)[just_inside()].mean()
    assert flicker - rest < 0.5
    np.testing.assert_array_equal(matched(flat(170), flat(110), seam), matched(flat(170), flat(110)))


def test_it_keeps_up_with_an_edge_that_changes_in_every_frame() -> None:
    seam = Seam()
    matched(flat(110), flat(110), seam)
    shown = [matched(flat(110 + 3 * frame), flat(110), seam)[just_inside()].mean() for frame in range(6)]
    assert (np.diff(shown)[1:] > 0.3).all()


def test_a_large_face_is_matched_like_a_small_one() -> None:
    wearer, painted = (np.repeat(np.repeat(flat(level), 3, axis=0), 3, axis=1) for level in (150, 110))
    mask = np.repeat(np.repeat(oval(), 3, axis=0), 3, axis=1)
    Seam()(painted, wearer, mask)
    small = matched(flat(150), flat(110)).astype(int)
    assert np.abs(painted[1::3, 1::3] - small)[just_inside()].mean() < 1


def test_another_face_is_matched_anew() -> None:
    seam = Seam()
    matched(flat(150), flat(149), seam)
    seam.reset()
    np.testing.assert_array_equal(matched(flat(112), flat(110), seam), matched(flat(112), flat(110)))


def test_a_face_cut_by_the_frame_is_matched_too() -> None:
    painted = flat(110)
    Seam()(painted, flat(150)[:-20, :-30], oval())
    assert painted[:-20, :-30][just_inside()[:-20, :-30]].mean() > 122


def test_a_face_without_an_edge_in_the_frame_is_left_alone_and_so_is_one_that_does_not_show() -> None:
    for level in (0, 255):
        seam = Seam()
        for _ in range(2):
            painted = flat(110)
            seam(painted, flat(150), np.full(SHAPE[:2], level, np.uint8))
            np.testing.assert_array_equal(painted, 110)
        assert np.isfinite(matched(flat(112), flat(110), seam)).all()


def lamp_at_one_side() -> tuple[Image, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """The wearer with light from one side, which changes little in the mean, and where it does."""
    wearer, where = flat(110), just_inside()
    wearer[:, :35] += 30
    where[:, 30:] = False
    return wearer, where


def seams_at(fps: int, seconds: float) -> list[float]:
    """How much of a step of light is followed by each frame of so many a second."""
    seam, (wearer, where) = Seam(), lamp_at_one_side()
    matched(flat(110), flat(110), seam)
    wanted = matched(wearer, flat(110))[where].mean() - 110
    followed = []
    for _ in range(round(seconds * fps)):
        painted = flat(110)
        seam(painted, wearer, oval(), Step(30 / fps))
        followed.append(float((painted[where].mean() - 110) / wanted))
    return followed


@pytest.mark.parametrize("fps", [15, 60])
@pytest.mark.parametrize("part", [0.5, 0.8, 0.9])
def test_the_edge_is_followed_in_the_same_time_at_every_frame_rate(fps: int, part: float) -> None:
    seconds = [(np.array(seams_at(each, 1.5)) < part).sum() / each for each in (fps, 30)]
    assert seconds[0] == pytest.approx(seconds[1], abs=1 / min(fps, 30) + 1e-9)


def after(step: Step) -> Image:
    """The painted face one step after the light has changed by a little."""
    seam, painted = Seam(), flat(110)
    matched(flat(110), flat(110), seam)
    seam(painted, lamp_at_one_side()[0], oval(), step)
    return painted


def test_after_a_gap_and_without_steadiness_the_edge_passes_at_once_and_a_frame_that_came_twice_changes_nothing() -> (
    None
):
    wearer, where = lamp_at_one_side()
    wanted = matched(wearer, flat(110))
    for step in (Step(math.inf), Step(1.0, math.inf), Step(0.0, math.inf)):
        np.testing.assert_allclose(after(step).astype(int), wanted.astype(int), atol=1)
    plain = after(STEP)[where].mean()
    np.testing.assert_array_equal(after(Step(1.0)), after(STEP))
    assert 110 < after(Step(1.0, 0.25))[where].mean() < plain < wanted[where].mean()
    seam, painted = Seam(), flat(110)
    for _ in range(2):
        painted = flat(110)
        seam(painted, flat(110), oval(), Step(0.0))
    np.testing.assert_array_equal(painted, 110)
