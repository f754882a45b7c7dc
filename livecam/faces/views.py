"""The guided webcam for identity packs: a persona's own person turns the head, the sharpest view of each side counts.

What is kept are vectors, never a picture. Whoever is not surely the person of the persona's photos is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.errors import PersonaError
from livecam.faces.enroll import sharpness
from livecam.faces.likeness import Vectors
from livecam.faces.pack import MOST_WEIGHT, Origin, View
from livecam.vision.angles import HeadAngles, bin_of
from livecam.vision.heading import HeadPose
from livecam.vision.recognise import Embedding

Embed: TypeAlias = Callable[[Image, Face], Embedding]
"""(512,) f32 of length 1: who the face in an image, (H, W, 3) u8 BGR, is."""

WANTED: Final = (
    (HeadAngles(0, 0), "Look into the camera."),
    # A mirror's left: that of the person who looks into the camera.
    (HeadAngles(-20, 0), "Turn slowly to your right."),
    (HeadAngles(20, 0), "Turn slowly to your left."),
    (HeadAngles(0, -15), "Look down a little."),
    (HeadAngles(0, 15), "Look up a little."),
    (HeadAngles(-40, 0), "Turn further to your right."),
    (HeadAngles(40, 0), "Turn further to your left."),
)
"""The sides that are asked for, and how; the last two are not everybody's, and come last."""

LEAST: Final = 3
_FURTHEST: Final = 52.0
"""Degrees: a face turned further is not swapped either, and recognisers were not made for it."""

_SMALLEST_EYES_PX: Final = 30.0
_STRANGER: Final = 15
"""So many looks in a row at somebody else end it."""


@dataclass(slots=True)
class _Seen:
    sharpness: float
    view: View


class ViewGuide:
    """Takes frames of one person who turns the head, and says what is missing. One thread.

    Args:
        embed: The swapper's own recogniser.
        known: The person of the persona's photos.
        same: From this cosine on two vectors are one person's.
        other: Up to this one they are two people's.
    """

    def __init__(self, embed: Embed, known: Vectors, same: float, other: float) -> None:
        self._embed = embed
        self._known = known
        self._same, self._other = same, other
        self._pose = HeadPose()
        self._kept: dict[int, _Seen] = {}
        self._strangers = 0
        self.hint = WANTED[0][1]

    def take(self, image: Image, faces: Sequence[Face]) -> bool:
        """Look at one frame; whether it brought a side that was not there.

        Args:
            image: (H, W, 3) u8 BGR; only read.
            faces: Those in it, with mesh landmarks.

        Raises:
            PersonaError: It is not the person of the persona's photos.
            EngineError, ContractError: A network failed.
        """
        if len(faces) != 1:
            self.hint = "Nobody is seen." if not faces else "Somebody else is in the picture: only one person, please."
            return False
        angles = self._tellable(faces[0])
        if angles is None:
            self.hint = "Come nearer, or turn back a little."
            return False
        vector = self._embed(image, faces[0])
        if not self._is_the_person(vector):
            self._note_stranger()
            return False
        self._strangers = 0
        fresh = self._keep(sharpness(image, faces[0]), View(vector, angles, Origin.WEBCAM, MOST_WEIGHT[Origin.WEBCAM]))
        self.hint = self._wish()
        return fresh

    @property
    def progress(self) -> float:
        """0..1: how much of what is wanted is there."""
        return sum(bin_of(angles) in self._kept for angles, _ in WANTED) / len(WANTED)

    def views(self) -> tuple[View, ...]:
        """What was seen, one view for each side.

        Raises:
            PersonaError: It does not suffice.
        """
        yaws = [seen.view.angles.yaw for seen in self._kept.values()]
        both = bool(yaws) and min(yaws) < -10 and max(yaws) > 10
        if len(self._kept) < LEAST or not both:
            raise PersonaError(
                f"Too little was seen: {len(self._kept)} views, from {'both sides' if both else 'one side only'}.",
                "Try again: face the light, and turn the head slowly to both sides, up and down.",
            )
        return tuple(self._kept[number].view for number in sorted(self._kept))

    def _tellable(self, face: Face) -> HeadAngles | None:
        five = face.landmarks.five
        angles = self._pose(face)
        if angles is None or abs(angles.yaw) > _FURTHEST or float(np.ptp(five, axis=0).max()) < _SMALLEST_EYES_PX:
            return None
        return angles

    def _is_the_person(self, vector: Embedding) -> bool:
        """By the photos; of a side that they do not show, by what was already seen too, if the photos do not differ."""
        like_photos = float((self._known @ vector).max())
        seen = (float(kept.view.vector @ vector) for kept in self._kept.values())
        return like_photos > self._other and max([like_photos, *seen]) >= self._same

    def _note_stranger(self) -> None:
        self._strangers += 1
        self.hint = "This does not look like the person of the photos."
        if self._strangers >= _STRANGER and not self._kept:
            raise PersonaError(
                "Whoever is before the camera is not the person of the persona's photos, as far as can be told.",
                "Only the person whom it shows can add views. Is the light good, and the face near enough?",
            )

    def _keep(self, sharp: float, view: View) -> bool:
        number = bin_of(view.angles)
        before = self._kept.get(number)
        if before is None or sharp > before.sharpness:
            self._kept[number] = _Seen(sharp, view)
        return before is None

    def _wish(self) -> str:
        """What the person is to do next."""
        missing: Iterable[str] = (hint for angles, hint in WANTED if bin_of(angles) not in self._kept)
        return next(iter(missing), "Turn slowly to all sides.")
