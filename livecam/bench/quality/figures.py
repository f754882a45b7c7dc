"""The figures of a clip in one mode, made of its trace. What cannot be measured is named, with the reason."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from livecam.bench.quality.looks import agreement, eye_opening, mouth_opening, turn_between
from livecam.bench.quality.series import Curve, Frames, Lag, Motion, Series, correlation, jitter, lag, mean, motion_of
from livecam.bench.quality.trace import SWAPPED, Trace
from livecam.core.frame import Points
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.topology import LANDMARKS

REFERENCE_HEIGHT: Final = 720
"""Jitter is told in px of a frame this high."""

LEAST_MOUTH: Final = 0.01
"""Standard deviation of the mouth's opening below which it counts as shut all the time."""

LEAST_BLINK: Final = 0.025
"""Standard deviation of the eyes' opening below which they count as never shut."""

BLINKING, SPEAKING = 0.03, 0.015
"""Changes of the openings of eyes and mouth from one frame to the next above which lids or lips move."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The output beside the input.

    Attributes:
        before: Of the input.
        after: Of the output.
    """

    before: float
    after: float

    @property
    def ratio(self) -> float:
        """Output over input: 1 is as steady as what the camera gave."""
        return self.after / self.before if self.before > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the judge takes the face for. Distances are the judge's own.

    Attributes:
        frames: Judged.
        apart: Mean distance of wearer and persona.
        to_persona: Mean distance of the output to the persona.
        to_wearer: Mean distance of the output to the wearer.
        same_person: Share of outputs that are the persona by the judge's threshold, %.
        closer: Share of outputs closer to the persona than to the wearer, %.
        wearer_gone: Share of outputs that are not the wearer any more by the same threshold, %.
    """

    frames: int
    apart: float
    to_persona: float
    to_wearer: float
    same_person: float
    closer: float
    wearer_gone: float


@dataclass(frozen=True, slots=True)
class Expression:
    """Whether the output does what the wearer does; landmarks found afresh in both.

    Attributes:
        landmarks: Mean distance, % of the distance of the outer corners of the eyes.
        mouth: The same of the lips.
        eyes: The same of the lids.
        turn: Mean angle between the heads, degrees.
        mouth_correlation: Of the mouth's opening; None when it hardly moved.
        blink_correlation: Of the eyes' opening; None when they hardly moved.
    """

    landmarks: float
    mouth: float
    eyes: float
    turn: float
    mouth_correlation: float | None
    blink_correlation: float | None


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the frames.

    Attributes:
        frames: All of them.
        published: Share that went out as their own picture, %.
        held: Share for which the last one stood in, %.
        slated: Share for which the slate stood in, %.
        reasons: How many frames met each fate but the first.
    """

    frames: int
    published: float
    held: float
    slated: float
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one clip in one mode. None where something was not measured; `unmeasured` says why.

    Attributes:
        fates: What became of the frames.
        step_ms: Time of the pipeline for a frame: median and 95th percentile.
        jitter: RMS second difference of the drawn landmarks at rest, px at 720 lines.
        lag: Behind the wearer in motion.
        warp: Flow-warp error over the whole clip.
        warp_moving: Of frames in motion.
        warp_still: Of frames at rest.
        colour: Frame-to-frame change of the face's mean colour.
        colour_calm: Of frames in which neither lids nor lips of the wearer move.
        identity: Whom it looks like.
        expression: What it does.
        unmeasured: By figure: why there is none.
    """

    fates: Fates
    step_ms: tuple[float, float] | None
    jitter: float | None
    lag: Lag | None
    warp: Ratio | None
    warp_moving: Ratio | None
    warp_still: Ratio | None
    colour: Ratio | None
    colour_calm: Ratio | None
    identity: Identity | None
    expression: Expression | None
    unmeasured: Mapping[str, str]


def motion_in(plain: Trace) -> Motion | None:
    """The wearer's motion, told from the trace without smoothing; None when no face was ever drawn."""
    known = np.flatnonzero(np.isfinite(plain.drawn).all(axis=(1, 2)))
    if not known.size:
        return None
    height = float(np.median([face_height(plain.drawn[frame]) for frame in known]))
    return motion_of(plain.drawn[:, :LANDMARKS, :2], height, plain.fps, plain.flow)


def figures_of(trace: Trace, plain: Trace, same_person: float, no_judge: str = "", posed: bool = False) -> Figures:
    """The figures of `trace`.

    Args:
        trace: Of any mode.
        plain: Of the same clip without smoothing.
        same_person: The judge's threshold.
        no_judge: Why there is no judge; empty when there is one.
        posed: Whether the clip is one frame over and over, so that all of it is rest and none of it motion.
    """
    motion = None if posed else motion_in(plain)
    everything = trace.swapped
    still = everything if motion is None else motion.still
    moving = np.zeros_like(everything) if motion is None else motion.moving
    shaking = jitter(_face(trace), still, REFERENCE_HEIGHT / trace.size[1])
    figures = Figures(
        fates=fates_of(trace.fates),
        step_ms=_step(trace),
        jitter=None if math.isnan(shaking) else shaking,
        lag=None if motion is None else lag(_face(trace), _face(plain), motion),
        warp=_warp(trace, everything),
        warp_moving=_warp(trace, moving),
        warp_still=_warp(trace, still),
        colour=_colour(trace, np.ones(max(len(trace.fates) - 1, 0), dtype=np.bool_)),
        colour_calm=_colour(trace, _calm(trace)),
        identity=_identity(trace, same_person),
        expression=_expression(trace),
        unmeasured={},
    )
    return replace(figures, unmeasured=_unmeasured(figures, no_judge, posed))


def _unmeasured(figures: Figures, no_judge: str, posed: bool) -> dict[str, str]:
    """Why there is none, by figure."""
    at_rest, moved = "the face was never at rest long enough", "the face hardly moved"
    done = figures.expression
    reasons = [
        ("step_ms", figures.step_ms, "no frame was swapped"),
        ("jitter", figures.jitter, at_rest),
        ("lag", figures.lag, "one frame does not move" if posed else moved),
        ("warp", figures.warp, "no two neighbouring frames were swapped"),
        ("warp_moving", figures.warp_moving, "one frame does not move" if posed else moved),
        ("warp_still", figures.warp_still, at_rest),
        ("colour", figures.colour, "no two neighbouring frames were swapped"),
        ("colour_calm", figures.colour_calm, "lids or lips moved all the time"),
        ("identity", figures.identity, no_judge or "no frame that was judged was swapped"),
        ("expression", done, "no frame was swapped"),
        ("expression.mouth_correlation", done and done.mouth_correlation, "the mouth hardly moved"),
        ("expression.blink_correlation", done and done.blink_correlation, "the eyes hardly moved"),
    ]
    return {name: reason for name, value, reason in reasons if value is None}


def fates_of(fates: tuple[str, ...]) -> Fates:
    """What became of the frames, counted."""
    counted = Counter(fates)
    total = max(len(fates), 1)
    held, slated = (
        sum(count for fate, count in counted.items() if fate.startswith(kind)) for kind in ("held", "slated")
    )
    others = {fate: count for fate, count in sorted(counted.items()) if fate != SWAPPED}
    return Fates(len(fates), 100 * counted[SWAPPED] / total, 100 * held / total, 100 * slated / total, others)


def curve_of(meshes: Points, of: Callable[[Points], float]) -> Curve:
    """(T,) f64: `of` each mesh of (T, N, 3), NaN where there is none."""
    return np.array([of(mesh) if np.isfinite(mesh).all() else np.nan for mesh in meshes])


def _face(trace: Trace) -> Series:
    """(T, 468, 2) f32 px: the drawn landmarks of the face in the image."""
    return trace.drawn[:, :LANDMARKS, :2]


def _step(trace: Trace) -> tuple[float, float] | None:
    known = trace.step_ms[np.isfinite(trace.step_ms)]
    return (float(np.median(known)), float(np.percentile(known, 95))) if known.size else None


def _warp(trace: Trace, frames: Frames) -> Ratio | None:
    both = frames & np.isfinite(trace.warp_before) & np.isfinite(trace.warp_after)
    before, after = mean(trace.warp_before, both), mean(trace.warp_after, both)
    return None if before is None or after is None else Ratio(before, after)


def _colour(trace: Trace, steps: Frames) -> Ratio | None:
    """Of those steps, (T - 1,), from one frame to the next."""
    changes = [np.abs(np.diff(colour, axis=0)).mean(axis=1) for colour in (trace.colour_before, trace.colour_after)]
    before, after = (mean(change, steps) for change in changes)
    return None if before is None or after is None else Ratio(before, after)


def _calm(trace: Trace) -> Frames:
    """(T - 1,): steps at which, and beside which, neither lids nor lips of the wearer move."""
    moves = [(mouth_opening, SPEAKING), (eye_opening, BLINKING)]
    moving = np.any([np.abs(np.diff(curve_of(trace.before, of))) > most for of, most in moves], axis=0)
    beside = np.convolve(moving, np.ones(3), "same") if moving.size else moving
    return np.asarray(beside == 0)


def _identity(trace: Trace, same_person: float) -> Identity | None:
    judged = np.isfinite(trace.to_persona)
    if not judged.any():
        return None
    to_persona, to_wearer = trace.to_persona[judged], trace.to_wearer[judged]
    return Identity(
        frames=int(judged.sum()),
        apart=float(trace.apart[judged].mean()),
        to_persona=float(to_persona.mean()),
        to_wearer=float(to_wearer.mean()),
        same_person=100 * float((to_persona < same_person).mean()),
        closer=100 * float((to_persona < to_wearer).mean()),
        wearer_gone=100 * float((to_wearer > same_person).mean()),
    )


def _expression(trace: Trace) -> Expression | None:
    frames = np.flatnonzero(trace.swapped & np.isfinite(trace.after).all(axis=(1, 2)))
    if not frames.size:
        return None
    pairs = [(trace.before[frame], trace.after[frame]) for frame in frames]
    agreed = [agreement(before, after) for before, after in pairs]
    return Expression(
        landmarks=float(np.mean([one.overall for one in agreed])),
        mouth=float(np.mean([one.mouth for one in agreed])),
        eyes=float(np.mean([one.eyes for one in agreed])),
        turn=float(np.mean([turn_between(before, after) for before, after in pairs])),
        mouth_correlation=_alike(trace, mouth_opening, LEAST_MOUTH),
        blink_correlation=_alike(trace, eye_opening, LEAST_BLINK),
    )


def _alike(trace: Trace, of: Callable[[Points], float], least: float) -> float | None:
    """Correlation of input and output."""
    return correlation(curve_of(trace.before, of), curve_of(trace.after, of), least)
