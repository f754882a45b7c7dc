"""Motion: believed while it holds, bounded, and never at rest."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box
from livecam.core.frame import NS_PER_S
from livecam.vision.predict import Motion, MotionRules, Place

FRAME_NS = NS_PER_S // 30
START = Place(300, 200, math.log(100), 0.0)


def along(frame: int, pace_px: float = 5.0) -> Place:
    return START._replace(x=START.x + pace_px * frame)


def taught(frames: int, pace_px: float = 5.0) -> Motion:
    motion = Motion()
    for frame in range(frames):
        motion.learn(along(frame, pace_px), NS_PER_S + frame * FRAME_NS)
    return motion


def test_a_steady_motion_is_expected_where_it_goes_on() -> None:
    expected = taught(20).at(NS_PER_S + 20 * FRAME_NS)
    assert expected is not None
    assert expected.x == pytest.approx(along(20).x, abs=0.2)
    assert expected.size == pytest.approx(100, rel=1e-3)


def test_ahead_is_velocity_times_horizon_and_one_frame_at_most() -> None:
    motion = taught(20)
    assert motion.ahead(1 / 60).x == pytest.approx(2.5, abs=0.2)
    assert motion.ahead(1.0).x == pytest.approx(5.0, abs=0.2)
    assert motion.ahead(0.0) == motion.ahead(-1.0) == Place(0, 0, 0, 0)


def test_nothing_is_predicted_until_two_measurements_agree_nor_after_one_does_not() -> None:
    assert taught(1).ahead(1 / 60) == Place(0, 0, 0, 0)
    motion = taught(20)
    motion.learn(along(20)._replace(y=230), NS_PER_S + 20 * FRAME_NS)
    assert motion.ahead(1 / 60) == Place(0, 0, 0, 0)
    motion.learn(along(21)._replace(y=230), NS_PER_S + 21 * FRAME_NS)
    assert motion.ahead(1 / 60) == Place(0, 0, 0, 0)


@pytest.mark.parametrize(("place", "step_ns"), [(along(60), FRAME_NS), (along(20), NS_PER_S), (along(20), -FRAME_NS)])
def test_a_jump_a_gap_and_time_running_back_are_new_starts(place: Place, step_ns: int) -> None:
    motion = taught(20)
    then = NS_PER_S + 19 * FRAME_NS + step_ns
    motion.learn(place, then)
    assert motion.at(then) == place
    assert motion.at(then + FRAME_NS) == place


def test_reset_forgets() -> None:
    motion = taught(20)
    motion.reset()
    assert motion.at(2 * NS_PER_S) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 6), st.integers(-FRAME_NS, NS_PER_S)), max_size=20))
def test_every_history_gives_finite_and_bounded_predictions(history: list[tuple[float, float, int]]) -> None:
    motion, now = Motion(), NS_PER_S
    for x, log_size, step_ns in history:
        now += step_ns
        motion.learn(Place(x, 0.0, log_size, 0.0), now)
        ahead = motion.ahead(10.0)
        assert all(map(math.isfinite, ahead))
        # A motion that is believed has been near what was measured, so it cannot be fast by itself.
        assert abs(ahead.x) <= 1000 * (1 + MotionRules().jump)


def test_angles_go_the_short_way_round_and_boxes_have_a_size() -> None:
    one, other = START._replace(angle=3.0), START._replace(angle=-3.0)
    assert one.way_to(other).angle == pytest.approx(2 * math.pi - 6)
    assert Place.of_box(Box(10, 10, 10, 10)).size == 1
    assert Place.of_box(Box(0, 0, 30, 60)) == Place(15, 30, math.log(60), 0)
