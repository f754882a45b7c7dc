"""Likeness: whom the swapped face looks like to an independent judge, and whether it does what the wearer does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.judges import SAME_PERSON, Judge, Verdict
from benchmarks.rig import Finder, Rig, Swapped
from livecam.core.frame import Image

FRONTAL_YAW = 25.0
"""Degrees to either side within which the bar for identity holds."""


class Looked(NamedTuple):
    """One frame, judged.

    Attributes:
        number: Of the frame.
        yaw: Of the wearer, degrees.
        to_source: Distance of the output to the persona's photo.
        to_wearer: Distance of the output to the input.
        apart: Distance of persona and wearer to begin with.
        mouth_before: The wearer's mouth opening.
        mouth_after: The output's.
        change: How far the landmarks found again lie from those drawn from, % of the outer eye corners' distance.
        found_before: Whether the judge's detector finds a face in the input.
        found_after: Whether it finds one in the output.
    """

    number: int
    yaw: float
    to_source: float
    to_wearer: float
    apart: float
    mouth_before: float
    mouth_after: float
    change: float
    found_before: bool
    found_after: bool


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the judge says of a pair of persona and clip.

    Attributes:
        frames: Judged.
        lost: Frames without a swap, of all that were shown.
        apart: Mean distance of persona and wearer to begin with.
        to_source: Mean distance of the output to the persona.
        to_wearer: Mean distance of the output to the wearer.
        same_person: Share of outputs that are the persona by the judge's own threshold, %.
        closer: Share of outputs closer to the persona than to the wearer, %.
        wearer_gone: Share of outputs that are no longer the wearer by the same threshold, %.
        found_before: Share of inputs in which the judge's detector finds a face, %.
        found_after: Share of outputs, %.
        change: Mean landmark change, % of the outer eye corners' distance.
        mouth: Correlation of the mouth's opening before and after; NaN where it never moved.
    """

    frames: int
    lost: int
    apart: float
    to_source: float
    to_wearer: float
    same_person: float
    closer: float
    wearer_gone: float
    found_before: float
    found_after: float
    change: float
    mouth: float


@dataclass(frozen=True, slots=True)
class Likening:
    """The judge at work on one persona.

    Attributes:
        judge: The recogniser.
        finder: Finds landmarks again.
        persona: What the judge sees in the persona's photo.
    """

    judge: Judge
    finder: Finder
    persona: Verdict

    def look(self, number: int, swapped: Swapped) -> Looked:
        """Judge one frame."""
        wearer = self.judge(swapped.before, swapped.points)
        output = self.judge(swapped.after, swapped.points)
        return Looked(
            number=number,
            yaw=swapped.yaw,
            to_source=output.distance(self.persona),
            to_wearer=output.distance(wearer),
            apart=wearer.distance(self.persona),
            mouth_before=wearer.mouth_opening,
            mouth_after=output.mouth_opening,
            change=self.finder.change(swapped),
            found_before=self.judge.finds_face(swapped.before),
            found_after=self.judge.finds_face(swapped.after),
        )

    def look_at_all(self, rig: Rig, frames: Iterable[Image], every: int) -> tuple[list[Looked], int]:
        """Swap all `frames`, judge every so many, and say how many had no swap."""
        looked: list[Looked] = []
        lost = 0
        for number, image in enumerate(frames):
            swapped = rig(image)
            if swapped is None:
                lost += 1
            elif number % every == 0:
                looked.append(self.look(number, swapped))
        return looked, lost


def landmark_change(finder: Finder, rig: Rig, frames: Iterable[Image], every: int) -> float:
    """Mean landmark change, % of the outer eye corners' distance, without the judge: for settings that only move."""
    swapped = [(number, rig(image)) for number, image in enumerate(frames)]
    return float(np.mean([finder.change(one) for number, one in swapped if one is not None and number % every == 0]))


def likeness(looked: Sequence[Looked], lost: int = 0) -> Likeness:
    """The means of a pair, or of several together.

    Raises:
        LookupError: Nothing was judged.
    """
    if not looked:
        raise LookupError("No frame was judged.")
    to_source = np.array([one.to_source for one in looked])
    to_wearer = np.array([one.to_wearer for one in looked])
    return Likeness(
        frames=len(looked),
        lost=lost,
        apart=float(np.mean([one.apart for one in looked])),
        to_source=float(to_source.mean()),
        to_wearer=float(to_wearer.mean()),
        same_person=_percent(to_source < SAME_PERSON),
        closer=_percent(to_source < to_wearer),
        wearer_gone=_percent(to_wearer > SAME_PERSON),
        found_before=_percent([one.found_before for one in looked]),
        found_after=_percent([one.found_after for one in looked]),
        change=float(np.mean([one.change for one in looked])),
        mouth=_correlation([one.mouth_before for one in looked], [one.mouth_after for one in looked]),
    )


def _percent(yes: Sequence[bool] | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    return 100 * float(np.mean(yes))


def _correlation(before: Sequence[float], after: Sequence[float]) -> float:
    if np.std(before) == 0 or np.std(after) == 0:
        return float("nan")
    return float(np.corrcoef(before, after)[0, 1])
