import math

import pytest

from livecam.core.frame import NS_PER_S
from livecam.vision.smooth import looseness
from livecam.vision.step import LONGEST_GAP_S, STEP, Looks, Step, StepClock

START_NS = 5 * NS_PER_S


def steps(times: list[int | None], steadiness: float = 0.5) -> list[Step]:
    clock = StepClock()
    return [clock(time, steadiness) for time in times]


@pytest.mark.parametrize("share", [0.06, 0.1, 0.3, 0.6])
def test_a_share_is_of_the_time_and_not_of_the_frame(share: float) -> None:
    assert Step(1.0).share(share) == share
    assert Step(8.0).share(share, 8) == share
    for frames in (0.25, 0.5, 2.0, 4.0):
        left = 1 - Step(frames).share(share)
        assert left ** (1 / frames) == pytest.approx(1 - share)


@pytest.mark.parametrize("loosen", [0.25, 1.0, 4.0, math.inf])
@pytest.mark.parametrize("frames", [0.0, 0.5, 1.0, 9.0, math.inf])
def test_shares_stay_shares(loosen: float, frames: float) -> None:
    step = Step(frames, loosen)
    for share in (0.001, 0.06, 0.6, 1.0):
        assert 0 <= step.share(step.loosened(share)) <= 1
    assert step.share(1.0) == 1.0, "what has jumped is followed at once"


def test_no_steadiness_lets_all_pass_and_more_holds_back() -> None:
    taken = [step.share(step.loosened(0.1)) for step in (steps([START_NS], each)[0] for each in (0.0, 0.2, 0.5, 1.0))]
    assert taken[0] == 1.0
    assert taken[2] == 0.1
    assert sorted(taken, reverse=True) == taken
    assert taken[3] == pytest.approx(0.1 * looseness(1.0))


@pytest.mark.parametrize("unit_ns", [1, 1_000])
def test_thirty_frames_a_second_are_steps_of_one(unit_ns: int) -> None:
    """By stamps of whole ns, and of whole us as drivers give them."""
    times: list[int | None] = [START_NS + number * NS_PER_S // 30 // unit_ns * unit_ns for number in range(20)]
    assert set(steps(times)) == {STEP}


@pytest.mark.parametrize(("fps", "frames"), [(15, 2.0), (60, 0.5), (25, 1.2)])
def test_other_rates_are_told(fps: int, frames: float) -> None:
    times: list[int | None] = [START_NS + number * NS_PER_S // fps for number in range(9)]
    assert [step.frames for step in steps(times)[1:]] == pytest.approx([frames] * 8, abs=1e-4)


def test_without_a_time_it_is_one_frame_and_after_a_gap_all_begins_anew() -> None:
    assert steps([None, None, START_NS, None]) == [STEP] * 4
    gap_ns = round(LONGEST_GAP_S * NS_PER_S)
    _, before, after = steps([START_NS, START_NS + gap_ns, START_NS + 2 * gap_ns + NS_PER_S // 1000])
    assert before.frames == pytest.approx(9)
    assert math.isinf(after.frames)
    assert after.share(0.06) == 1.0


def test_a_clock_that_stands_still_or_goes_back_gives_a_frame_that_came_twice() -> None:
    frame_ns = NS_PER_S // 30
    found = steps([START_NS, START_NS, START_NS - NS_PER_S, START_NS - NS_PER_S + frame_ns])
    assert [step.frames for step in found] == [1.0, 0.0, 0.0, 1.0]
    assert found[1].share(0.6) == 0.0


def test_looks_add_up_the_frames_between_them_and_the_first_is_one_as_any_other() -> None:
    looks = Looks(4)
    looks.wait(Step(3.0))
    assert looks.taken() == Step(4.0)
    for _ in range(4):
        looks.wait(Step(0.5))
    assert looks.taken(2.0) == Step(2.0, 2.0)
    looks.wait(Step(0.5))
    looks.begin()
    assert looks.taken() == Step(4.0)
