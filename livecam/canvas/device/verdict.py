"""What comes down of a swap, and whether it may be shown: the refusals of the chain on the processor, told by sums.

Numbers and sentences are those of livecam/vision/swap/{chain,masks,sound}.py and livecam/vision/tensor.py;
tests/canvas/device/ holds the two together.
"""

import ctypes
import math
from ctypes import Structure, c_float, c_int
from enum import IntEnum
from typing import Final

import numpy as np

from livecam.canvas.kernels.chain_arguments import Colours, Sums
from livecam.canvas.kernels.layout import Area
from livecam.core.face import Face
from livecam.core.frame import Matrix, Points, Size
from livecam.core.geometry import transform
from livecam.errors import ContractError, FaceUncovered

STEP: Final = 8
"""Every so many pixels are looked at."""

_LEAST_DEVIATION: Final = 1.0
_LEAST_CHANGE: Final = 0.5
_LEAST_COVER: Final = 0.25
_MARGIN: Final = 0.15
_SMALLEST_EXTENT_PX: Final = 10.0
_FARTHEST: Final = 4.0


class Part(IntEnum):
    """Whose values may not be finite."""

    SWAPPER = 0
    MASK = 1
    MASKER = 2
    ENHANCER = 3


_TOLD: Final = {
    Part.SWAPPER: "swapper's picture",
    Part.MASK: "swapper's mask",
    Part.MASKER: "masker's mask",
    Part.ENHANCER: "enhancer's picture",
}


class Status(Structure):
    """What comes down of each swap. Zero before."""

    _fields_ = (
        ("swapped", Sums),
        ("sharpened", Sums),
        ("bad", c_int * len(Part)),
        ("colours", Colours),
        ("cover", c_float),
        ("unused", c_int),
    )


def offset_of(field: str, index: int = 0) -> int:
    """Bytes from the beginning of `Status` to one of its fields, or to entry `index` of ``bad``."""
    place: int = getattr(Status, field).offset
    return place + index * ctypes.sizeof(c_int)


def refuse_rubbish(status: Status) -> None:
    """Refuse what holds values that are not finite.

    Raises:
        ContractError: It does.
    """
    for part in Part:
        if status.bad[part]:
            raise ContractError(
                f"The {_TOLD[part]} holds values that are not finite.",
                "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
            )


def refuse_flat(sums: Sums, pixels: int, maker: str) -> None:
    """Refuse a picture of one colour.

    Args:
        sums: Of what was looked at.
        pixels: How many were.
        maker: What made it, for the message.

    Raises:
        ContractError: It hardly varies.
    """
    variances = [square / pixels - (total / pixels) ** 2 for total, square in zip(sums.sum, sums.square, strict=True)]
    if math.sqrt(max(*variances, 0.0)) < _LEAST_DEVIATION:
        raise ContractError(
            f"The {maker} gave a picture of one colour instead of a face.",
            "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
        )


def refuse_unchanged(sums: Sums, pixels: int, maker: str) -> None:
    """Refuse a picture that is the one it was made of: it would show the wearer.

    Raises:
        ContractError: The two are the same.
    """
    if sums.change < _LEAST_CHANGE * 3 * pixels:
        raise ContractError(
            f"The {maker} gave back the face that it was given.",
            "Its file or recipe is not what it should be; see: livecam models verify",
        )


def middle_of(five: Points, matrix: Matrix, side: int) -> Area:
    """The part of a crop that must be covered: between the eyes and the mouth.

    Args:
        five: (5, 2) f32 px of the frame.
        matrix: Frame px to crop px.
        side: Of the crop.
    """
    spots = transform(matrix, five)
    margin = _MARGIN * np.ptp(spots, axis=0)
    left, top = np.clip(spots.min(axis=0) - margin, 0, side - 1).astype(int).tolist()
    right, bottom = np.clip(spots.max(axis=0) + margin, 0, side - 1).astype(int).tolist()
    return Area(left=left, top=top, width=right - left + 1, height=bottom - top + 1)


def refuse_bare(cover: float) -> None:
    """Refuse a mask that leaves the wearer's face to be seen.

    Args:
        cover: Mean level, 0..255, of the mask in `middle_of` the face.

    Raises:
        FaceUncovered: Hardly anything is covered.
    """
    share = cover / 255
    # Written so that what is not a number is refused too.
    if not share >= _LEAST_COVER:
        raise FaceUncovered(
            f"The masks would leave the face bare: of what lies between eyes and mouth only {share:.0%} is covered.",
            "If it goes on with nothing before the face, try --occlusion none, --regions none, or another --swapper.",
        )


def usable(face: Face, frame: Size) -> Points:
    """(5, 2) f32 px: eyes, nose tip, mouth corners.

    Raises:
        ContractError: They are not finite, far outside the frame, too close together, or their middle is not in it.
    """
    five = face.landmarks.five
    if not np.isfinite(five).all() or np.abs(five).max() > _FARTHEST * max(frame):
        raise ContractError("The face's landmarks are not finite, or far outside the frame.")
    if float(np.ptp(five, axis=0).max()) < _SMALLEST_EXTENT_PX:
        raise ContractError("The face is too small, or its landmarks have collapsed.")
    x, y = five.mean(axis=0).tolist()
    if not (0 <= x < frame.width and 0 <= y < frame.height):
        raise ContractError("The face to be painted does not lie in the frame.")
    return five
