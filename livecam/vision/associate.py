"""Whose face is whose from frame to frame: by overlap, and where that does not decide, by looks."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Box, Face
from livecam.core.frame import Image, Points
from livecam.core.geometry import similarity
from livecam.vision.recognise import SAME_PERSON
from livecam.vision.template import Template, points_of

Look: TypeAlias = npt.NDArray[np.float32]
"""(L,) f32 of length 1: what a face looks like. Two of one person have a large scalar product."""

TellApart: TypeAlias = Callable[[Image, Face], Look | None]
"""A recogniser: the look of a face in (H, W, 3) u8 BGR, or None where it cannot tell. Asked in close calls only."""

_SIDE, _FINE = 20, 60
# The part of the small picture that is face: what is around it belongs to whoever stands behind.
_MIDDLE, _AXES = (0.5, 0.58), (0.4, 0.45)
_GALLERY: Final = 6
# Below this a look adds something to those that are known.
_KNOWN: Final = 0.9
_FLAT: Final = 2.0
# Two faces whose boxes, each this much larger on every side, touch, may be taken for each other.
_REACH: Final = 0.25


@dataclass(frozen=True, slots=True)
class LookRules:
    """What a small aligned picture of a face tells. Measured on five clips.

    One person to the few views that are known of them: 0.77 and more, also in a fast turn. Two people: 0.75 at most,
    0.64 as a rule.

    Attributes:
        same: From this likeness on it is the same person.
        doubtful: From this one on it may be, if everything else says so.
        margin: Of two people, a face is the one that it is more alike by this much.
        leapt: Below this likeness, a face that was not where it was expected is another.
        same_person: The same as `same`, of a recogniser's looks.
        other_person: Up to this likeness, of a recogniser's looks, it is somebody else; between the two it cannot tell.
    """

    same: float = 0.72
    doubtful: float = 0.5
    margin: float = 0.1
    leapt: float = 0.6
    same_person: float = SAME_PERSON
    other_person: float = SAME_PERSON


def _inside() -> npt.NDArray[np.bool_]:
    places = (np.arange(_SIDE) + 0.5) / _SIDE
    x, y = ((places - middle) / axis for middle, axis in zip(_MIDDLE, _AXES, strict=True))
    inside: npt.NDArray[np.bool_] = np.hypot(x[None, :], y[:, None]) < 1
    return inside


_INSIDE: Final = _inside()


class Looks:
    """What one followed face has looked like lately. Owns its state; bounded."""

    def __init__(self) -> None:
        self._gallery: list[Look] = []

    def learn(self, look: Look | None) -> None:
        """Take in one look; the oldest but the first makes room for it."""
        likeness = self.like(look)
        if look is None or (likeness is not None and likeness > _KNOWN):
            return
        if len(self._gallery) >= _GALLERY:
            del self._gallery[1]
        self._gallery.append(look)

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return not self._gallery

    def like(self, look: Look | None) -> float | None:
        """How alike `look` is to the most alike one that is known, -1..1; None when there is none."""
        if look is None or not self._gallery:
            return None
        return max(float(known @ look) for known in self._gallery)


class Known(Protocol):
    """Somebody who is followed, or was."""

    @property
    def number(self) -> int:
        """Their id."""
        ...

    @property
    def looks(self) -> Looks:
        """What small pictures of them are like."""
        ...

    @property
    def persons(self) -> Looks:
        """What a recogniser knows them by; empty without one."""
        ...


K = TypeVar("K", bound=Known)


def returned(
    missing: Iterable[K], here: Collection[int], look: Look | None, person: Look | None, rules: LookRules
) -> K | None:
    """Who of those out of sight has come back; None when it is none of them.

    A recogniser's word counts most; where it has none it is looks; where neither is known, place.

    Args:
        missing: Out of sight, longest followed first.
        here: Numbers of those that were lost just there a moment ago.
        look: The small look of the face that was found.
        person: What the recogniser says of it.
        rules: What looks tell.
    """
    best: tuple[tuple[bool, float], K] | None = None
    for track in missing:
        like, said = track.looks.like(look), word(track, person, rules)
        least = rules.doubtful if track.number in here else rules.same
        fits = track.number in here if like is None else like >= least
        if said is not None:
            fits, like = said, track.persons.like(person)
        sureness = bool(said), like or 0.0
        if fits and (best is None or sureness > best[0]):
            best = sureness, track
    return None if best is None else best[1]


def tells(like: float | None, rivals: Iterable[float | None], rules: LookRules) -> bool:
    """Whether looks alone tell whose a face is: it is like theirs, and like no rival's by a margin.

    Args:
        like: To whom it is taken for.
        rivals: What else it could be taken for; None where that cannot be told.
        rules: What looks tell.
    """
    if like is None or like < rules.same:
        return False
    return all(rival is not None and rival <= like - rules.margin for rival in rivals)


def word(known: Known, person: Look | None, rules: LookRules) -> bool | None:
    """Whether a recogniser says that a face is `known`; None where it cannot tell.

    Args:
        known: Whom the face is taken for.
        person: What the recogniser says of it.
        rules: From when on it is somebody.
    """
    same = known.persons.like(person)
    if same is None or rules.other_person < same < rules.same_person:
        return None
    return same >= rules.same_person


def is_another(known: K, others: Iterable[K], person: Look | None, rules: LookRules) -> bool:
    """Whether a recogniser says that a face is one of `others` rather than `known`.

    Args:
        known: Whom the face is taken for.
        others: Who else it could be.
        person: What the recogniser says of it.
        rules: From when on it is somebody.
    """
    if person is None:
        return False
    same = known.persons.like(person)
    likes = [other.persons.like(person) for other in others]
    best = max((like for like in likes if like is not None), default=-1.0)
    return best >= rules.same_person and (same is None or best > same + rules.margin)


def small_look(image: Image, five: Points) -> Look | None:
    """The look of the face with `five` points, (5, 2) f32 px, in `image`: a small aligned picture, light taken out.

    A weaker rule than a recogniser's: it tells two people in one room apart, not one person from another day.

    Returns:
        (L,) f32 of length 1 and mean 0; None where there is nothing to see, or the points coincide.
    """
    if not np.isfinite(five).all() or not np.ptp(five, axis=0).any():
        return None
    matrix = similarity(five, points_of(Template.ARCFACE_112_V2, _FINE))
    crop = cv2.warpAffine(image, matrix, (_FINE, _FINE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    look: Look = grey[_INSIDE].astype(np.float32)
    look -= look.mean()
    length = float(np.linalg.norm(look))
    return None if length < _FLAT * math.sqrt(len(look)) else look / np.float32(length)


def near(box: Box, other: Box) -> bool:
    """Whether two faces are near enough to be taken for each other."""
    return box.grown(_REACH).overlap(other.grown(_REACH)) > 0


def associate(
    expected: Sequence[Box], found: Sequence[Box], least: float, likeness: Sequence[Sequence[float]] | None = None
) -> dict[int, int]:
    """Which of `found` each of `expected` is now: the surest pair first, each once.

    Args:
        expected: Where each followed face should be, px.
        found: Where faces are, px.
        least: Intersection over union that a pair must have.
        likeness: For each of `expected` and each of `found`, 0 where nothing is known; counts like overlap, and only
            among those that overlap enough.

    Returns:
        Indices of `found` by indices of `expected`.
    """
    pairs = []
    for row, box in enumerate(expected):
        for column, other in enumerate(found):
            overlap = box.iou(other)
            if overlap >= least:
                pairs.append((overlap + (likeness[row][column] if likeness else 0.0), row, column))
    taken: dict[int, int] = {}
    for _, row, column in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if row not in taken and column not in taken.values():
            taken[row] = column
    return taken
