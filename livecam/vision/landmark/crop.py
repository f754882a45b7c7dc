"""Cutting the square that a landmarker looks at out of a frame."""

import cv2
import numpy as np

from livecam.core.face import Box
from livecam.core.frame import Image, Matrix
from livecam.errors import ContractError


def centred(box: Box, side: int, longer_px: float) -> Matrix:
    """The matrix, frame px to crop px, that puts `box` into the middle of a square, upright.

    Args:
        box: px.
        side: Of the square, px.
        longer_px: How long the longer side of the box becomes.

    Raises:
        ContractError: The box is empty.
    """
    longer = max(box.width, box.height)
    if not longer > 0:
        raise ContractError(f"A face in an empty box has no landmarks: {box}.")
    scale = longer_px / longer
    x, y = box.centre
    return np.array([[scale, 0.0, side / 2 - x * scale], [0.0, scale, side / 2 - y * scale]])


class Cutter:
    """Cuts squares of `side` px out of frames. Owns the crop; used by one thread.

    Args:
        side: Of the crop, px.
        border: What is seen beyond the frame, as OpenCV names it: black unless given.
    """

    def __init__(self, side: int, border: int = cv2.BORDER_CONSTANT) -> None:
        self._border = border
        self._crop = np.empty((side, side, 3), np.uint8)

    def __call__(self, image: Image, matrix: Matrix) -> Image:
        """The crop, (S, S, 3) u8, that `matrix`, frame px to crop px, gives of `image`; valid until the next call."""
        size = self._crop.shape[1::-1]
        cv2.warpAffine(image, matrix, size, dst=self._crop, flags=cv2.INTER_LINEAR, borderMode=self._border)
        return self._crop
