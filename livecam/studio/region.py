"""Which part of a face's square is made anew, and which part of that is shown."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.errors import StudioError
from livecam.studio.terms import Faces, Mask

# Of the square's side. What is made anew reaches a little further than what is shown, so that models whose own grid is
# coarse have finished the edge; what is shown fades in inside the region, its texture soon and its light slowly.
_GROWN: Final = 0.02
_TIGHT, _WIDE = 0.012, 0.05
# Of the square. A face in its square of 1.6 times its side covers about a quarter.
_LEAST = 0.02
_INSIDE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A face in its square. None of the masks that show anything reaches beyond `face`.

    Attributes:
        face: (S, S) u8: skin, brows, eyes, nose and mouth, nothing that covers them.
        anew: (S, S) u8, 0 or 255: what a backend makes anew; `face`, grown a little.
        texture: (S, S) u8: how much of what is fine is shown.
        light: (S, S) u8: how much of what is coarse is shown.
    """

    face: Mask
    anew: Mask
    texture: Mask
    light: Mask


def region_of(crop: Image, face: Face, faces: Faces) -> Region:
    """The region of `face`, px of `crop`, (S, S, 3) u8 BGR.

    Raises:
        StudioError: Hardly anything of the face is to be seen.
    """
    return shaped(faces.region(crop, face))


def shaped(face: Mask) -> Region:
    """The masks that follow from `face`, (S, S) u8.

    Raises:
        StudioError: It is all but empty.
    """
    side = len(face)
    if float(np.mean(face >= _INSIDE)) < _LEAST:
        raise StudioError(
            "Hardly anything of the face is to be seen: it is covered, or no face.", "Use another picture."
        )
    sure = (face >= _INSIDE).astype(np.uint8)
    reach = 2 * max(1, round(_GROWN * side)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    anew = np.asarray(cv2.dilate(sure * np.uint8(255), kernel), np.uint8)
    # Beyond the square's edge there is nothing to fade to: the face goes on there, or the picture ends.
    within = cv2.distanceTransform(sure, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    texture, light = (_faded(face, np.asarray(within, np.float32), max(1.0, share * side)) for share in (_TIGHT, _WIDE))
    return Region(face, anew, texture, light)


def _faded(face: Mask, within: np.ndarray[tuple[int, ...], np.dtype[np.float32]], depth: float) -> Mask:
    """No more than `face`, 0 at its edge and whole from `depth` px inside on."""
    ramp = np.clip(within / np.float32(depth), 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(np.minimum(face, np.rint(smooth * 255)), np.uint8)
