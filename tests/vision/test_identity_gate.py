"""The identity gate: never above what is asked, down while the cosine falls, up with patience, and then still."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.vision.identity_gate import SLACK, STEP, IdentityGate, Key, accepts

ANN = Key("ann", "full")
BEFORE = 0.8

Falls = Callable[[float], float]
"""By how much the cosine falls at a blend."""


def run(gate: IdentityGate, falls: Falls, asked: float, looks: int, key: Key = ANN) -> list[float]:
    """What was shown at each look."""
    shown = []
    for _ in range(looks):
        shown.append(gate.allowed(key, asked))
        gate.look(key, shown[-1], BEFORE, BEFORE - falls(shown[-1]))
    return shown


@st.composite
def falling(draw: st.DrawFn) -> Falls:
    """A fall that grows with the blend."""
    most, power = draw(st.floats(0, 0.8)), draw(st.floats(0.3, 4))
    return lambda blend: most * blend**power


def test_a_cosine_that_falls_within_the_slack_is_accepted() -> None:
    assert accepts(0.8, 0.9)
    assert accepts(0.8, 0.8 - SLACK / 2)
    assert not accepts(0.8, 0.8 - 2 * SLACK)
    assert not accepts(0.8, math.nan)
    assert not accepts(math.nan, 0.8)
    assert accepts(0.8, 0.76, slack=0.05)


def test_before_the_first_look_all_that_is_asked_is_shown() -> None:
    assert IdentityGate().allowed(ANN, 0.7) == 0.7


@settings(max_examples=80, deadline=None)
@given(falling(), st.floats(0, 1), st.integers(1, 400))
def test_it_never_shows_more_than_is_asked(falls: Falls, asked: float, looks: int) -> None:
    assert all(0 <= shown <= asked for shown in run(IdentityGate(), falls, asked, looks))


@settings(max_examples=80, deadline=None)
@given(falling(), st.floats(0.05, 1))
def test_it_goes_down_until_the_cosine_stops_falling_and_stays_there(falls: Falls, asked: float) -> None:
    """Down at every look, then up at most to the highest blend that is known to hold; and then not at all."""
    shown = run(IdentityGate(), falls, asked, 120)
    first = next(index for index, blend in enumerate(shown) if falls(blend) <= SLACK)
    assert first <= math.ceil(asked / STEP)
    assert all(before > after for before, after in pairwise(shown[: first + 1])), "monotone"
    assert len({*shown[60:]}) == 1, "it does not swing"
    assert falls(shown[-1]) <= SLACK


@settings(max_examples=50, deadline=None)
@given(falling(), st.floats(0.05, 1))
def test_what_is_shown_in_the_end_is_not_much_less_than_would_hold(falls: Falls, asked: float) -> None:
    """Within a step and a half of the largest blend at which the cosine holds well."""
    shown = run(IdentityGate(), falls, asked, 120)[-1]
    best = max(blend / 100 for blend in range(round(asked * 100) + 1) if falls(blend / 100) <= SLACK / 2)
    assert shown >= min(best, asked) - 1.5 * STEP - 1e-9


@settings(max_examples=50, deadline=None)
@given(falling(), falling(), st.floats(0.05, 1))
def test_when_less_falls_later_it_rises_again_and_never_fast(falls: Falls, later: Falls, asked: float) -> None:
    gate = IdentityGate()
    run(gate, falls, asked, 50)
    shown = run(gate, later, asked, 50)
    ups = [after - before for before, after in pairwise(shown) if after > before]
    assert all(up <= STEP / 2 + 1e-9 for up in ups)
    assert len(ups) <= 10, "one in five looks at most"


@given(st.lists(st.sampled_from([0.0, 0.015, 0.05, math.nan]), max_size=60))
@settings(max_examples=80, deadline=None)
def test_whatever_is_seen_it_lies_between_nothing_and_what_is_asked(falls: list[float]) -> None:
    gate = IdentityGate()
    for fall in falls:
        shown = gate.allowed(ANN, 0.7)
        assert 0 <= shown <= 0.7
        gate.look(ANN, shown, BEFORE, BEFORE - fall)


def test_a_fall_between_the_slacks_changes_nothing() -> None:
    gate = IdentityGate()
    gate.look(ANN, 0.7, 0.8, 0.7)
    assert gate.allowed(ANN, 0.7) == pytest.approx(0.6)
    for _ in range(50):
        gate.look(ANN, 0.6, 0.8, 0.8 - 0.75 * SLACK)
    assert gate.allowed(ANN, 0.7) == pytest.approx(0.6)


def test_it_rises_by_half_a_step_after_some_looks_and_not_to_what_was_refused() -> None:
    gate = IdentityGate()
    gate.look(ANN, 0.7, 0.8, 0.7)
    shown = run(gate, lambda blend: 0.0, 0.7, 200)
    assert shown[:5] == [pytest.approx(0.6)] * 5
    assert {round(blend, 6) for blend in shown[6:]} == {0.65}


def test_what_was_refused_is_tried_again_after_five_minutes_of_looks() -> None:
    gate = IdentityGate()
    gate.look(ANN, 0.7, 0.8, 0.7)
    shown = run(gate, lambda blend: 0.0, 0.7, 400)
    assert shown[299] < 0.7
    assert shown[-1] == 0.7


def test_each_persona_and_each_enhancer_has_its_own_limit() -> None:
    gate = IdentityGate()
    gate.look(ANN, 0.7, 0.8, 0.5)
    assert gate.allowed(Key("ann", "small"), 0.7) == gate.allowed(Key("eve", "full"), 0.7) == 0.7
    assert gate.allowed(ANN, 0.7) == pytest.approx(0.6)
    assert gate.allowed(ANN, 0.3) == 0.3


def test_it_keeps_a_limited_number_of_limits_and_those_that_are_in_use() -> None:
    gate = IdentityGate()
    gate.look(ANN, 0.7, 0.8, 0.5)
    for number in range(400):
        gate.look(Key(str(number), "full"), 0.7, 0.8, 0.5)
        gate.look(ANN, 0.6, 0.8, 0.8 - 0.75 * SLACK)
    assert gate.allowed(ANN, 0.7) == pytest.approx(0.6)
    assert gate.allowed(Key("0", "full"), 0.7) == 0.7
    assert gate.allowed(Key("399", "full"), 0.7) == pytest.approx(0.6)
