"""Whether what a network gave is a picture at all, and another one than it was given."""

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.errors import ContractError

# Grey values. A face varies by 20 and more; networks that have overflowed give one colour, usually black.
_LEAST_DEVIATION = 1.0
_STEP = 8
# Grey values, on average. A network that passes its input on keeps within rounding; no other face comes so near.
_LEAST_CHANGE = 0.5


def refuse_flat(crop: Image, maker: str) -> None:
    """Refuse a picture of one colour.

    Args:
        crop: (S, S, 3) u8; every eighth pixel is looked at.
        maker: What made it, for the message, such as ``swapper``.

    Raises:
        ContractError: It hardly varies.
    """
    _, deviation = cv2.meanStdDev(_thinned(crop))
    if float(deviation.max()) < _LEAST_DEVIATION:
        raise ContractError(
            f"The {maker} gave a picture of one colour instead of a face.",
            "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
        )


def refuse_unchanged(crop: Image, given: Image, maker: str) -> None:
    """Refuse a picture that is the one it was made of: it would show the wearer.

    Args:
        crop: (S, S, 3) u8; every eighth pixel is looked at.
        given: (S, S, 3) u8, what it was made of.
        maker: What made it, for the message, such as ``swapper``.

    Raises:
        ContractError: The two are the same.
    """
    if cv2.norm(_thinned(crop), _thinned(given), cv2.NORM_L1) < _LEAST_CHANGE * crop.size / _STEP**2:
        raise ContractError(
            f"The {maker} gave back the face that it was given.",
            "Its file or recipe is not what it should be; see: livecam models verify",
        )


def _thinned(crop: Image) -> Image:
    """Every eighth pixel."""
    size = (crop.shape[1] // _STEP, crop.shape[0] // _STEP)
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
