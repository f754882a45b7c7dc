"""Brings a face that was made anew to the colours, the sharpness and the grain of the picture it goes into."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.studio.terms import Mask
from livecam.vision.color import SIDE, measured
from livecam.vision.grain import GrainPattern, noise_of

# Of light: so many cells across the square, and over how many of them it is averaged.
_CELLS = 128
_SIGMA = 3.0
# Grain fainter than so many levels is not seen; more than so many is no camera's.
_FAINT, _STRONGEST = 0.4, 8.0
# A face that was made at less than the picture's resolution is sharpened at most so much.
_ENLARGED, _SHARPEST = 1.15, 1.6
# Per cent of pixels have less fine detail than what is compared: most of a face is smooth, and shows noise alone.
_STRONG = 90.0
_FULL = 250
# Px. On a smaller face grain cannot be told from features.
_FEWEST = 80 * 80
_TILE = 512

Floats = npt.NDArray[np.float32]

_LUMA: Final = (0.114, 0.587, 0.299)
"""Of blue, green and red (ITU-R BT.601)."""


def matched(made: Image, crop: Image, face: Mask) -> Image:
    """`made` in the colours of `crop`, both (S, S, 3) u8 BGR: mean and spread of each opponent channel over `face`.

    The change is bounded, so that a picture of anything stays a picture. See `livecam.vision.color`.
    """
    small = (SIDE, SIDE)
    means = [np.asarray(cv2.resize(each, small, interpolation=cv2.INTER_AREA), np.uint8) for each in (made, crop, face)]
    transfer = measured(*means)
    if transfer is None:
        return made
    return np.asarray(cv2.transform(made, transfer.matrix(1.0)), np.uint8)


def light_apart(made: Image, crop: Image, face: Mask) -> Floats:
    """By how much the light of `made` differs from that of `crop`, (C, C, 3) f32 levels over the whole square.

    Light is the mean over a neighbourhood inside `face` alone: hair and glasses count for neither.
    """
    small = (_CELLS, _CELLS)
    inside = face.astype(np.float32) / 255
    weight = np.asarray(cv2.resize(inside, small, interpolation=cv2.INTER_AREA), np.float32)
    apart = (made.astype(np.float32) - crop) * inside[:, :, None]
    cells = np.asarray(cv2.resize(apart, small, interpolation=cv2.INTER_AREA), np.float32)
    total = np.asarray(cv2.GaussianBlur(weight, (0, 0), _SIGMA), np.float32)
    sums = np.asarray(cv2.GaussianBlur(cells, (0, 0), _SIGMA), np.float32)
    return np.asarray(sums / np.maximum(total, np.float32(1e-3))[:, :, None], np.float32)


def textured(made: Image, picture: Image, shown: Mask, scale: float) -> Image:
    """`made` as sharp and as grainy as the picture it is to cover; both (h, w, 3) u8 BGR of the picture's px.

    Args:
        made: The new face.
        picture: What it covers.
        shown: (h, w) u8: only where it is full is anything judged.
        scale: Px of the picture for each px that `made` was made at.
    """
    if int(np.count_nonzero(shown >= _FULL)) < _FEWEST:
        return made
    if scale > _ENLARGED:
        made = _sharpened(made, picture, shown >= _FULL, scale)
    own, new = noise_of(picture, shown), noise_of(made, shown)
    if own is None or new is None:
        return made
    missing = min(_STRONGEST, float(np.sqrt(max(0.0, own**2 - new**2))))
    return made if missing < _FAINT else _grained(made, missing)


def luma(image: Image) -> Floats:
    """(h, w) f32 levels: the luma of (h, w, 3) u8 BGR."""
    return np.asarray(cv2.transform(image.astype(np.float32), np.array([_LUMA], np.float32)), np.float32)


def _sharpened(made: Image, picture: Image, full: npt.NDArray[np.bool_], scale: float) -> Image:
    """`made` with its finest detail where `full`, (h, w), as strong as the picture's, within bounds."""
    soft = cv2.GaussianBlur(made, (0, 0), scale)
    strengths = []
    for image, blurred in ((made, soft), (picture, cv2.GaussianBlur(picture, (0, 0), scale))):
        fine = luma(image) - luma(np.asarray(blurred, np.uint8))
        strengths.append(float(np.percentile(np.abs(fine[full]), _STRONG)))
    gain = float(np.clip(strengths[1] / max(strengths[0], 1e-3), 1, _SHARPEST))
    return np.asarray(cv2.addWeighted(made, gain, soft, 1 - gain, 0), np.uint8)


def _grained(made: Image, levels: float) -> Image:
    """`made` with grain of so many levels; the same every time."""
    pattern = GrainPattern()
    tile = pattern.at(0, 0, (_TILE, _TILE)).astype(np.float32) - 128
    rows, columns = (-(-side // _TILE) for side in made.shape[:2])
    grain = np.tile(tile, (rows, columns))[: made.shape[0], : made.shape[1]]
    grained = made + (grain * np.float32(levels * pattern.per_level))[:, :, None]
    return np.clip(np.rint(grained), 0, 255).astype(np.uint8)
