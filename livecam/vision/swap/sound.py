"""Whether what a network gave is a picture at all."""

import cv2

from livecam.core.frame import Image
from livecam.errors import ContractError

# Grey values. A face varies by 20 and more; networks that have overflowed give one colour, usually black.
_LEAST_DEVIATION = 1.0
_STEP = 8


def refuse_flat(crop: Image, maker: str) -> None:
    """Refuse a picture of one colour.

    Args:
        crop: (S, S, 3) u8; every eighth pixel is looked at.
        maker: What made it, for the message, such as ``swapper``.

    Raises:
        ContractError: It hardly varies.
    """
    size = (crop.shape[1] // _STEP, crop.shape[0] // _STEP)
    _, deviation = cv2.meanStdDev(cv2.resize(crop, size, interpolation=cv2.INTER_NEAREST))
    if float(deviation.max()) < _LEAST_DEVIATION:
        raise ContractError(
            f"The {maker} gave a picture of one colour instead of a face.",
            "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
        )
