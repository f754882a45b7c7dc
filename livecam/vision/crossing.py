"""Who is who when faces come near each other, or come back: by where they were going, and by what they look like."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np

from livecam.core.face import Face, Landmarks, Topology
from livecam.core.frame import Image
from livecam.vision.associate import Look, LookRules, TellApart, near, returned
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


class Judge:
    """Decides between tracks. Keeps nothing between frames.

    Args:
        rules: What looks tell.
        tell_apart: A recogniser, asked when a track begins; may be missing.
    """

    def __init__(self, rules: LookRules, tell_apart: TellApart | None = None) -> None:
        self._rules = rules
        self._tell_apart = tell_apart

    def settled(self, image: Image, claims: Sequence[Claim], hidden: Collection[int], captured_ns: int) -> list[Claim]:
        """The claims that are believed, no two of one face.

        Where two tracks claim one face, it is whose way led there and who looks like it; the other has been covered.

        Args:
            image: The frame.
            claims: One for each track that found a face, the longest followed first.
            hidden: Numbers of the tracks that were out of sight before; they come back only where they look it.
            captured_ns: When the frame was captured.
        """
        if len(claims) < 2 and not hidden:
            # Nobody to be taken for: what follows would come to the same.
            return list(claims)
        costs = []
        surprises = [claim.track.surprise(claim.found, captured_ns) for claim in claims]
        steady = [
            claim
            for claim, surprise in zip(claims, surprises, strict=True)
            if claim.track.number not in hidden and surprise < _STEADY
        ]
        for order, (claim, surprise) in enumerate(zip(claims, surprises, strict=True)):
            back = claim.track.number in hidden
            others = [one for one in claims if one is not claim and (back or _may_be_mixed_up(claim, one))]
            look = look_of(image, claim.found.fit) if others or back else None
            like = claim.track.looks.like(look)
            if back and (any(_is_one_face(claim, one) for one in steady) or not self._is_back(claim, like)):
                continue
            if (back or surprise >= _STEADY) and self._is_somebody_else(like, look, others):
                continue
            costs.append((surprise - (like or 0.0), order))
        kept: list[Claim] = []
        for _, order in sorted(costs):
            if not any(_is_one_face(claims[order], other) for other in kept):
                kept.append(claims[order])
        return sorted(kept, key=lambda claim: claim.track.number)

    def recognised(self, image: Image, found: Found, missing: Sequence[Track], here: Collection[int]) -> Track | None:
        """Who of those `missing` has come back as `found`; None when it is none of them.

        Args:
            image: The frame.
            found: A face that nobody follows.
            missing: Tracks without a face, longest followed first.
            here: Numbers of those that were lost just there a moment ago: of whom nothing better is known, they are it.
        """
        person = self._person(image, found.fit) if missing else None
        return returned(missing, here, look_of(image, found.fit), person, self._rules)

    def introduce(self, image: Image, track: Track) -> None:
        """Note who a new track is."""
        track.looks.learn(track.small_look(image))
        track.persons.learn(self._person(image, track.fit))

    def teach(self, image: Image, track: Track) -> None:
        """Note what `track` looks like now, if that is about what it looked like before."""
        look = track.small_look(image)
        like = track.looks.like(look)
        if like is None or like >= self._rules.same:
            track.looks.learn(look)

    def _is_somebody_else(self, like: float | None, look: Look | None, others: Sequence[Claim]) -> bool:
        """Whether a face looks more like one of the others than like the one who claims it."""
        if like is None or like >= self._rules.same:
            return False
        likes = [other.track.looks.like(look) for other in others]
        return any(other is not None and other > like + self._rules.margin for other in likes)

    def _is_back(self, claim: Claim, like: float | None) -> bool:
        """Whether one who was hidden is to be seen again: looks so, or about so, or unknown, and is where they were."""
        here = claim.track.box.iou(claim.found.box) >= SAME_FACE_IOU
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
