"""The box mask: a soft-edged square that keeps a crop's border out of the picture (MODELS.md F.5)."""

from typing import NamedTuple

import cv2
import numpy as np

from livecam.core.frame import Image

_SIGMA = 0.25


Padding = tuple[float, float, float, float]
"""How much of a crop stays unpainted at the top, right, bottom and left, in % of its side."""


class BoxEdges(NamedTuple):
    """What a box mask is drawn with, px.

    Attributes:
        borders: Width of what is zeroed at the top, right, bottom and left.
        sigma: Of the blur that follows; 0 for none.
    """

    borders: tuple[int, int, int, int]
    sigma: float


def box_edges(side: int, blur: float = 0.3, padding: Padding = (0, 0, 0, 0)) -> BoxEdges:
    """The edges of a box mask of `side` px: facefusion's rule, in whole px.

    Args:
        side: Of the crop, px.
        blur: 0..1, how much of half the side is soft.
        padding: Kept unpainted.

    Raises:
        ValueError: A number is out of range.
    """
    if side < 4 or not 0 <= blur <= 1 or not all(0 <= share <= 100 for share in padding):
        raise ValueError(f"No box mask has a side of {side} px, a blur of {blur} and a padding of {padding} %.")
    amount = int(side * 0.5 * blur)
    edge = max(amount // 2, 1)
    top, right, bottom, left = (max(edge, int(side * share / 100)) for share in padding)
    return BoxEdges((top, right, bottom, left), amount * _SIGMA)


def box_mask(side: int, blur: float = 0.3, padding: Padding = (0, 0, 0, 0)) -> Image:
    """(side, side) u8: 255 in the middle, soft towards the edges, 0 on the outermost pixels.

    It depends on its arguments only: make it once for each size, not once a frame. The blur reaches a little further
    than the zeroed border, to some 5 % at the very edge; the outermost pixels are zero all the same.

    Args:
        side: Of the crop, px.
        blur: 0..1, how much of half the side is soft.
        padding: Kept unpainted.

    Raises:
        ValueError: A number is out of range.
    """
    (top, right, bottom, left), sigma = box_edges(side, blur, padding)
    mask = np.zeros((side, side), dtype=np.float32)
    mask[top : side - bottom, left : side - right] = 255
    if sigma > 0:
        cv2.GaussianBlur(mask, (0, 0), sigma, dst=mask)
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    rounded: Image = np.rint(mask).astype(np.uint8)
    return rounded
