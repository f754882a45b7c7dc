"""Where a persona's photo shows skin, and not hair, background or a hand."""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.pose import face_height

# Landmarks on bare skin: cheeks, nose, chin, forehead.
_SAMPLES = (
    50, 101, 118, 117, 123, 147, 187, 205, 280, 330, 347, 346, 352, 376, 411, 425,
    6, 197, 195, 5, 200, 199, 175, 151, 9, 8, 107, 336, 36, 266, 142, 371,
)  # fmt: skip
# Around brows, eyes and mouth: face, whatever its colour.
_CORE = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 276, 46, 33, 263, 130, 359, 61, 291, 17, 18, 84, 314, 57, 287,
    48, 278, 168, 8, 9, 55, 285, 226, 446, 31, 261, 146, 91, 181, 405, 321, 375, 43, 273, 106, 335,
)  # fmt: skip
# Of the face height: more reaches into hair that hangs beside the brows.
_GROWN = 0.025
_OUTLIER = 40.0
_SPREAD = 1.6
_LEAST_SPREAD = (20.0, 6.0, 7.0)
# Brighter than the average skin is more often skin than darker.
_BRIGHTER = 0.6
_SURE, _FADE = 2.3, 0.9

Plane = npt.NDArray[np.float32]


def skin_mask(image: Image, points: Points) -> Image:
    """(H, W) u8: 255 on skin and on the features of the face, 0 elsewhere, soft between.

    The colour of skin is learnt from the photo itself, at landmarks that lie on bare skin; the distance to it is
    measured in CIELAB, in standard deviations.

    Args:
        image: (H, W, 3) u8 BGR.
        points: (N, >=2) f32 mesh landmarks, px.
    """
    height = face_height(points)
    smooth = cv2.GaussianBlur(image, (0, 0), max(0.8, height * 0.006))
    lab = cv2.cvtColor(smooth, cv2.COLOR_BGR2LAB).astype(np.float32)
    mean, spread = _skin_colour(lab[_spots(image.shape, points, height) > 0])
    offset = (lab - mean) / spread
    np.multiply(offset[:, :, 0], _BRIGHTER, out=offset[:, :, 0], where=offset[:, :, 0] > 0)
    likely = np.clip((_SURE + _FADE - np.linalg.norm(offset, axis=2)) / _FADE, 0, 1).astype(np.float32)
    likely = np.maximum(likely, features(image.shape, points, height, _GROWN))
    size = _odd(height * 0.045)
    likely = cv2.erode(likely, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    mask: Image = (cv2.GaussianBlur(likely, (0, 0), max(0.5, height * 0.018)) * 255).astype(np.uint8)
    return mask


def _skin_colour(samples: Plane) -> tuple[Plane, Plane]:
    """Mean and spread, (3,) f32 each, of (N, 3) f32 Lab samples, outliers left out."""
    middle = np.median(samples, axis=0)
    near = samples[np.abs(samples - middle).max(axis=1) < _OUTLIER]
    if not len(near):
        near = samples
    spread = np.maximum(near.std(axis=0) * _SPREAD, _LEAST_SPREAD)
    return near.mean(axis=0).astype(np.float32), spread.astype(np.float32)


def _spots(shape: tuple[int, ...], points: Points, height: float) -> Image:
    """(H, W) u8: discs around the landmarks that lie on bare skin."""
    spots = np.zeros(shape[:2], dtype=np.uint8)
    for x, y in points[list(_SAMPLES), :2].tolist():
        cv2.circle(spots, (int(x), int(y)), max(2, int(height * 0.03)), 255, -1)
    return spots


def features(shape: tuple[int, ...], points: Points, height: float, grown: float) -> Plane:
    """(H, W) f32, 0..1: the hull of brows, eyes and mouth, grown by so many face heights across, soft."""
    core = np.zeros(shape[:2], dtype=np.uint8)
    hull = cv2.convexHull(np.rint(points[list(_CORE), :2]).astype(np.int32))
    cv2.fillConvexPoly(core, hull, 255)
    size = _odd(height * grown)
    soft = cv2.GaussianBlur(cv2.dilate(core, np.ones((size, size), dtype=np.uint8)), (size, size), 0)
    return soft.astype(np.float32) / np.float32(255)


def _odd(size: float) -> int:
    """The nearest odd kernel size of at least 3."""
    return max(3, int(size)) | 1
