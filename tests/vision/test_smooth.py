"""The filters: properties that hold for every signal, and that filtering shape and place beats filtering points."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_S, Points
from livecam.vision.mesh.pose import Pose, PoseFitter, Rows, face_height
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.smooth import PLACE_EURO, Euro, OneEuro, PoseSpaceFilter, looseness
from tests.vision.mesh.test_pose import CANONICAL, posed, rotation

STEP = 1 / 30
FRAME_NS = NS_PER_S // 30
FITTER = PoseFitter(CANONICAL)

steps = st.lists(st.floats(0.001, 0.2), min_size=1, max_size=20)
eurosts = st.builds(Euro, st.floats(0.1, 5), st.floats(0, 20), st.floats(0.1, 5))


@given(eurosts, steps, st.floats(-1000, 1000), st.booleans())
def test_what_is_constant_stays_so(euro: Euro, times: list[float], level: float, common: bool) -> None:
    smooth = OneEuro(euro, common)
    value = np.full((5, 3), level)
    for step in times:
        np.testing.assert_allclose(smooth(value, step), value)


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
    one, many = OneEuro(PLACE_EURO, common=True), OneEuro(PLACE_EURO)
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


def talking(frame: int) -> Rows:
    """The canonical face with its lips moving."""
    shape = CANONICAL.copy()
    shape[TOPOLOGY.lips, 1] += 0.02 * math.sin(frame * 0.9)
    return shape


def turning(frame: int) -> Pose:
    """A head that turns, nods and moves about."""
    turn = rotation(30 * math.sin(frame / 9), 10 * math.sin(frame / 7), 8 * math.sin(frame / 11))
    return Pose(250, turn, np.array([640 + 120 * math.sin(frame / 10), 360 + 40 * math.sin(frame / 6), 0.0]))


def jittered(frames: int, sigma: float, moving: bool) -> tuple[list[Points], list[Points]]:
    """The true points of a face, and what a landmarker with noise of `sigma` px would see."""
    random = np.random.default_rng(4)
    true = [posed(turning(frame if moving else 0), talking(frame if moving else 0)) for frame in range(frames)]
    return true, [points + random.normal(0, sigma, points.shape).astype(np.float32) for points in true]


def sliding(shown: list[Points], true: list[Points]) -> float:
    """How much points move against the face from frame to frame, px: what is seen as flicker and as sliding texture."""
    errors = [points[:, :2] - truth[:, :2] for points, truth in zip(shown, true, strict=True)]
    moved = [np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(errors[10:])]
    return float(np.mean(moved))


def in_pose_space(points: list[Points], steadiness: float = 0.5) -> list[Points]:
    smooth = PoseSpaceFilter(FITTER)
    return [smooth(seen, frame * FRAME_NS, steadiness) for frame, seen in enumerate(points)]


def per_landmark(points: list[Points]) -> list[Points]:
    smooth = OneEuro(Euro(0.6, 6.0))
    return [smooth(seen.astype(np.float64), STEP, face_height(seen)).astype(np.float32) for seen in points]


def test_shape_and_place_beat_single_points_on_a_moving_face() -> None:
    true, seen = jittered(150, 0.8, moving=True)
    raw, points, poses = sliding(seen, true), sliding(per_landmark(seen), true), sliding(in_pose_space(seen), true)
    assert poses < 0.6 * raw
    assert poses < 0.65 * points


def test_a_still_face_is_calmed() -> None:
    true, seen = jittered(150, 0.8, moving=False)
    assert sliding(in_pose_space(seen), true) < 0.1 * sliding(seen, true)


def test_the_lag_on_a_moving_face_is_below_a_hundredth_of_it() -> None:
    true, _ = jittered(150, 0.0, moving=True)
    shown = in_pose_space(true)
    lags = [np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean() for a, b in zip(shown, true, strict=True)]
    assert np.mean(lags) / 250 < 0.01


def test_more_steadiness_is_steadier_and_none_is_none() -> None:
    true, seen = jittered(90, 0.8, moving=False)
    calm = [sliding(in_pose_space(seen, steadiness), true) for steadiness in (0.0, 0.25, 0.5, 1.0)]
    assert calm == sorted(calm, reverse=True)
    for shown, raw in zip(in_pose_space(seen, 0.0), seen, strict=True):
        np.testing.assert_array_equal(shown, raw)


def test_a_result_is_the_callers_own() -> None:
    smooth = PoseSpaceFilter(FITTER)
    _, seen = jittered(2, 1.0, moving=False)
    first = smooth(seen[0], 0, 0.0)
    first[:] = 0
    np.testing.assert_array_equal(smooth(seen[0], FRAME_NS, 0.0), seen[0])


@pytest.mark.parametrize(
    ("later_ns", "shift"),
    [(FRAME_NS, 150.0), (int(0.31 * NS_PER_S), 3.0), (-FRAME_NS, 3.0)],
    ids=["jump", "gap", "backwards"],
)
def test_a_tear_starts_afresh(later_ns: int, shift: float) -> None:
    smooth = PoseSpaceFilter(FITTER)
    true, seen = jittered(2, 1.0, moving=False)
    smooth(seen[0], NS_PER_S, 1.0)
    after = smooth(true[1] + np.float32(shift), NS_PER_S + later_ns, 1.0)
    np.testing.assert_allclose(after, true[1] + np.float32(shift), atol=1e-2)


def test_no_tear_no_fresh_start() -> None:
    smooth = PoseSpaceFilter(FITTER)
    true, seen = jittered(2, 1.0, moving=False)
    smooth(seen[0], NS_PER_S, 1.0)
    after = smooth(true[1] + np.float32(3), NS_PER_S + FRAME_NS, 1.0)
    assert np.abs(after - (true[1] + 3)).max() > 0.5


@given(st.integers(0, 300), st.floats(0, 1))
def test_points_stay_finite(seed: int, steadiness: float) -> None:
    random = np.random.default_rng(seed)
    smooth = PoseSpaceFilter(FITTER)
    now = 0
    for _ in range(5):
        now += int(random.integers(-FRAME_NS, 20 * FRAME_NS))
        points = random.normal(300, random.choice([0.0, 1.0, 100.0]), (478, 3)).astype(np.float32)
        assert np.isfinite(smooth(points, now, steadiness)).all()
