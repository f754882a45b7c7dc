"""insightface's ``2d106det``: 106 points from an upright square half as large again as the box."""

import numpy as np

from livecam.core.face import Box, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.geometry import invert, transform
from livecam.core.seams import Engine
from livecam.vision.contract import PictureIn
from livecam.vision.landmark.crop import Cutter, centred
from livecam.vision.landmark.fit import LandmarkFit
from livecam.vision.tensor import Feeder, finite

_POINTS = 106
_MARGIN = 1.5


class If106Landmarker:
    """A `Landmarker` over ``2d106det``.

    Args:
        engine: Bound by role: ``picture`` to ``points``, (1, 212) f32, -1..1 over the crop.
        picture: What it takes.
    """

    def __init__(self, engine: Engine, picture: PictureIn) -> None:
        self._engine = engine
        self._side = picture.side
        self._cut = Cutter(picture.side)
        self._feed = Feeder(picture)

    def __call__(self, image: Image, detection_box: Box, five: Points | None) -> LandmarkFit:
        """See `Landmarker`; `five` is not used."""
        matrix = centred(detection_box, self._side, self._side / _MARGIN)
        outputs = self._engine.run({"picture": self._feed(self._cut(image, matrix))})
        places = finite(outputs["points"], (1, 2 * _POINTS), "points").reshape(_POINTS, 2)
        points = transform(invert(matrix), (places + 1) * np.float32(self._side / 2))
        return LandmarkFit(Landmarks(points, Topology.IF106), 1.0)
