"""Figures of series whose answers are known."""

import math

import numpy as np
import pytest

from livecam.bench.quality.series import (
    STILL_FLOW,
    STILL_FRAMES,
    Curve,
    Series,
    correlation,
    jitter,
    lag,
    mean,
    motion_of,
    runs,
)

FPS, HEIGHT, FRAMES = 30.0, 100.0, 240
NO_FLOW = np.zeros(FRAMES)


def swaying(behind_s: float = 0.0, points: int = 20) -> Series:
    """A face that sways by half its height every 2 s, `behind_s` late."""
    seconds = np.arange(FRAMES) / FPS - behind_s
    x = 200 + 50 * np.sin(math.pi * seconds)
    y = 150 + 10 * np.sin(2 * math.pi * seconds)
    return np.repeat(np.stack([x, y], axis=1)[:, None], points, axis=1).astype(np.float32)


def test_the_jitter_of_white_noise_is_what_its_second_difference_must_be() -> None:
    random = np.random.default_rng(1)
    drawn = (100 + random.normal(0, 0.5, (400, 60, 2))).astype(np.float32)
    # A second difference sums 1, -2, 1 of independent values: 6 times the variance, in each of two coordinates.
    assert jitter(drawn, np.ones(400, np.bool_)) == pytest.approx(0.5 * math.sqrt(12), rel=0.02)
    assert jitter(drawn, np.ones(400, np.bool_), 2.0) == pytest.approx(math.sqrt(12), rel=0.02)


def test_steady_motion_is_no_jitter() -> None:
    drawn = np.repeat(np.arange(50, dtype=np.float32)[:, None, None], 2, axis=2) * 3
    assert jitter(drawn, np.ones(50, np.bool_)) == pytest.approx(0, abs=1e-5)


def test_jitter_is_taken_of_frames_at_rest_with_both_neighbours() -> None:
    drawn = np.zeros((40, 4, 2), np.float32)
    drawn[30] = 50
    still = np.arange(40) < 30
    assert jitter(drawn, still) == 0
    assert jitter(drawn, np.arange(40) < 31) > 0
    assert math.isnan(jitter(drawn, np.zeros(40, np.bool_)))
    drawn[5] = np.nan
    assert jitter(drawn, still) == 0


@pytest.mark.parametrize("behind_s", [0.0, 0.004, 1 / 30, 0.05, 0.11, -0.02])
def test_lag_is_found_to_a_fraction_of_a_frame(behind_s: float) -> None:
    found = swaying()
    motion = motion_of(found, HEIGHT, FPS, NO_FLOW)
    late = lag(swaying(behind_s), found, motion)
    assert late is not None
    assert late.ms == pytest.approx(1000 * behind_s, abs=0.3)


def test_lag_in_percent_is_speed_times_time() -> None:
    found = np.zeros((FRAMES, 5, 2), np.float32)
    found[..., 0] = np.arange(FRAMES)[:, None] * 2.0
    drawn = found - np.array([1, 0], np.float32)
    late = lag(drawn, found, motion_of(found, HEIGHT, FPS, NO_FLOW))
    assert late is not None
    assert late.percent == pytest.approx(1.0, abs=1e-3)
    assert late.deviation == pytest.approx(1.0, abs=1e-3)
    assert late.ms == pytest.approx(1000 / 60, abs=0.1)


def test_noise_is_no_lag() -> None:
    found = swaying()
    noise = np.random.default_rng(2).normal(0, 0.5, found.shape).astype(np.float32)
    motion = motion_of(found, HEIGHT, FPS, NO_FLOW)
    late = lag(found + noise, found, motion)
    assert late is not None
    assert (abs(late.ms) < 0.5, abs(late.percent) < 0.05, late.deviation > 0.4) == (True, True, True)


def test_the_known_lag_of_an_exponential_average_is_found() -> None:
    found = swaying()
    drawn = found.copy()
    for frame in range(1, FRAMES):
        drawn[frame] = drawn[frame - 1] + 0.5 * (found[frame] - drawn[frame - 1])
    late = lag(drawn, found, motion_of(found, HEIGHT, FPS, NO_FLOW))
    assert late is not None
    assert late.ms == pytest.approx(1000 / 30, abs=1.0)


def test_a_face_at_rest_has_no_lag() -> None:
    rest = np.full((FRAMES, 3, 2), 7, np.float32)
    assert lag(rest, rest, motion_of(rest, HEIGHT, FPS, NO_FLOW)) is None


def test_gaps_leave_the_lag_as_it_is() -> None:
    found, drawn = swaying(), swaying(1 / 30)
    found[100:104] = np.nan
    drawn[100:104] = np.nan
    late = lag(drawn, found, motion_of(found, HEIGHT, FPS, NO_FLOW))
    assert late is not None
    assert late.ms == pytest.approx(1000 / 30, abs=0.3)


def test_rest_is_told_from_the_pictures_flow_and_lasts_some_frames() -> None:
    slow, fast = 0.5 * STILL_FLOW * HEIGHT / FPS, 2 * STILL_FLOW * HEIGHT / FPS
    flow: Curve = np.full(FRAMES, fast)
    flow[0] = np.nan
    flow[10 : 10 + STILL_FRAMES] = slow
    flow[50 : 50 + STILL_FRAMES - 1] = slow
    still = motion_of(swaying(), HEIGHT, FPS, flow).still
    assert runs(still) == [(10, 10 + STILL_FRAMES)]


def test_moving_frames_are_those_with_speed() -> None:
    found = np.zeros((60, 5, 2), np.float32)
    found[30:, :, 0] = (np.arange(30) * 2.0)[:, None]
    motion = motion_of(found, HEIGHT, FPS, np.zeros(60))
    assert not motion.moving[3:25].any()
    assert motion.moving[35:55].all()
    assert motion.speed[40] == pytest.approx(2 * FPS / HEIGHT, rel=1e-3)


def test_correlation_needs_something_that_varies() -> None:
    wave = np.sin(np.arange(100) / 5)
    assert correlation(wave, 3 * wave + 1, 0.01) == pytest.approx(1)
    assert correlation(wave, -wave, 0.01) == pytest.approx(-1)
    assert correlation(wave * 0.001, wave, 0.01) is None
    assert correlation(wave, np.ones(100), 0.01) is None
    gap = wave.copy()
    gap[::3] = np.nan
    assert correlation(gap, wave, 0.01) == pytest.approx(1)
    assert correlation(np.full(100, np.nan), wave, 0.01) is None


def test_means_leave_out_what_is_not_known() -> None:
    curve = np.array([1.0, np.nan, 3.0, 5.0])
    assert mean(curve) == 3
    assert mean(curve, np.array([True, True, True, False])) == 2
    assert mean(curve, np.array([False, True, False, False])) is None
