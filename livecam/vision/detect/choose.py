"""A detector of the family that a recipe names."""

from livecam.core.frame import Size
from livecam.core.seams import Engine
from livecam.vision.contract import DetectorContract, DetectorFamily
from livecam.vision.detect.detector import Decoder, PictureDetector, check_outputs, picture_size
from livecam.vision.detect.scrfd import ScrfdDecoder
from livecam.vision.detect.yolo import YoloDecoder
from livecam.vision.detect.yunet import YunetDecoder


def make_detector(engine: Engine, contract: DetectorContract, size: Size | None = None) -> PictureDetector:
    """The detector over `engine`, bound by role.

    Args:
        engine: The network.
        contract: Its numbers.
        size: Of its picture, where the network leaves it free; the square of the contract's side unless given.

    Raises:
        ModelError: The network does not fit the contract.
    """
    own = picture_size(engine, contract, size)
    decoder = _decoder(contract.family, own)
    check_outputs(engine, decoder)
    return PictureDetector(engine, contract, decoder, own)


def _decoder(family: DetectorFamily, size: Size) -> Decoder:
    match family:
        case DetectorFamily.SCRFD:
            return ScrfdDecoder(size)
        case DetectorFamily.YUNET:
            return YunetDecoder(size)
        case DetectorFamily.YOLO:
            return YoloDecoder()
