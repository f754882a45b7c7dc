"""Whether a picture shows whom it is to show, where it is to show them: the identity gate of stills."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.errors import StudioError
from livecam.studio.terms import Backend, Caps, Faces, Vectors
from livecam.vision.turned import turn_across

COSINE: Final = 0.60
"""The least cosine of a made face to the likeness, of recognisers of the ArcFace family."""

COSINE_FRONT: Final = 0.70
"""The same of a face that looks into the camera."""

LANDMARKS: Final = 0.02
"""How far the five points may lie from where they were to be, on average, of the square's side."""

_FRONT_DEGREES = 15.0
# In longer sides of the box around the five points.
_NEIGHBOUR = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a made face.

    Attributes:
        cosine: To the likeness, -1..1; 0 where no face was found.
        cosine_needed: The least that passes.
        landmark_error: Mean distance of the five points from where they were to be, of the square's side; 1 where no
            face was found.
        faces: How many faces there are where one is to be.
        identity: Whether the cosine is demanded; it is only measured where faces cannot be told apart, and of test
            backends.
        shape: Whether landmarks and the number of faces are demanded.
    """

    cosine: float
    cosine_needed: float
    landmark_error: float
    faces: int
    identity: bool
    shape: bool

    @property
    def alike(self) -> bool:
        """Whether the cosine suffices, demanded or not."""
        return self.cosine >= self.cosine_needed

    @property
    def placed(self) -> bool:
        """Whether there is one face, with its landmarks where they were to be, demanded or not."""
        return self.faces == 1 and self.landmark_error <= LANDMARKS

    @property
    def passed(self) -> bool:
        """Whether all that is demanded holds."""
        return (self.alike or not self.identity) and (self.placed or not self.shape)

    @property
    def worth(self) -> tuple[bool, bool, float]:
        """For choosing the best of several; larger is better."""
        return self.passed, self.placed, self.cosine - self.landmark_error

    def told(self) -> str:
        """The figures, for a sentence."""
        if self.faces != 1:
            return "no face in it" if not self.faces else f"{self.faces} faces where one should be"
        needed = f"{self.cosine_needed:.2f} is needed" if self.identity else "only measured"
        return (
            f"a cosine of {self.cosine:.2f} to the persona ({needed}), and landmarks {self.landmark_error:.1%} of the "
            f"crop from their places ({LANDMARKS:.0%} is allowed)"
        )


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the pictures of one face.

    Attributes:
        faces: Sees them.
        vectors: Whom they are to show.
        five: Where eyes, nose tip and mouth corners are to be, (5, 2) f32 px of the square.
        identity: See `Verdict`.
        shape: See `Verdict`.
    """

    faces: Faces
    vectors: Vectors
    five: Points
    identity: bool
    shape: bool

    def __call__(self, square: Image) -> Verdict:
        """What `square`, (S, S, 3) u8 BGR, shows."""
        found = [face for face in self.faces.find(square) if is_at(face, self.five)]
        needed = COSINE_FRONT if turn_across(self.five) <= _FRONT_DEGREES else COSINE
        best = nearest(found, self.five)
        if best is None:
            return Verdict(0.0, needed, 1.0, 0, self.identity, self.shape)
        five = best.landmarks.five
        cosine = alike(self.faces.embed(square, five), self.vectors)
        return Verdict(cosine, needed, _apart(five, self.five) / len(square), len(found), self.identity, self.shape)


def judge_of(faces: Faces, caps: Caps, vectors: Vectors, five: Points) -> Judge:
    """The judge of what a backend of `caps` makes; see `Judge`."""
    return Judge(faces, vectors, five, faces.knows and not caps.test, not caps.test)


def is_at(face: Face, five: Points) -> bool:
    """Whether `face` lies about where `five`, (5, 2) f32 px, are; others are neighbours."""
    apart = float(np.linalg.norm(face.landmarks.five.mean(axis=0) - five.mean(axis=0)))
    return apart < float(np.ptp(five, axis=0).max()) * _NEIGHBOUR


def nearest(found: Sequence[Face], five: Points) -> Face | None:
    """The one of `found` whose points are nearest to `five`, (5, 2) f32 px; None where none is about there."""
    there = [face for face in found if is_at(face, five)]
    return min(there, key=lambda face: _apart(face.landmarks.five, five), default=None)


def refuse_unjudged(faces: Faces, backend: Backend, *, unjudged: bool) -> None:
    """Refuse work whose outcome nobody can judge, unless it is wanted `unjudged`.

    Raises:
        StudioError: There is no recogniser to judge it by.
    """
    if faces.knows or backend.caps.test or unjudged:
        return
    raise StudioError(
        f"Whom a picture shows cannot be judged here: faces are told apart by {faces.told}, which is no recogniser.",
        "Get one: livecam models pull auraface (or arcface_w600k_r50, for research only); or go on without: --unjudged",
    )


def _apart(five: Points, other: Points) -> float:
    """Mean distance of two fives, px."""
    return float(np.linalg.norm(five - other, axis=1).mean())


def alike(vector: Vectors, vectors: Vectors) -> float:
    """The cosine of `vector`, (512,) f32, to the mean of `vectors`, (N, 512) f32; 0 where one has no direction."""
    mean = vectors.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean) * np.linalg.norm(vector.astype(np.float64)))
    if not (np.isfinite(length) and length > 0):
        return 0.0
    return float(np.clip(mean @ vector / length, -1, 1))
