"""The plain FaceMesh as DeepFaceLive publishes it: 468 points, without irises and without a sign of presence."""

import cv2
import numpy as np

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.geometry import invert, transform
from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.contract import PictureIn
from livecam.vision.landmark.crop import Cutter
from livecam.vision.landmark.fit import LandmarkFit
from livecam.vision.mesh.landmarks import MESH_ROWS, Roi
from livecam.vision.tensor import Feeder, finite

_LEVEL = np.array([[0, 0], [1, 0], [0, 0], [0, 0], [0, 0]], np.float32)


class Mesh468Landmarker:
    """A `Landmarker` over ``FaceMesh.onnx``. It looks at a square half as large again as the box, level with the eyes.

    Args:
        engine: Bound by role: ``picture`` to ``points``, (1, 1, 1, 1404) f32: x, y, z in px of the crop.
        picture: What it takes.
    """

    def __init__(self, engine: Engine, picture: PictureIn) -> None:
        self._engine = engine
        self._side = picture.side
        self._cut = Cutter(picture.side, cv2.BORDER_REPLICATE)
        self._feed = Feeder(picture)

    def __call__(self, image: Image, detection_box: Box, five: Points | None) -> LandmarkFit:
        """See `Landmarker`; without five points the square is upright."""
        eyes = Landmarks(_LEVEL if five is None else five, Topology.FIVE)
        roi = Roi.from_detection(Detection(detection_box, eyes, 1.0))
        if not roi.side > 0:
            raise ContractError(f"A face in an empty box has no landmarks: {detection_box}.")
        # The network counts from the outer corner of the first pixel, OpenCV from its centre.
        inverse = roi.matrix(self._side)
        inverse[:, 2] += inverse[:, :2].sum(axis=1) / 2 - 0.5
        outputs = self._engine.run({"picture": self._feed(self._cut(image, invert(inverse)))})
        places = finite(outputs["points"], (1, 1, 1, 3 * MESH_ROWS), "points").reshape(MESH_ROWS, 3)
        points = transform(inverse, places[:, :2] - np.float32(0.5))
        return LandmarkFit(Landmarks(points, Topology.MESH468), 1.0)
