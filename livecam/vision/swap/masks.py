"""Which part of a swapped crop is shown: every mask that was asked for, composed by minimum."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from livecam.core.face import Landmarks
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.errors import FaceUncovered
from livecam.vision.mask.box import box_mask
from livecam.vision.mask.masker import Masker
from livecam.vision.mask.steady import SteadyMasker

BOX_BLUR = 0.3
"""How much of half a crop's side is soft."""

# Of the middle of the face, from eyes to mouth. Less would show the wearer; a hand before the mouth leaves more.
_LEAST_COVER = 0.25
_MARGIN = 0.15


class PlacedMasker(Masker, Protocol):
    """A masker that works from landmarks, not from what it sees."""

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        """Take the face's landmarks, px of the frame, and the matrix from there to the crop.

        Raises:
            ContractError: The landmarks are too few.
        """
        ...


@dataclass(frozen=True, slots=True)
class Maskers:
    """What composes the mask of a crop, beside the box.

    Attributes:
        before: They see the crop before the swap: occlusion.
        placed: They are told where the face is: areas, the mouth.
        after: They see the crop after the swap: regions.
        box_blur: 0..1, how much of half the crop's side is soft.
    """

    before: tuple[Masker, ...] = ()
    placed: tuple[PlacedMasker, ...] = ()
    after: tuple[Masker, ...] = ()
    box_blur: float = BOX_BLUR


class CropMask:
    """The mask of a face's crop. Owns its memory; one thread.

    Args:
        maskers: What composes it.
        side: Of the crop, px.
    """

    def __init__(self, maskers: Maskers, side: int) -> None:
        self._maskers = maskers
        self._steady = [each for each in (*maskers.before, *maskers.after) if isinstance(each, SteadyMasker)]
        self._box = box_mask(side, maskers.box_blur)
        self._mask = np.empty((side, side), np.uint8)
        self._other = np.empty((side, side), np.uint8)

    def start(self, crop: Image, landmarks: Landmarks, matrix: Matrix, track_id: int) -> Image:
        """The mask as far as the crop before the swap tells, (side, side) u8; valid until the next `start`.

        Args:
            crop: (side, side, 3) u8.
            landmarks: Of the face, px of the frame.
            matrix: Frame px to crop px.
            track_id: Of the face: masks are smoothed over its own earlier ones.

        Raises:
            ContractError: A masker's network gave rubbish, or the landmarks are too few.
            EngineError: A masker's network failed.
        """
        np.copyto(self._mask, self._box)
        for steady in self._steady:
            steady.follow(track_id)
        for masker in self._maskers.placed:
            masker.place(landmarks, matrix)
        for each in (*self._maskers.before, *self._maskers.placed):
            self.narrow(each(crop, self._other))
        return self._mask

    def finish(self, swapped: Image) -> Image:
        """The whole mask, once the crop is swapped; the same memory.

        Raises:
            ContractError: A masker's network gave rubbish.
            EngineError: A masker's network failed.
        """
        for masker in self._maskers.after:
            self.narrow(masker(swapped, self._other))
        return self._mask

    def reset(self) -> None:
        """Forget earlier masks."""
        for steady in self._steady:
            steady.reset()

    def narrow(self, mask: Image) -> None:
        """Show no more than `mask`, (side, side) u8, does."""
        cv2.min(self._mask, mask, dst=self._mask)


def refuse_bare(mask: Image, five: Points, matrix: Matrix) -> None:
    """Refuse a mask that leaves the wearer's face to be seen.

    A masker that fails says "nothing of this is face", and the frame would go out as it came in.

    Args:
        mask: (S, S) u8.
        five: (5, 2) f32 px of the frame.
        matrix: Frame px to crop px.

    Raises:
        FaceUncovered: Hardly anything between the eyes and the mouth is covered.
    """
    spots = transform(matrix, five)
    margin = _MARGIN * np.ptp(spots, axis=0)
    left, top = np.clip(spots.min(axis=0) - margin, 0, len(mask) - 1).astype(int)
    right, bottom = np.clip(spots.max(axis=0) + margin, 0, len(mask) - 1).astype(int)
    cover = cv2.mean(mask[top : bottom + 1, left : right + 1])[0] / 255
    if cover < _LEAST_COVER:
        raise FaceUncovered(
            f"The masks would leave the face bare: of what lies between eyes and mouth only {cover:.0%} is covered.",
            "If it goes on with nothing before the face, try --occlusion none, --regions none, or another --swapper.",
        )
