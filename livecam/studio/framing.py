"""The square that a backend sees: a face, level and with room around it, and the way back."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import compose, invert, similarity, transform
from livecam.errors import StudioError
from livecam.vision.template import Template, points_of

CONTEXT: Final = 1.6
"""The square's side, in longer sides of the face."""

# Where the face, hairline to chin, lies in a crop of the FFHQ template: its middle and its height, of the side. For
# faces of which only a few points are known.
_MIDDLE, _HEIGHT = (0.5, 0.56), 0.66
# Longer side of a face, px. Less shows nobody, and the whole of it would be invented.
_SMALLEST_PX = 16.0
# Where an image shrinks by more, it is averaged down first; cubic interpolation alone would skip pixels.
_SHRINKS = 0.75

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """A square around a face.

    Attributes:
        matrix: From px of the picture to px of the square.
        side: Of the square, px.
    """

    matrix: Matrix
    side: int

    @property
    def scale(self) -> float:
        """Px of the square for each px of the picture."""
        return _scale(self.matrix)

    def crop(self, image: Image) -> Image:
        """The square of `image`, (H, W, 3) u8 BGR, as (side, side, 3) u8; beyond the edges it goes on as it ends.

        It is not mirrored there: half a face at the edge would become a whole one of two like halves.
        """
        size = (self.side, self.side)
        return resampled(image, self.matrix, size, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)

    def moved(self, face: Face) -> Face:
        """`face` of the picture, in px of the square."""
        points = transform(self.matrix, face.landmarks.points)
        depth = (face.depth * self.scale).astype(np.float32)
        landmarks = Landmarks(points, face.landmarks.topology)
        return Face(box_of(points), landmarks, depth, face.score, face.track_id)

    def inside(self, image: Image) -> tuple[int, int, int, int]:
        """Left, top, right and bottom px of the part of `image` that the square reaches."""
        height, width = image.shape[:2]
        last = self.side - 0.5
        corners = np.array([(-0.5, -0.5), (last, -0.5), (last, last), (-0.5, last)], np.float32)
        spots = transform(invert(self.matrix), corners)
        left, top = np.clip(np.floor(spots.min(axis=0)), 0, (width, height)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(spots.max(axis=0)) + 1, 0, (width, height)).astype(int).tolist()
        return left, top, right, bottom

    def back(self, left: int, top: int) -> Matrix:
        """From px of the square to px of a part of the picture that begins at (`left`, `top`)."""
        return compose(np.array([[1.0, 0, -left], [0, 1.0, -top]]), invert(self.matrix))


def framing_of(face: Face, side: int) -> Framing:
    """The square of `side` px around `face`: level with it, the face in the middle.

    Raises:
        StudioError: The face is too small.
    """
    linear = _fit(face.landmarks.five)[:, :2]
    turn = linear / math.hypot(linear[0, 0], linear[1, 0])
    middle, extent = _extent(face.landmarks, turn)
    if extent < _SMALLEST_PX:
        raise StudioError(
            f"The face is only {extent:.0f} px tall.", f"It takes {_SMALLEST_PX:.0f} px at least, better 100."
        )
    scaled = turn * (side / (CONTEXT * extent))
    shift = (side - 1) / 2 - scaled @ middle
    return Framing(np.hstack([scaled, shift[:, None]]), side)


def resampled(image: Image, matrix: Matrix, size: tuple[int, int], how: int, border: int) -> Image:
    """`image`, u8 of any number of channels, warped by `matrix` into `size` (width, height), without skipping pixels.

    Args:
        image: What is warped.
        matrix: From its px to px of the result.
        size: Of the result.
        how: OpenCV's interpolation.
        border: OpenCV's way beyond the edges.
    """
    scale = _scale(matrix)
    if scale < _SHRINKS:
        height, width = image.shape[:2]
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        x, y = small[0] / width, small[1] / height
        matrix = compose(matrix, invert(np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])))
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=how, borderMode=border), np.uint8)


def _scale(matrix: Matrix) -> float:
    return math.sqrt(abs(float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])))


def _fit(five: Points) -> Matrix:
    """From px of the picture to a crop of side 1.

    Raises:
        StudioError: The points coincide, or are not finite.
    """
    try:
        fit = similarity(five, points_of(Template.FFHQ_512, 1))
    except ValueError:
        fit = np.full((2, 3), np.nan)
    if not np.isfinite(fit).all() or not fit[:, :2].any():
        raise StudioError("The face's landmarks coincide.", "Use a picture where it can be seen better.")
    return fit


def _extent(landmarks: Landmarks, turn: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """The middle of the face, (2,) px of the picture, and its longer side, once it is level by `turn`."""
    if landmarks.topology is not Topology.MESH468:
        back = invert(_fit(landmarks.five))
        return back[:, :2] @ np.array(_MIDDLE) + back[:, 2], _HEIGHT * _scale(back)
    spots = landmarks.points @ turn.T
    low, high = spots.min(axis=0), spots.max(axis=0)
    return turn.T @ ((low + high) / 2), float((high - low).max())
