"""The filters: properties that hold for every signal, and that filtering shape and place beats filtering points."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_S, Points
from livecam.vision.mesh.pose import PoseFitter
from livecam.vision.predict import Place
from livecam.vision.smooth import Euro, FaceFilter, OneEuro, SimilarityFilter, looseness
from livecam.vision.template import Template, points_of
from tests.vision.mesh.test_pose import CANONICAL

STEP = 1 / 30
FRAME_NS = NS_PER_S // 30
QUICK = Euro(1.0, 12.0, 4.0)
FIVE = points_of(Template.ARCFACE_112_V2, 112)
FITTER = PoseFitter(CANONICAL)

steps = st.lists(st.floats(0.001, 0.2), min_size=1, max_size=20)
eurosts = st.builds(Euro, st.floats(0.1, 5), st.floats(0, 20), st.floats(0.1, 5))


@settings(deadline=None)
@given(eurosts, steps, st.floats(-1000, 1000), st.booleans())
def test_what_is_constant_stays_so(euro: Euro, times: list[float], level: float, common: bool) -> None:
    smooth = OneEuro(euro, common)
    value = np.full((5, 3), level)
    for step in times:
        np.testing.assert_allclose(smooth(value, step), value)


@settings(deadline=None)
@given(
    eurosts, st.lists(st.tuples(st.floats(0.001, 0.2), st.floats(-100, 100)), min_size=2, max_size=30), st.booleans()
)
def test_the_output_never_leaves_the_range_of_the_input(
    euro: Euro, signal: list[tuple[float, float]], common: bool
) -> None:
    smooth = OneEuro(euro, common)
    values = [value for _, value in signal]
    for step, value in signal:
        out = smooth(np.full((2, 3), value), step)
        assert (out >= min(values) - 1e-9).all()
        assert (out <= max(values) + 1e-9).all()


@settings(deadline=None)
@given(st.floats(0.2, 5), st.floats(5, 200))
def test_the_lag_behind_a_ramp_is_bounded(cutoff: float, slope: float) -> None:
    """A first-order low-pass of time constant T lags a ramp by T x slope; the cut-off rising can only lessen it."""
    smooth = OneEuro(Euro(cutoff, 1.0))
    worst = 0.0
    for frame in range(200):
        value = np.full((1, 3), slope * frame * STEP)
        worst = max(worst, float(np.abs(value - smooth(value, STEP)).max()))
    assert worst <= slope / (2 * math.pi * cutoff) + 1e-6


def step_response(cutoff: float, times: list[float]) -> float:
    """Where a filter without gain is after `times`, stepped from 0 to 1."""
    smooth = OneEuro(Euro(cutoff, 0.0))
    smooth(np.zeros((1, 3)), 1.0)
    out = np.zeros((1, 3))
    for step in times:
        out = smooth(np.ones((1, 3)), step)
    return float(out[0, 0])


@settings(deadline=None)
@given(st.lists(st.floats(0.002, 0.01), min_size=10, max_size=40))
def test_irregular_time_steps_count_by_their_length(times: list[float]) -> None:
    cutoff = 1.0
    expected = 1 - math.exp(-2 * math.pi * cutoff * sum(times))
    assert step_response(cutoff, times) == pytest.approx(expected, abs=0.03)


def test_a_time_step_of_zero_changes_little_and_breaks_nothing() -> None:
    out = step_response(1.0, [0.0])
    assert 0 <= out < 0.02


def test_a_larger_size_means_a_slower_signal() -> None:
    outs = []
    for size in (1.0, 100.0):
        smooth = OneEuro(Euro(0.5, 5.0))
        smooth(np.zeros((1, 3)), STEP, size)
        outs.append(float(smooth(np.full((1, 3), 2.0), STEP, size)[0, 0]))
    assert outs[0] > outs[1]


def test_rows_with_a_common_speed_lag_as_one() -> None:
    one, many = OneEuro(QUICK, common=True), OneEuro(QUICK)
    for smooth in (one, many):
        smooth(np.zeros((2, 3)), STEP)
    moved = np.array([[0.01, 0, 0], [1.0, 0, 0]])
    shares = [smooth(moved, STEP)[:, 0] / moved[:, 0] for smooth in (one, many)]
    assert shares[0][0] == pytest.approx(shares[0][1])
    assert shares[1][1] > 1.2 * shares[1][0]


def test_after_a_reset_the_next_value_passes() -> None:
    smooth = OneEuro(Euro(0.1, 0.0))
    smooth(np.zeros((1, 3)), STEP)
    smooth.reset()
    assert smooth(np.ones((1, 3)), STEP).tolist() == [[1, 1, 1]]


def test_looseness_falls_from_infinity_through_one_to_a_quarter() -> None:
    values = [looseness(steadiness) for steadiness in np.linspace(0, 1, 21).tolist()]
    assert all(a > b for a, b in pairwise(values))
    assert values[0] == math.inf
    assert looseness(0.5) == 1
    assert looseness(1.0) == 0.25
    assert looseness(7.0) == 0.25


def test_a_place_at_rest_is_calmed_and_angles_pass_the_half_turn() -> None:
    smooth, random, out = SimilarityFilter(), np.random.default_rng(0), []
    for _ in range(60):
        x, y, angle = random.normal((100, 100, math.pi), (0.5, 0.5, 0.01))
        out.append(smooth(Place(x, y, 4.0, (angle + math.pi) % (2 * math.pi) - math.pi), STEP))
    assert np.std([place.x for place in out[10:]]) < 0.3
    assert np.std([math.sin(place.angle) for place in out[10:]]) < 0.006
    assert 0 < smooth.lag_s < 0.3
    smooth.reset()
    assert smooth(Place(0, 0, 0, 0), STEP) == Place(0, 0, 0, 0)


def five_at(x: float, seed: int | None = None) -> Points:
    noise = 0.0 if seed is None else np.random.default_rng(seed).normal(0, 1, (5, 2))
    five: Points = (FIVE + np.array([x, 0.0]) + noise).astype(np.float32)
    return five


def test_no_steadiness_lets_points_through_and_results_are_new_arrays() -> None:
    smooth = FaceFilter()
    for frame in range(5):
        five = five_at(3.0 * frame, frame)
        got = smooth(five, five, NS_PER_S + frame * FRAME_NS, 0.0)
        np.testing.assert_allclose(got, five, atol=0.01)
        assert not np.shares_memory(got, five)


def test_more_steadiness_is_steadier() -> None:
    def spread(steadiness: float) -> float:
        smooth = FaceFilter()
        times = ((five_at(0, frame), NS_PER_S + frame * FRAME_NS) for frame in range(60))
        return float(np.std([smooth(five, five, now, steadiness) for five, now in times], axis=0).mean())

    assert spread(1.0) < spread(0.5) < 0.6 * spread(0.0)


@pytest.mark.parametrize(("later_ns", "shift"), [(NS_PER_S, 0.5), (-FRAME_NS, 0.5), (FRAME_NS, 90.0)])
def test_a_tear_starts_afresh(later_ns: int, shift: float) -> None:
    smooth = FaceFilter()
    for frame in range(5):
        smooth(five_at(0), five_at(0), NS_PER_S + frame * FRAME_NS, 1.0)
    got = smooth(five_at(shift), five_at(shift), NS_PER_S + 4 * FRAME_NS + later_ns, 1.0)
    np.testing.assert_allclose(got, five_at(shift), atol=0.01)


def test_no_tear_no_fresh_start() -> None:
    smooth = FaceFilter()
    for frame in range(5):
        smooth(five_at(0), five_at(0), NS_PER_S + frame * FRAME_NS, 1.0)
    got = smooth(five_at(1.0), five_at(1.0), NS_PER_S + 5 * FRAME_NS, 1.0)
    assert float((got - five_at(0))[:, 0].mean()) < 0.5


@settings(deadline=None)
@given(st.integers(0, 300), st.floats(0, 1), st.floats(-1, 1))
def test_points_stay_finite(seed: int, steadiness: float, horizon_s: float) -> None:
    random, smooth, now = np.random.default_rng(seed), FaceFilter(), 0
    for _ in range(5):
        now += int(random.integers(-FRAME_NS, 20 * FRAME_NS))
        five = random.normal(300, random.choice([1.0, 100.0]), (5, 2)).astype(np.float32)
        assert np.isfinite(smooth(five, five, now, steadiness, horizon_s)).all()
