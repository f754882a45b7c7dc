"""``fan_68_5``: 68 points guessed from five, without looking at the picture."""

import numpy as np

from livecam.core.face import Box, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.geometry import invert, transform
from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.landmark.fit import LandmarkFit
from livecam.vision.template import Template, align
from livecam.vision.tensor import finite

_POINTS = 68


class Five68Landmarker:
    """A `Landmarker` over ``fan_68_5``: good for a face's angle, and as a last resort.

    Args:
        engine: Bound by role: ``five``, (1, 5, 2) f32, to ``points``, (1, 68, 2) f32, both in the space of the
            template ffhq_512 at size 1.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, image: Image, detection_box: Box, five: Points | None) -> LandmarkFit:
        """See `Landmarker`; the picture and the box are not used.

        Raises:
            ContractError: There are no five points, they coincide, or the network gave rubbish.
            EngineError: The backend failed.
        """
        if five is None or not np.ptp(five, axis=0).any():
            raise ContractError("68 landmarks cannot be guessed without five points.", "Choose another landmarker.")
        matrix = align(five, Template.FFHQ_512, 1)
        outputs = self._engine.run({"five": transform(matrix, five)[None]})
        places = finite(outputs["points"], (1, _POINTS, 2), "points")[0]
        return LandmarkFit(Landmarks(transform(invert(matrix), places), Topology.FAN68), 1.0)
