"""What the identity pack does on a clip: the same clip with it and without it, beside each other."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from livecam.bench.quality.clip import Result
from livecam.bench.quality.figures import REFERENCE_HEIGHT, Identity
from livecam.bench.quality.series import jitter
from livecam.bench.quality.smoothers import NO_PACK, OURS
from livecam.bench.quality.trace import Trace
from livecam.core.frame import Points
from livecam.vision.angles import AngleChoice, AngledSources, HeadAngles, bin_of
from livecam.vision.mesh.topology import LANDMARKS, rigid_fitter
from livecam.vision.tensor import Floats

NO_VECTOR: Final = "The mesh swap uses no identity vector, so there is nothing to compare with and without a pack."

_CLOSER: Final = 0.01
"""Difference of two mean distances that is worth speaking of."""

_SHAKIER: Final = 1.1


@dataclass(frozen=True, slots=True)
class Side:
    """A clip with the pack, or without it. None where something was not measured.

    Attributes:
        identity: Whom the face looks like; its `Identity.closer` is retrieval among persona and wearer.
        jitter: RMS second difference of the landmarks found in the output at rest, px at 720 lines.
    """

    identity: Identity | None
    jitter: float | None


@dataclass(frozen=True, slots=True)
class Ablation:
    """What the pack does on one clip.

    Attributes:
        clip: Its name.
        with_pack: The clip with it.
        without: The clip without it.
        turn_mean: Degrees by which the identity vector turns from one frame to the next, on average.
        turn_most: Likewise, at most.
        bins: How many bins of head angles the clip goes through.
    """

    clip: str
    with_pack: Side
    without: Side
    turn_mean: float
    turn_most: float
    bins: int

    @property
    def sentence(self) -> str:
        """What came of it."""
        one, other = self.with_pack, self.without
        turns = (
            f"The vector turns by {self.turn_mean:.2f} degrees a frame, {self.turn_most:.1f} at most, "
            f"through {self.bins} {'bin' if self.bins == 1 else 'bins'} of angles."
        )
        if one.identity is None or other.identity is None:
            return f"{self.clip}: whether the pack helps cannot be said, as nobody judged whom it looks like. {turns}"
        figures = (
            f"{one.identity.to_persona:.3f} from the persona with the pack, {other.identity.to_persona:.3f} without; "
            f"the persona in {one.identity.same_person:.0f} % of frames, and in {other.identity.same_person:.0f} %"
        )
        if one.jitter is not None and other.jitter is not None:
            figures += f"; landmarks of the output tremble by {one.jitter:.2f} px, and by {other.jitter:.2f} px"
        return f"{self.clip}: {self._verdict(one.identity, other.identity)}. {figures}. {turns}"

    def _verdict(self, one: Identity, other: Identity) -> str:
        nearer = other.to_persona - one.to_persona
        shaken = self.with_pack.jitter is not None and self.without.jitter is not None
        if shaken and (self.with_pack.jitter or 0) > _SHAKIER * (self.without.jitter or 0):
            return "the pack makes the face tremble more: leave it off"
        if nearer <= -_CLOSER:
            return "the pack harms here: leave it off"
        return "the pack helps here" if nearer >= _CLOSER else "the pack makes no difference worth having"


def ablation_of(result: Result, sources: AngledSources) -> Ablation | None:
    """What the pack did in `result`, of whose `sources` the vectors were; None where it has not both modes."""
    if not {OURS.name, NO_PACK.name} <= result.figures.keys() or result.posed:
        return None
    trace = result.traces[OURS.name]
    turns, bins = _turns(trace, sources)
    return Ablation(
        result.name,
        _side(result, OURS.name),
        _side(result, NO_PACK.name),
        float(np.mean(turns)) if turns else 0.0,
        max(turns, default=0.0),
        bins,
    )


def _side(result: Result, mode: str) -> Side:
    trace = result.traces[mode]
    after = trace.after[:, :LANDMARKS, :2]
    shaking = jitter(after, result.still, REFERENCE_HEIGHT / trace.size[1])
    return Side(result.figures[mode].identity, None if math.isnan(shaking) else shaking)


def _turns(trace: Trace, sources: AngledSources) -> tuple[list[float], int]:
    """By how many degrees the vector turned between swapped frames, chosen again as it was, and through which bins."""
    choice, fit = AngleChoice(), rigid_fitter()
    vectors: list[Floats] = []
    bins: set[int] = set()
    for points, time_ns in zip(trace.drawn, trace.times_ns.tolist(), strict=True):
        if not np.isfinite(points).all():
            continue
        angles = _angles(fit(points).angles)
        bins.add(bin_of(angles))
        vectors.append(choice(sources, angles, time_ns)[0])
    return [_degrees(one, other) for one, other in pairwise(vectors)], len(bins)


def _angles(angles: tuple[float, float, float]) -> HeadAngles:
    return HeadAngles(angles[0], angles[1])


def _degrees(one: Points, other: Points) -> float:
    first, second = one.astype(np.float64), other.astype(np.float64)
    chord = float(np.linalg.norm(first / np.linalg.norm(first) - second / np.linalg.norm(second)))
    return math.degrees(2 * math.asin(min(1.0, chord / 2)))
