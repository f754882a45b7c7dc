"""Blending in 8 bit, into memory that exists."""

import cv2
import numpy as np

from livecam.core.frame import Image


class Blender:
    """Lays one image over another. Owns working memory as large as the largest area blended; one thread."""

    def __init__(self) -> None:
        self._buffer = np.empty(0, dtype=np.uint8)

    def __call__(self, under: Image, over: Image, alpha: Image) -> None:
        """``under = over * alpha + under * (1 - alpha)``, in place; exact where alpha is 0 or 255.

        Args:
            under: (h, w, 3) u8, may be a view.
            over: (h, w, 3) u8.
            alpha: (h, w) u8, 255 covers.
        """
        weights, product = self._borrow(under.shape)
        cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR, dst=weights)
        cv2.multiply(over, weights, dst=product, scale=1 / 255)
        cv2.bitwise_not(weights, dst=weights)
        cv2.multiply(under, weights, dst=weights, scale=1 / 255)
        cv2.add(product, weights, dst=under)

    def _borrow(self, shape: tuple[int, ...]) -> tuple[Image, Image]:
        """Two working images of `shape`."""
        size = shape[0] * shape[1] * shape[2]
        if len(self._buffer) < 2 * size:
            self._buffer = np.empty(2 * size * 5 // 4, dtype=np.uint8)
        return self._buffer[:size].reshape(shape), self._buffer[size : 2 * size].reshape(shape)
