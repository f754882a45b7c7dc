"""Laying a warped, premultiplied BGRA picture over a frame, with all memory reserved ahead."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.geometry import Floats

LARGEST_CELL = 32
"""Of the coarse grids, px."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a frame, px."""

    left: int
    top: int
    width: int
    height: int

    def of(self, image: Image) -> Image:
        """The box's view of `image`."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def cells(self, cell: int) -> tuple[Floats, Floats]:
        """Centres, px, (columns,) x and (rows,) y, of cells that cover the box and a ring of one cell around it."""
        x = np.arange(-1, -(-self.width // cell) + 1) * cell + (cell - 1) / 2 + self.left
        y = np.arange(-1, -(-self.height // cell) + 1) * cell + (cell - 1) / 2 + self.top
        return x.astype(np.float32), y.astype(np.float32)


class Overlay:
    """Warps pictures into boxes of frames of at most `width` x `height` px. One thread."""

    def __init__(self, width: int, height: int) -> None:
        self._maps = np.empty(2 * (width + 4 * LARGEST_CELL) * (height + 4 * LARGEST_CELL), np.float32)
        self._bytes = np.empty(11 * width * height, np.uint8)

    def lay(self, picture: Image, coarse: Floats, cell: int, image: Image, box: Box, grain: Image | None) -> None:
        """Lay `picture` over `box` of `image`, (H, W, 3) u8 BGR, in place.

        Args:
            picture: (h, w, 4) u8, BGR premultiplied by alpha, and alpha; clear along its border.
            coarse: (rows, columns, 2) f32 px of `picture` for the box's `Box.cells`; linear in between.
            cell: Side of the cells, px, at most `LARGEST_CELL`.
            image: The frame.
            box: Inside the frame.
            grain: (h', w', 3) u8 at least as large as the box, added where the picture covers.
        """
        tall, wide = coarse.shape[0] * cell, coarse.shape[1] * cell
        full = self._maps[: 2 * wide * tall].reshape(tall, wide, 2)
        cv2.resize(coarse, (wide, tall), full, interpolation=cv2.INTER_LINEAR)
        maps = full[cell : cell + box.height, cell : cell + box.width]
        warped, colour, veil, alpha = self._pieces(box)
        # An empty array instead of None would please the stubs and cost ten times as much (OpenCV 5.0).
        cv2.remap(picture, maps, None, cv2.INTER_LINEAR, warped, cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
        cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR, colour)
        cv2.extractChannel(warped, 3, alpha)
        if grain is not None:
            cv2.add(colour, grain[: box.height, : box.width], colour, alpha)
        cv2.bitwise_not(alpha, alpha)
        cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR, veil)
        under = box.of(image)
        cv2.multiply(under, veil, veil, 1 / 255)
        cv2.add(veil, colour, under)

    def _pieces(self, box: Box) -> tuple[Image, Image, Image, Image]:
        """Contiguous scratch of the box's size: BGRA, BGR, BGR and grey."""
        area = box.width * box.height
        warped, colour, veil, alpha = (
            self._bytes[area * start : area * stop].reshape(box.height, box.width, -1)
            for start, stop in ((0, 4), (4, 7), (7, 10), (10, 11))
        )
        return warped, colour, veil, alpha[..., 0]


def premultiplied(colour: Image, alpha: Image, size: tuple[int, int]) -> Image:
    """(H, W, 4) u8: BGR times coverage, and coverage, resized to `size` (width, height); clear along the border."""
    method = cv2.INTER_AREA if size[0] < colour.shape[1] else cv2.INTER_CUBIC
    cover = cv2.resize(alpha, size, interpolation=method).astype(np.uint8)
    cover[[0, -1]], cover[:, [0, -1]] = 0, 0
    full = cv2.resize(colour, size, interpolation=method)
    return np.dstack([np.round(full * (cover[..., None].astype(np.float32) / 255)).astype(np.uint8), cover])
