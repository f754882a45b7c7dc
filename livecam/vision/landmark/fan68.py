"""``2dfan4`` (Bulat and Tzimiropoulos 2017): 68 points from heatmaps, which also tell how sure it is."""

import math

import cv2
import numpy as np

from livecam.core.face import Box, Landmarks, Topology
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import compose, invert, transform
from livecam.core.seams import Engine
from livecam.vision.contract import PictureIn
from livecam.vision.landmark.crop import Cutter, centred
from livecam.vision.landmark.fit import LandmarkFit
from livecam.vision.tensor import Feeder, finite

_POINTS = 68
_GRID = 64
_LONGER_PX = 195.0
"""Of 256: how long the longer side of the box becomes."""

_SURE = 0.9
"""The mean maximum of the heatmaps that counts as certain."""

_DARK = 30
_CLIP_LIMIT = 2.0


class Fan68Landmarker:
    """A `Landmarker` over ``2dfan4``.

    It was trained on upright faces: where five points are given, the crop is turned by a multiple of 90 degrees that
    brings the eyes level. A dark crop gets its contrast raised first (both as in facefusion).

    Args:
        engine: Bound by role: ``picture`` to ``points``, (1, 68, 3) f32: x and y on a grid of 64 and a value that is
            not used; and ``heatmaps``, (1, 68, 64, 64) f32.
        picture: What it takes.
    """

    def __init__(self, engine: Engine, picture: PictureIn) -> None:
        self._engine = engine
        self._side = picture.side
        self._cut = Cutter(picture.side)
        self._feed = Feeder(picture)
        self._contrast = cv2.createCLAHE(clipLimit=_CLIP_LIMIT)

    def __call__(self, image: Image, detection_box: Box, five: Points | None) -> LandmarkFit:
        """See `Landmarker`. A score of 0.5 and more is worth trusting."""
        matrix = centred(detection_box, self._side, _LONGER_PX * self._side / 256)
        if five is not None:
            matrix = compose(quarter_turns(-roll_quarters(five), self._side), matrix)
        crop = self._lit(self._cut(image, matrix))
        outputs = self._engine.run({"picture": self._feed(crop)})
        places = finite(outputs["points"], (1, _POINTS, 3), "points")[0, :, :2]
        heat = finite(outputs["heatmaps"], (1, _POINTS, _GRID, _GRID), "heatmaps")
        points = transform(invert(matrix), places * np.float32(self._side / _GRID))
        score = float(heat.max(axis=(2, 3)).mean()) / _SURE
        return LandmarkFit(Landmarks(points, Topology.FAN68), min(max(score, 0.0), 1.0))

    def _lit(self, crop: Image) -> Image:
        """`crop`, or where it is dark, one with its lightness equalised within limits."""
        lab = cv2.cvtColor(crop, cv2.COLOR_BGR2Lab)
        lightness = lab[..., 0]
        if lightness.mean() >= _DARK:
            return crop
        lab[..., 0] = self._contrast.apply(lightness)
        return cv2.cvtColor(lab, cv2.COLOR_Lab2BGR).astype(np.uint8, copy=False)


def roll_quarters(five: Points) -> int:
    """By how many quarter turns, 0..3, clockwise in the image, a face with these five points is turned."""
    across, down = (five[1] - five[0]).tolist()
    return round(math.degrees(math.atan2(down, across)) / 90) % 4


def quarter_turns(turns: int, side: int) -> Matrix:
    """The matrix that turns a square of `side` px by so many quarters, clockwise in the image, about its middle."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns % 4]
    half = side / 2
    return np.array(
        [[cosine, -sine, half - (cosine - sine) * half], [sine, cosine, half - (sine + cosine) * half]], np.float64
    )
