"""Pictures that a network of faces has something to say about."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
PERSONA = Path(__file__).parents[2] / "livecam" / "vision" / "portrait" / "assets" / "persona.jpg"
CLOSE = 0.7


def noise(side: int) -> Picture:
    return np.random.default_rng(5).integers(0, 256, (1, side, side, 3), dtype=np.uint8)


def portrait(side: int) -> Picture:
    """The drawn persona, so close that the face fills a landmark network's picture; (1, side, side, 3) u8 BGR."""
    image = cv2.imread(str(PERSONA))
    assert image is not None, PERSONA
    rows, columns = image.shape[:2]
    edge = int(min(rows, columns) * CLOSE)
    top, left = (rows - edge) // 2, (columns - edge) // 2
    square = image[top : top + edge, left : left + edge]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)[None].astype(np.uint8)
