"""Figures of landmark series: jitter at rest, lag in motion, agreement. Plain functions of arrays.

A series is (T, N, 2) f32 px: N landmarks in T frames, NaN in frames without a face. Frames are taken as evenly spaced.
What moves is told from the unsmoothed series by a centred fit, which looks as far ahead as back and so has no lag of
its own; what rests, from the optical flow of the picture, since landmarks cannot tell their own noise from motion.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Series: TypeAlias = npt.NDArray[np.float32]
"""(T, N, 2) f32 px."""

Curve: TypeAlias = npt.NDArray[np.float64]
"""(T,) f64, NaN where nothing was measured."""

Frames: TypeAlias = npt.NDArray[np.bool_]
"""(T,) bool: which frames."""

HALF: Final = 3
"""Frames that the centred fit takes to either side."""

STILL_FLOW: Final = 0.15
"""Face heights a second: where 95 % of a face's px flow more slowly than this, it is at rest, mouth and lids too."""

MOVING_SPEED: Final = 0.25
"""Face heights a second: above, it moves."""

STILL_FRAMES: Final = 5
"""A shorter rest is no rest."""

_FARTHEST: Final = 8
_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Motion:
    """The wearer's own motion.

    Attributes:
        places: (T, N, 2) f32 px, without noise and without lag; NaN within `HALF` frames of a gap.
        velocity: (T, N, 2) f32 px a frame.
        height: The face's, px; median.
        fps: Frames a second.
        flow: (T,) optical flow inside the face since the frame before, 95th percentile, px; NaN where unknown.
    """

    places: Series
    velocity: Series
    height: float
    fps: float
    flow: Curve

    @property
    def speed(self) -> Curve:
        """(T,) mean over landmarks, face heights a second."""
        lengths = np.sqrt((self.velocity.astype(np.float64) ** 2).sum(axis=2))
        speed: Curve = lengths.mean(axis=1) * self.fps / self.height
        return speed

    @property
    def still(self) -> Frames:
        """Frames in a rest of at least `STILL_FRAMES`."""
        return _long_runs(self.flow * self.fps / self.height < STILL_FLOW, STILL_FRAMES)

    @property
    def moving(self) -> Frames:
        """Frames in which the face moves."""
        moving: Frames = self.speed > MOVING_SPEED
        return moving


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the wearer a series is while they move.

    Attributes:
        ms: Shift in time at which it fits best, to a fraction of a frame.
        percent: Mean distance behind along the motion, % of the face's height.
        deviation: Mean distance of drawn and found landmarks whatever its direction, % of the face's height: the
            smoothing's correction of noise and its lag together.
    """

    ms: float
    percent: float
    deviation: float


def motion_of(found: Series, height: float, fps: float, flow: Curve) -> Motion:
    """The motion in an unsmoothed series, by a centred quadratic fit over 2 `HALF` + 1 frames (Savitzky, Golay 1964).

    Args:
        found: (T, N, 2) f32 px.
        height: The face's, px.
        fps: Frames a second.
        flow: See `Motion`.
    """
    steps = np.arange(-HALF, HALF + 1, dtype=np.float64)
    fit = np.linalg.pinv(np.stack([np.ones_like(steps), steps, steps**2], axis=1))
    return Motion(_windowed(found, fit[0]), _windowed(found, fit[1]), height, fps, flow)


def jitter(drawn: Series, still: Frames, px_per_unit: float = 1.0) -> float:
    """RMS length of the second difference of `drawn` over frames that are `still` with both neighbours.

    Args:
        drawn: (T, N, 2) f32 px.
        still: (T,) bool.
        px_per_unit: Scale of the answer, such as 720 over the frame's height.

    Returns:
        px; NaN when there are no such frames.
    """
    second = np.diff(drawn.astype(np.float64), n=2, axis=0)
    inner = still[:-2] & still[1:-1] & still[2:]
    squares = (second[inner] ** 2).sum(axis=2)
    squares = squares[np.isfinite(squares)]
    return float(np.sqrt(squares.mean())) * px_per_unit if squares.size else float("nan")


def lag(drawn: Series, found: Series, motion: Motion) -> Lag | None:
    """How far `drawn` is behind `motion` in frames that move; None when there are too few of them.

    The shift is found by Gauss-Newton steps from the best whole frame, on all landmarks together.

    Args:
        drawn: (T, N, 2) f32 px, the smoothed landmarks.
        found: (T, N, 2) f32 px, the unsmoothed ones.
        motion: Of `found`.
    """
    frames = np.flatnonzero(motion.moving & np.isfinite(drawn).all(axis=(1, 2)))
    if len(frames) < 2 * _FARTHEST:
        return None
    shift = _best_shift(drawn.astype(np.float64), motion, frames)
    velocity = motion.velocity[frames].astype(np.float64)
    behind = motion.places[frames].astype(np.float64) - drawn[frames]
    way = np.sqrt((velocity**2).sum(axis=2))
    percent = 100 * float((behind * velocity).sum() / way.sum()) / motion.height
    off = np.sqrt(((drawn[frames].astype(np.float64) - found[frames]) ** 2).sum(axis=2))
    return Lag(1000 * shift / motion.fps, percent, 100 * float(np.nanmean(off)) / motion.height)


def correlation(one: Curve, other: Curve, least: float) -> float | None:
    """Pearson correlation where both are known; None when `one` hardly varies (standard deviation below `least`)."""
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 3 or np.std(one[known]) < least or np.std(other[known]) == 0:
        return None
    return float(np.corrcoef(one[known], other[known])[0, 1])


def mean(curve: Curve, frames: Frames | None = None) -> float | None:
    """Mean over `frames` where `curve` is known; None when it nowhere is."""
    chosen = curve if frames is None else curve[frames]
    chosen = chosen[np.isfinite(chosen)]
    return float(chosen.mean()) if chosen.size else None


def runs(frames: Frames) -> list[tuple[int, int]]:
    """First frame and the one after the last of each unbroken run."""
    edges = np.diff(np.concatenate([[0], frames.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def _long_runs(frames: Frames, least: int) -> Frames:
    kept = np.zeros_like(frames)
    for first, end in runs(frames):
        kept[first:end] = end - first >= least
    return kept


def _windowed(series: Series, weights: Curve) -> Series:
    """(T, N, 2) f32: the weighted sum of each frame's window; NaN where the window reaches beyond what is known."""
    out = np.full(series.shape, np.nan, dtype=np.float32)
    count = len(series) - 2 * HALF
    if count > 0:
        total = np.zeros((count, *series.shape[1:]), dtype=np.float64)
        for shift, weight in enumerate(weights):
            total += weight * series[shift : shift + count]
        out[HALF : HALF + count] = total
    return out


def _best_shift(drawn: npt.NDArray[np.float64], motion: Motion, frames: npt.NDArray[np.intp]) -> float:
    """Frames by which `drawn` comes after the motion."""
    costs = {whole: _off(drawn, motion, frames, float(whole))[0] for whole in range(-2, _FARTHEST + 1)}
    shift = float(min(costs, key=lambda whole: costs[whole]))
    for _ in range(_STEPS):
        step = _off(drawn, motion, frames, shift)[1]
        shift = float(np.clip(shift + np.clip(step, -0.5, 0.5), -2, _FARTHEST))
        if abs(step) < 1e-4:
            break
    return shift


def _off(
    drawn: npt.NDArray[np.float64], motion: Motion, frames: npt.NDArray[np.intp], shift: float
) -> tuple[float, float]:
    """Mean square distance of `drawn` to the motion `shift` frames before, and how much more shift would fit better."""
    before = frames - shift
    low = np.floor(before).astype(np.intp)
    inside = (low >= 0) & (low + 1 < len(motion.places))
    low, share, chosen = low[inside], (before - low)[inside, None, None], frames[inside]
    places = (1 - share) * motion.places[low] + share * motion.places[low + 1]
    velocity = (1 - share) * motion.velocity[low] + share * motion.velocity[low + 1]
    behind = places - drawn[chosen]
    power = np.nansum(velocity**2)
    known = np.isfinite(behind)
    cost = float(np.mean(behind[known] ** 2)) if known.any() else float("inf")
    return cost, float(np.nansum(behind * velocity) / power) if power > 0 else 0.0
