"""Carrying a face from one frame to the next by sparse optical flow, without any network."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Box
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import compose, invert

_SIDE: Final = 128
_MARGIN: Final = 0.3
_GRID: Final = 8
_WINDOW, _LEVELS = (13, 13), 2
# The reference for tracks and their test is Kalal, Mikolajczyk and Matas, "Forward-Backward Error" (2010).
_STRAY_PX: Final = 1.0
_INLIER_PX: Final = 1.5


@dataclass(frozen=True, slots=True)
class Carried:
    """How a face has moved.

    Attributes:
        matrix: (2, 3) f64, a similarity: px of the last frame to px of this one.
        trust: 0..1: share of the points that came back to where they started and that moved with the others.
    """

    matrix: Matrix
    trust: float


class SparseCarrier:
    """Follows a grid of points on one face (Lucas and Kanade 1981, pyramidal). Owns its memory; one thread.

    It works on a small grey square around the face, so that it costs the same at every frame size.
    """

    def __init__(self) -> None:
        steps = np.linspace(0.2, 0.8, _GRID, dtype=np.float32)
        self._grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 1, 2)
        self._grey: Image | None = None
        self._to_square: Matrix = np.zeros((2, 3))
        self._box = Box(0, 0, 0, 0)

    def begin(self, image: Image, box: Box) -> None:
        """Remember the face in `box`, px, of `image`, (H, W, 3) u8 BGR: the next `carry` starts from here."""
        self._to_square = _square(box)
        self._grey = _cut(image, self._to_square)
        self._box = box

    def carry(self, image: Image) -> Carried | None:
        """How the face has moved since `begin` into `image`; None when that cannot be told."""
        if self._grey is None:
            return None
        now = _cut(image, self._to_square)
        start = self._start()
        there, found, _ = _follow(self._grey, now, start)
        back, found_back, _ = _follow(now, self._grey, there)
        strays = np.abs(back - start).reshape(-1, 2).max(axis=1)
        good = (found.reshape(-1) > 0) & (found_back.reshape(-1) > 0) & (strays < _STRAY_PX)
        if good.sum() < _GRID:
            return None
        moved, inliers = cv2.estimateAffinePartial2D(
            start[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=_INLIER_PX, maxIters=100
        )
        if moved is None or inliers is None:
            return None
        matrix = compose(invert(self._to_square), compose(moved.astype(np.float64), self._to_square))
        return Carried(matrix, float(inliers.sum()) / len(start))

    def reset(self) -> None:
        """Forget the face."""
        self._grey = None

    def _start(self) -> Points:
        """(64, 1, 2) f32: the grid over the face, px of the square."""
        low = np.array([self._box.x1, self._box.y1])
        size = np.array([self._box.width, self._box.height])
        places = low + self._grid * size
        start: Points = (places @ self._to_square[:, :2].T + self._to_square[:, 2]).astype(np.float32)
        return start


def _square(box: Box) -> Matrix:
    """The (2, 3) f64 matrix from px of the frame to px of a square that holds the face and some room to move."""
    x, y = box.centre
    scale = _SIDE / max(max(box.width, box.height) * (1 + 2 * _MARGIN), 1.0)
    return np.array([[scale, 0, _SIDE / 2 - scale * x], [0, scale, _SIDE / 2 - scale * y]])


def _cut(image: Image, matrix: Matrix) -> Image:
    crop = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey: Image = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    return grey


def _follow(before: Image, now: Image, points: Points) -> tuple[Points, Points, Points]:
    return cv2.calcOpticalFlowPyrLK(before, now, points, None, winSize=_WINDOW, maxLevel=_LEVELS)  # type: ignore[call-overload,no-any-return]
