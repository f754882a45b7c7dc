from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.ladder import Ladder, Sharpening, Tier, ladder_for
from livecam.runtime.governor import Cause, Governor, Rules, Step

LADDER = ladder_for(enhancer=True, small_enhancer=True, mask=True, detects=True, shrinks=True)
RULES = Rules()
FRAME_NS = NS_PER_S // 30
CURVE = Path(__file__).parent / "data" / "load_ms.txt"


class Drive:
    """A governor fed with frames that follow each other as fast as they are made, at most 30 a second."""

    def __init__(self, ladder: Ladder = LADDER, rules: Rules = RULES) -> None:
        self.governor = Governor(ladder, rules)
        self.now_ns = 5 * NS_PER_S
        self.steps: list[Step] = []

    def frame(self, took_ms: float, age_ms: float = 0.0) -> Step | None:
        took_ns = int(took_ms * NS_PER_MS)
        self.now_ns += max(FRAME_NS, took_ns)
        step = self.governor.observe(took_ns, self.now_ns, int(age_ms * NS_PER_MS))
        if step is not None:
            self.steps.append(step)
        return step

    def play(self, durations_ms: Iterable[float]) -> None:
        for took_ms in durations_ms:
            self.frame(took_ms)

    def run(self, seconds: float, took_ms: Callable[[Tier], float]) -> None:
        end_ns = self.now_ns + seconds * NS_PER_S
        while self.now_ns < end_ns:
            self.frame(took_ms(self.governor.tier))


def steady(took_ms: float) -> Callable[[Tier], float]:
    return lambda tier: took_ms


def places(steps: Iterable[Step]) -> list[int]:
    return [LADDER.tiers.index(step.after) for step in steps]


def test_it_starts_at_the_top_and_stays_there_while_there_is_time() -> None:
    drive = Drive()
    drive.run(30, steady(40))
    assert drive.steps == []
    assert drive.governor.tier is LADDER.tiers[0]


def test_the_ladder_is_the_declared_one() -> None:
    assert [tier.name for tier in LADDER.tiers] == [
        "full quality",
        "enhancer every 2nd frame",
        "smaller enhancer",
        "mask off",
        "detect every 4th frame",
        "smaller input",
    ]
    assert LADDER.tiers[2].sharpening is Sharpening.SMALL
    assert LADDER.tiers[2].mask
    assert not LADDER.tiers[3].mask


@pytest.mark.parametrize(("took_ms", "age_ms", "cause"), [(46, 0, Cause.SLOW), (20, 95, Cause.OLD)])
def test_either_budget_steps_down_and_says_which(took_ms: float, age_ms: float, cause: Cause) -> None:
    drive = Drive()
    while not drive.steps:
        drive.frame(took_ms, age_ms)
    step = drive.steps[0]
    assert (step.before, step.after, step.cause, step.down) == (LADDER.tiers[0], LADDER.tiers[1], cause, True)
    assert step.at_ns == drive.now_ns
    wanted = f"p95 {max(took_ms, age_ms):.0f} ms of {100 if age_ms else 50} ms"
    assert str(step) == f"Quality down to enhancer every 2nd frame: {cause} ({wanted})."


def test_a_step_down_takes_less_than_two_seconds_even_at_five_frames_a_second() -> None:
    drive = Drive()
    drive.run(1.7, steady(200))
    assert places(drive.steps) == [1]


def test_stray_frames_are_not_load() -> None:
    drive = Drive()
    drive.play([300.0, *[20.0] * 39] * 20)
    assert drive.steps == []


def test_it_climbs_back_and_says_so() -> None:
    drive = Drive()
    drive.run(2, steady(48))
    drive.run(1.5, steady(20))
    down = len(drive.steps)
    drive.run(60, steady(20))
    assert down > 0
    assert drive.governor.tier is LADDER.tiers[0]
    assert {step.cause for step in drive.steps[down:]} == {Cause.CALM}
    assert str(drive.steps[-1]) == "Quality up to full quality: there is time again (p95 20 ms of 50 ms)."


def test_between_the_thresholds_nothing_moves() -> None:
    drive = Drive()
    drive.run(1.5, steady(48))
    before = len(drive.steps)
    drive.run(120, steady(38))
    assert before > 0
    assert len(drive.steps) == before


def test_an_old_picture_is_no_reason_to_climb() -> None:
    drive = Drive()
    drive.run(1.5, steady(48))
    before = len(drive.steps)
    for _ in range(900):
        drive.frame(10, 80)
    assert len(drive.steps) == before


def test_what_was_measured_before_a_pause_does_not_count() -> None:
    drive = Drive()
    drive.play([48.0] * 12)
    drive.now_ns += 5 * NS_PER_S
    drive.play([48.0] * 12)
    assert drive.steps == []
    drive.play([48.0] * 12)
    assert places(drive.steps) == [1]


def test_a_pause_is_not_calm() -> None:
    drive = Drive()
    drive.run(1.5, steady(48))
    at = places(drive.steps)[-1]
    drive.now_ns += 60 * NS_PER_S
    drive.run(RULES.up_s - 0.5, steady(10))
    assert places(drive.steps)[-1] == at
    drive.run(1, steady(10))
    assert places(drive.steps)[-1] == at - 1


def test_flapping_backs_off_and_a_lasting_climb_forgives() -> None:
    """Full quality takes 60 ms and one tier less 20 ms, so that every climb is a mistake."""
    drive = Drive()
    drive.run(900, lambda tier: 60 if tier is LADDER.tiers[0] else 20)
    climbs = [step.at_ns for step in drive.steps if not step.down]
    waits = [(later - sooner) / NS_PER_S for sooner, later in pairwise(climbs)]
    assert set(places(drive.steps)) == {0, 1}
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(RULES.longest_s, abs=2)
    assert len(drive.steps) < 32
    drive.run(150, steady(20))
    drive.run(1.5, steady(48))
    drive.run(60, steady(20))
    last_down = max(index for index, step in enumerate(drive.steps) if step.down)
    fallen, climb = drive.steps[last_down : last_down + 2]
    assert (climb.at_ns - fallen.at_ns) / NS_PER_S <= RULES.up_s + 2


def test_the_recorded_load_goes_to_the_bottom_and_back() -> None:
    """Frames of 1080p host work on two shared cores, 600 in a row, ms.

    Six neighbours multiplied matrices from the 150th to the 330th. The calm at its end is repeated until it has lasted.
    """
    curve = [float(word) for word in CURVE.read_text(encoding="ascii").split()]
    drive = Drive(rules=Rules(budget_ns=110 * NS_PER_MS))
    drive.play(curve[:150])
    assert drive.steps == []
    drive.play(curve[150:330])
    assert places(drive.steps) == [1, 2, 3, 4, 5]
    assert all(step.cause is Cause.SLOW for step in drive.steps)
    drive.play(curve[-120:] * 12)
    assert drive.governor.tier is LADDER.tiers[0]
    assert places(drive.steps[5:]) == [4, 3, 2, 1, 0]


def test_the_recorded_load_settles_where_the_tiers_help() -> None:
    """Each tier takes what the recorded frame took, less what it saves; the calm at the curve's end, for minutes."""
    curve = [float(word) for word in CURVE.read_text(encoding="ascii").split()][-120:]
    saves = dict(zip(LADDER.tiers, (1.0, 0.8, 0.6, 0.5, 0.45, 0.4), strict=True))
    drive = Drive()
    for took_ms in curve * 60:
        drive.frame(took_ms * saves[drive.governor.tier] * 1.3)
    late = [step for step in drive.steps if step.at_ns > drive.now_ns - 120 * NS_PER_S]
    assert 0 < LADDER.tiers.index(drive.governor.tier) < LADDER.bottom
    assert len(late) <= 4


loads = st.lists(st.tuples(st.integers(1, 200), st.floats(1, 150), st.floats(0, 200)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(loads)
def test_it_never_leaves_the_ladder_nor_hurries(parts: list[tuple[int, float, float]]) -> None:
    drive = Drive()
    index, last_ns = 0, drive.now_ns
    for frames, took_ms, age_ms in parts:
        for _ in range(frames):
            step = drive.frame(took_ms, age_ms)
            if step is None:
                continue
            assert step.before is LADDER.tiers[index]
            index += 1 if step.down else -1
            assert index >= 0
            assert step.after is drive.governor.tier is LADDER.tiers[index]
            least_s = RULES.down_s if step.down else RULES.up_s
            assert step.at_ns - last_ns >= least_s * NS_PER_S
            last_ns = step.at_ns


@settings(max_examples=25, deadline=None)
@given(st.floats(45, 400))
def test_under_constant_overload_it_goes_down_only_and_to_the_bottom(took_ms: float) -> None:
    drive = Drive()
    drive.run(25, steady(took_ms))
    assert places(drive.steps) == [1, 2, 3, 4, 5]


@settings(max_examples=15, deadline=None)
@given(loads, st.floats(1, 30))
def test_when_load_ends_it_returns_to_the_top(parts: list[tuple[int, float, float]], calm_ms: float) -> None:
    drive = Drive()
    for frames, took_ms, age_ms in parts:
        for _ in range(frames):
            drive.frame(took_ms, age_ms)
    drive.run(RULES.longest_s + LADDER.bottom * (RULES.lasting_s + 2), steady(calm_ms))
    assert drive.governor.tier is LADDER.tiers[0]
    assert Drive().governor.tier is LADDER.tiers[0]


def test_numbers_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="contradict"):
        Rules(calm=0.9, near=0.8)
    with pytest.raises(ValueError, match="contradict"):
        Rules(enough=50)
