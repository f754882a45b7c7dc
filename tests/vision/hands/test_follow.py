from dataclasses import replace

import numpy as np
import pytest

from livecam.core.frame import Image, Points
from livecam.vision.hands.follow import HandFollower, HandRules, reaches_out, steadied
from livecam.vision.hands.landmarks import HandFit, HandRoi
from livecam.vision.hands.palm import Palm
from livecam.vision.mesh.landmarks import Roi
from tests.vision.hands.stands import hand_points
from tests.vision.mesh.drawn import face_of, neutral, points_of

FACE = face_of(points_of(neutral()))
IMAGE: Image = np.zeros((360, 480, 3), np.uint8)
REACHING = hand_points((170, 340), 60)
RULES = HandRules()


class Seen:
    """A landmarker that sees the hand of a test in any square near it."""

    def __init__(self, points: Points = REACHING, presence: float = 0.99) -> None:
        self.hands = [points]
        self.presence = presence
        self.looked = 0

    def __call__(self, image: Image, roi: Roi) -> HandFit:
        self.looked += 1
        middle = np.array([roi.x, roi.y])
        nearest = min(self.hands, key=lambda hand: float(np.hypot(*(hand[:, :2].mean(axis=0) - middle))))
        return HandFit(nearest.copy(), self.presence)


def palm_of(points: Points, score: float = 0.9) -> Palm:
    corners = np.concatenate([points[[0, 5, 17], :2].min(axis=0), points[[0, 5, 17], :2].max(axis=0)])
    keypoints = points[[0, 5, 9, 13, 17, 1, 2], :2]
    return Palm(corners.astype(np.float32), np.ascontiguousarray(keypoints), score)


def following(seen: Seen, rules: HandRules = RULES) -> HandFollower:
    return HandFollower(seen, rules)  # type: ignore[arg-type]


def test_a_palm_becomes_a_followed_hand() -> None:
    seen = Seen()
    follower = following(seen)
    assert follower(IMAGE, FACE, []) == ()
    (hand,) = follower(IMAGE, FACE, [palm_of(REACHING)])
    np.testing.assert_array_equal(hand.points, REACHING)
    seen.hands = [REACHING + np.array([30, 0, 0], np.float32)]
    (same,) = follower(IMAGE, FACE, [])
    assert same is hand
    np.testing.assert_allclose(hand.points, seen.hands[0], atol=0.5)


@pytest.mark.parametrize(
    ("points", "presence", "taken"),
    [
        (REACHING, 0.85, True),
        (REACHING, 0.75, False),
        # The wrist just below the chin: only a sure one.
        (hand_points((240, 300), 50), 0.85, False),
        (hand_points((240, 300), 50), 0.95, True),
        # The wrist on the nose, fingers on the forehead: that is a face taken for a hand.
        (hand_points((240, 200), 50), 1.0, False),
        (hand_points((170, 340), 20), 1.0, False),
        (hand_points((170, 900), 400), 1.0, False),
        (np.full((21, 3), np.nan, np.float32), 1.0, False),
    ],
)
def test_only_what_is_surely_a_hand_is_taken_up(points: Points, presence: float, taken: bool) -> None:
    follower = following(Seen(points, presence))
    start = palm_of(REACHING if np.isnan(points).any() else points)
    assert bool(follower(IMAGE, FACE, [start])) is taken


def test_a_hand_stays_for_two_frames_in_which_it_is_not_seen_and_then_goes() -> None:
    seen = Seen()
    follower = following(seen)
    follower(IMAGE, FACE, [palm_of(REACHING)])
    assert follower.wants_search is False
    seen.presence = 0.1
    assert len(follower(IMAGE, FACE, [])) == 1
    assert len(follower(IMAGE, FACE, [])) == 1
    assert follower(IMAGE, FACE, []) == ()
    assert follower.wants_search


def test_a_followed_hand_is_believed_at_less_than_a_new_one() -> None:
    seen = Seen()
    follower = following(seen)
    follower(IMAGE, FACE, [palm_of(REACHING)])
    seen.presence = 0.55
    for _ in range(10):
        assert len(follower(IMAGE, FACE, [])) == 1


def test_a_hand_that_jumps_is_another_one() -> None:
    seen = Seen()
    follower = following(seen)
    follower(IMAGE, FACE, [palm_of(REACHING)])
    seen.hands = [REACHING + np.array([140, 0, 0], np.float32)]
    assert [len(follower(IMAGE, FACE, [])) for _ in range(3)] == [1, 1, 0]


def test_the_same_hand_is_not_followed_twice_and_costs_no_second_look() -> None:
    seen = Seen()
    follower = following(seen)
    follower(IMAGE, FACE, [palm_of(REACHING), palm_of(REACHING)])
    looked = seen.looked
    assert len(follower(IMAGE, FACE, [palm_of(REACHING)])) == 1
    assert seen.looked == looked + 1


def test_two_hands_and_no_third() -> None:
    seen = Seen()
    other, third = hand_points((330, 340), 60), hand_points((250, 350), 60)
    seen.hands = [REACHING, other, third]
    follower = following(seen)
    assert len(follower(IMAGE, FACE, [palm_of(REACHING), palm_of(other), palm_of(third)])) == 2
    for _ in range(50):
        follower(IMAGE, FACE, [])
        assert not follower.wants_search


def test_when_two_tracks_end_on_one_hand_the_older_goes_on() -> None:
    seen = Seen()
    other = hand_points((330, 340), 60)
    seen.hands = [REACHING, other]
    follower = following(seen)
    first, _ = follower(IMAGE, FACE, [palm_of(REACHING), palm_of(other)])
    seen.hands = [hand_points((250, 340), 60)]
    assert follower(IMAGE, FACE, []) == (first,)


def test_searches_are_spaced_and_rarer_when_a_hand_is_followed() -> None:
    seen = Seen()
    follower = following(seen)

    def searches(frames: int) -> int:
        wanted = 0
        for _ in range(frames):
            follower(IMAGE, FACE, [])
            wanted += follower.wants_search
        return wanted

    assert searches(40) == 10
    follower(IMAGE, FACE, [palm_of(REACHING)])
    assert 2 <= searches(40) <= 4


def test_a_palm_far_from_the_face_is_not_looked_at() -> None:
    seen = Seen()
    follower = following(seen)
    far = face_of(points_of(neutral(), height=60, centre=(420, 60)))
    assert follower(IMAGE, far, [palm_of(hand_points((60, 340), 20))]) == ()
    assert seen.looked == 0


def test_reset_forgets() -> None:
    follower = following(Seen())
    follower(IMAGE, FACE, [palm_of(REACHING)])
    follower.reset()
    assert follower(IMAGE, FACE, []) == ()
    assert follower.wants_search


def test_the_wrist_says_how_far_a_hand_reaches_out() -> None:
    assert reaches_out(hand_points((240, 180), 50), FACE) < -30
    assert reaches_out(hand_points((60, 180), 50), FACE) > 30


def test_noise_is_calmed_and_motion_is_not() -> None:
    noise = np.random.default_rng(4).normal(0, 0.5, (60, 21, 3)).astype(np.float32)
    kept = [REACHING]
    for step in noise:
        kept.append(steadied(kept[-1], REACHING + step, 60, RULES))
    calm = np.diff(np.array(kept[10:]), 2, axis=0)[..., :2].std()
    assert calm < 0.6 * np.diff(REACHING + noise[10:], 2, axis=0)[..., :2].std()
    moved = REACHING + np.array([12, -5, 0], np.float32)
    np.testing.assert_allclose(steadied(REACHING, moved, 60, RULES), moved, atol=0.1)
    bent = REACHING.copy()
    bent[8, :2] += (0, 40)
    np.testing.assert_allclose(steadied(REACHING, bent, 60, RULES)[8], bent[8], atol=6)


def test_a_collapsed_hand_is_taken_as_it_is() -> None:
    flat = np.zeros((21, 3), np.float32)
    np.testing.assert_array_equal(steadied(flat, REACHING, 60, RULES), REACHING)


def test_rules_can_be_replaced() -> None:
    follower = following(Seen(presence=0.5), replace(RULES, born=0.4, born_close=0.4, kept=0.3))
    assert len(follower(IMAGE, FACE, [palm_of(REACHING)])) == 1
    assert isinstance(HandRoi.around(REACHING), Roi)
