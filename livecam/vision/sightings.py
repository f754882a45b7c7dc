"""What the watch counts as face-like, and for how long: its numbers, and its memory.

Scores and schedule were chosen by numbers, at 1280x720, over five clips of people (1381 frames), and over copies of
their frames with the face made small, dark, blurred, turned and half covered:

- The full-range network finds every face from 80 px to 800 px height, also blurred, also turned by 60 degrees, and
  80 % at 56 px. The short-range network finds every one from 200 px, none at 112; it is better only where a large
  face is half covered. So the full-range network looks at every frame, the short-range one at every fourth.
- The full-range network took nothing else for a face in any frame at a score of 0.3 or more, in 2 frames at 0.25, in
  9 at 0.2. The short-range one did in 5 frames at 0.35 (dark bricks), in 26 at 0.25, in none at 0.4. Hence 0.35 and
  0.4. The wearer himself was never seen twice (hands, ears), and was never missed.
- At 0.5, which swapping uses, the full-range network still finds 36 % of small dark faces and 62 % of those with
  covered eyes; at 0.35 it is 58 % and 96 %.
- Over blurred walls without anybody the short-range network reaches 0.56, and the landmark network, following its own
  region there, is sure of a face at 0.97; the full-range network stays below 0.2. Real faces score 0.75 and more on the
  short-range network. So a followed face counts as confirmed by the full-range network, or by a score of 0.75.
- A lone doubtful sighting counts for a few frames only; one that is sure, or comes again, is remembered.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from livecam.core.face import Box, Detection

_SAME_FACE_IOU = 0.3
# A detector's box and the landmarks' box of one face overlap by 0.65 at least, by 0.77 on average (the five clips).
_CLAIM_IOU = 0.4


@dataclass(frozen=True, slots=True)
class WatchRules:
    """How closely to watch.

    Attributes:
        far_score: Face-like is what the full-range network scores at least this.
        near_score: The same for the short-range network.
        near_firm: From this score on the short-range network confirms a followed face; the other one always does.
        sure: From this score on one sighting is enough to be remembered.
        remember: For how many frames a face is reported that is not seen any more; 0.7 s at 30 fps.
        doubt: The same for a sighting that is not sure and has not come again.
        growth: How much larger, on each side, a face's box is made with every frame that it is not seen.
        growth_limit: And how much at most.
        far_every: The full-range network looks at every so many frames.
        near_every: The short-range network looks at every so many frames.
    """

    far_score: float = 0.35
    near_score: float = 0.4
    near_firm: float = 0.75
    sure: float = 0.5
    remember: int = 21
    doubt: int = 4
    growth: float = 0.02
    growth_limit: float = 0.25
    far_every: int = 1
    near_every: int = 4


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face-like thing seen `age` frames ago, and whether it was one of the faces that are followed."""

    box: Box
    sure: bool
    age: int = 0
    known: bool = False


class Memory:
    """What was seen in the last frames, so that one miss uncovers nobody. Counts frames, knows no time."""

    def __init__(self, rules: WatchRules) -> None:
        self._rules = rules
        self._seen: list[Sighting] = []

    def __call__(self, found: list[Detection], known: Sequence[Box]) -> tuple[Box, ...]:
        """Take in what one look found; the boxes, px, of that and of what is remembered, without `known` faces."""
        older = [replace(seen, age=seen.age + 1) for seen in self._seen]
        fresh = self._recognised(found, older)
        seen = fresh + [sighting for sighting in older if sighting.age <= self._limit(sighting)]
        mine: set[int] = set()
        for box in known:
            mine.update(_claims(box, seen, mine))
        self._seen = [replace(sighting, known=index in mine) for index, sighting in enumerate(seen)]
        return tuple(self._reported(sighting) for sighting in self._seen if not sighting.known)

    def clear(self) -> None:
        """Forget everything."""
        self._seen = []

    def _recognised(self, found: list[Detection], older: list[Sighting]) -> list[Sighting]:
        """The sightings that `found` makes; those of `older` that they continue are taken out of it.

        Each continues the nearest of about its size that it can have come from, and one only, so that of two faces
        side by side, one of them missed, both stay.
        """
        fresh: list[Sighting] = []
        for detection in found:
            if any(seen.box.iou(detection.box) > _SAME_FACE_IOU for seen in fresh):
                continue
            candidates = [seen for seen in older if _may_be(detection.box, seen)]
            before = min(candidates, key=partial(_distance, detection.box), default=None)
            if before is not None:
                older.remove(before)
            fresh.append(Sighting(detection.box, before is not None or detection.score >= self._rules.sure))
        return fresh

    def _limit(self, seen: Sighting) -> int:
        return self._rules.remember if seen.sure else self._rules.doubt

    def _reported(self, seen: Sighting) -> Box:
        """The box, the larger the longer ago it was seen: the face may have moved."""
        return seen.box.grown(min(self._rules.growth * seen.age, self._rules.growth_limit))


class Confirmed:
    """Where faces were surely seen in the last frames."""

    def __init__(self, rules: WatchRules) -> None:
        self._rules = rules
        self._frames: deque[tuple[Box, ...]] = deque(maxlen=rules.remember + 1)

    def take(self, firm: Sequence[Box]) -> None:
        """What was surely seen in a new frame."""
        self._frames.appendleft(tuple(firm))

    def __call__(self, face: Box) -> bool:
        """Whether one of them was about where `face` is; the longer ago, the farther it may have moved."""
        return any(
            box.grown(self._rules.growth * age).iou(face) >= _SAME_FACE_IOU
            for age, boxes in enumerate(self._frames)
            for box in boxes
        )

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()


def _claims(box: Box, seen: list[Sighting], taken: set[int]) -> list[int]:
    """Which of `seen` the followed face in `box` is, by index: one at most, so that nobody hides behind it.

    What was seen in this frame comes first. If the watch missed the face in this frame, it is what it was before.
    """
    free = [index for index in range(len(seen)) if index not in taken]
    on_it = [index for index in free if seen[index].box.iou(box) >= _CLAIM_IOU]
    now = [index for index in on_it if seen[index].age == 0]
    before = [index for index in free if seen[index].known and _may_be(box, seen[index])]
    return sorted(now or before or on_it, key=lambda index: _distance(box, seen[index]))[:1]


def _may_be(box: Box, seen: Sighting) -> bool:
    """Whether the face in `box` may be the one that was seen: near it, and of less than twice or half its size."""
    reach = max(box.width, seen.box.width) * (0.5 + 0.05 * seen.age)
    return _distance(box, seen) <= reach and seen.box.area / 4 < box.area < seen.box.area * 4


def _distance(box: Box, seen: Sighting) -> float:
    """From middle to middle, px."""
    (x1, y1), (x2, y2) = box.centre, seen.box.centre
    return math.hypot(x1 - x2, y1 - y2)
