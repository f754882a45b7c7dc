"""A landmarker of the family that a recipe names."""

from livecam.core.seams import Engine
from livecam.errors import ModelError
from livecam.vision.contract import LandmarkerContract, LandmarkerFamily
from livecam.vision.landmark.fan68 import Fan68Landmarker
from livecam.vision.landmark.fit import Landmarker
from livecam.vision.landmark.five68 import Five68Landmarker
from livecam.vision.landmark.if106 import If106Landmarker
from livecam.vision.landmark.mesh468 import Mesh468Landmarker


def make_landmarker(engine: Engine, contract: LandmarkerContract) -> Landmarker:
    """The landmarker over `engine`, bound by role.

    Raises:
        ModelError: The contract names no picture where the family looks at one.
    """
    if contract.family is LandmarkerFamily.FIVE68:
        return Five68Landmarker(engine)
    if contract.picture is None:
        raise ModelError(f"The recipe of a landmarker of the family {contract.family} does not say what it looks at.")
    match contract.family:
        case LandmarkerFamily.IF106:
            return If106Landmarker(engine, contract.picture)
        case LandmarkerFamily.FAN68:
            return Fan68Landmarker(engine, contract.picture)
        case LandmarkerFamily.MESH468:
            return Mesh468Landmarker(engine, contract.picture)
