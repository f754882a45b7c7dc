"""Who is who when faces come near each other, or come back: by where they were going, and by what they look like."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np

from livecam.core.face import Face, Landmarks, Topology
from livecam.core.frame import Image
from livecam.vision.associate import Look, LookRules, TellApart, is_another, near, returned, tells, word
from livecam.vision.mesh.landmarks import MeshFit
from livecam.vision.tracks import Found, Track, look_of

SAME_FACE_IOU: Final = 0.5
"""From this overlap on two finds are one face."""

# In sizes of the face: nearer than this to where it was expected, a face has gone on as it went.
_STEADY: Final = 0.06


class Claim(NamedTuple):
    """What a track takes for its face in this frame."""

    track: Track
    found: Found


class Seen(NamedTuple):
    """What a face is told by.

    Attributes:
        look: Its small look; None where there is nothing to see.
        person: What the recogniser says of it; None where it was not asked, cannot tell, or is missing.
    """

    look: Look | None
    person: Look | None


_NOTHING: Final = Seen(None, None)


class Judge:
    """Decides between tracks. Keeps nothing between frames.

    Args:
        rules: What looks tell.
        tell_apart: A recogniser; may be missing. Asked when a track begins, when somebody hidden may be back, and where
            two may be mixed up and looks do not tell.

    Attributes:
        asks: Whether there is one.
    """

    def __init__(self, rules: LookRules, tell_apart: TellApart | None = None) -> None:
        self._rules = rules
        self._tell_apart = tell_apart
        self.asks = tell_apart is not None

    def settled(
        self, image: Image, claims: Sequence[Claim], hidden: Collection[int], captured_ns: int, *, alone: bool = False
    ) -> list[Claim]:
        """The claims that are believed, no two of one face.

        Where two tracks claim one face, it is whose way led there and who looks like it; the other has been covered.
        What the recogniser says of it, where it was asked, counts more.

        Args:
            image: The frame.
            claims: One for each track that found a face, the longest followed first.
            hidden: Numbers of the tracks that were out of sight before; they come back only where they look it.
            captured_ns: When the frame was captured.
            alone: Whether nobody but those who are followed is in the picture, so that a lone claim is theirs.

        Raises:
            EngineError, ContractError: The recogniser failed.
        """
        if len(claims) < 2 and not hidden:
            return [claim for claim in claims if alone or not self._has_slipped(image, claim, captured_ns)]
        costs = []
        surprises = [claim.track.surprise(claim.found, captured_ns) for claim in claims]
        steady = [
            claim
            for claim, surprise in zip(claims, surprises, strict=True)
            if claim.track.number not in hidden and surprise < _STEADY
        ]
        for order, (claim, surprise) in enumerate(zip(claims, surprises, strict=True)):
            back = claim.track.number in hidden
            if back and any(_is_one_face(claim, one) for one in steady):
                continue
            others = [one.track for one in claims if one is not claim and (back or _may_be_mixed_up(claim, one))]
            sure = not back and surprise < _STEADY
            seen = self._seen_of(image, claim, others, back, sure) if others or back else _NOTHING
            if (back and not self._is_back(claim, seen)) or (not sure and self._is_somebody_else(claim, seen, others)):
                continue
            unknown = not word(claim.track, seen.person, self._rules)
            costs.append((unknown, surprise - (claim.track.looks.like(seen.look) or 0.0), order))
        kept: list[Claim] = []
        for *_, order in sorted(costs):
            if not any(_is_one_face(claims[order], other) for other in kept):
                kept.append(claims[order])
        return sorted(kept, key=lambda claim: claim.track.number)

    def _has_slipped(self, image: Image, claim: Claim, captured_ns: int) -> bool:
        """Whether a lone track has slipped on to somebody whom nobody follows yet: they came in too fast.

        The face is not where it was expected, and does not look like theirs, or the recogniser says it is not.
        """
        if claim.track.surprise(claim.found, captured_ns) < _STEADY:
            return False
        like = claim.track.looks.like(look_of(image, claim.found.fit))
        if like is None or like >= self._rules.same:
            return False
        said = word(claim.track, self._person(image, claim.found.fit), self._rules)
        return like < self._rules.leapt if said is None else not said

    def seen(self, image: Image, fit: MeshFit) -> Seen:
        """What the face of `fit` in `image`, that may be somebody's who was missing, is told by.

        Raises:
            EngineError, ContractError: The recogniser failed.
        """
        return Seen(look_of(image, fit), self._person(image, fit))

    def recognised(self, seen: Seen, missing: Sequence[Track], here: Collection[int]) -> Track | None:
        """Who of those `missing` has come back; None when it is none of them.

        Args:
            seen: What the face is told by.
            missing: Tracks without a face, longest followed first.
            here: Numbers of those that were lost just there a moment ago: of whom nothing better is known, they are it.
        """
        return returned(missing, here, seen.look, seen.person, self._rules)

    def introduce(self, track: Track, seen: Seen) -> None:
        """Note who a new track is."""
        track.looks.learn(seen.look)
        track.persons.learn(seen.person)

    def teach(self, image: Image, track: Track) -> None:
        """Note what `track` looks like now, if that is about what it looked like before.

        Whom the recogniser could not tell when the track began, too small or turned away, it is asked about again.

        Raises:
            EngineError, ContractError: The recogniser failed.
        """
        look = track.small_look(image)
        like = track.looks.like(look)
        if like is None or like >= self._rules.same:
            track.looks.learn(look)
            if self.asks and like is not None and track.persons.empty:
                track.persons.learn(self._person(image, track.fit))

    def _seen_of(self, image: Image, claim: Claim, others: Sequence[Track], back: bool, sure: bool) -> Seen:
        """What a claimed face is told by; the recogniser is asked where it is a close call."""
        look = look_of(image, claim.found.fit)
        if not self.asks or sure:
            return Seen(look, None)
        rivals = [other.looks.like(look) for other in others]
        if not back and tells(claim.track.looks.like(look), rivals, self._rules):
            return Seen(look, None)
        return Seen(look, self._person(image, claim.found.fit))

    def _is_somebody_else(self, claim: Claim, seen: Seen, others: Sequence[Track]) -> bool:
        """Whether a face is not known as who claims it, or looks more like one of the others."""
        if is_another(claim.track, others, seen.person, self._rules):
            return True
        said = word(claim.track, seen.person, self._rules)
        if said is not None:
            return not said
        like = claim.track.looks.like(seen.look)
        if like is None or like >= self._rules.same:
            return False
        likes = [other.looks.like(seen.look) for other in others]
        return any(other is not None and other > like + self._rules.margin for other in likes)

    def _is_back(self, claim: Claim, seen: Seen) -> bool:
        """Whether one who was hidden is to be seen again.

        The recogniser says so; or they look so, or about so, or unknown, and are where they were.
        """
        said = word(claim.track, seen.person, self._rules)
        if said is not None:
            return said
        here = claim.track.box.iou(claim.found.box) >= SAME_FACE_IOU
        like = claim.track.looks.like(seen.look)
        if like is None:
            return here
        return like >= (self._rules.doubtful if here else self._rules.same)

    def _person(self, image: Image, fit: MeshFit) -> Look | None:
        """What the recogniser knows a face by; None without one."""
        if self._tell_apart is None:
            return None
        points = np.ascontiguousarray(fit.points[:, :2])
        landmarks = Landmarks(points, Topology.MESH468)
        box = Found.of(fit).box
        return self._tell_apart(image, Face(box, landmarks, np.ascontiguousarray(fit.points[:, 2]), fit.presence, 0))


def _is_one_face(claim: Claim, other: Claim) -> bool:
    return claim.found.box.iou(other.found.box) > SAME_FACE_IOU


def _may_be_mixed_up(claim: Claim, other: Claim) -> bool:
    """Whether two faces are near each other, as found now or as they were before."""
    return near(claim.found.box, other.found.box) or near(claim.track.box, other.track.box)
