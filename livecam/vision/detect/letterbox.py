"""Fitting a frame into a detector's picture: at the top left, on black, its aspect kept."""

import cv2
import numpy as np

from livecam.core.frame import Image, Size
from livecam.vision.mesh.detect import Fit

_SAMPLED = 0.5


class Letterbox:
    """Fits frames into pictures of `size`. Owns scratch memory; used by one thread.

    The size of the fitted frame is that of insightface's `SCRFD.detect`, which enlarges small frames too. It is a
    whole number of px, so that the two axes are scaled a little differently; both scales are told exactly.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._half = np.zeros((0, 0, 3), np.uint8)

    def __call__(self, image: Image, out: Image) -> Fit:
        """Fit `image`, (H, W, 3) u8 BGR, into `out`, (h, w, 3) u8 of this letterbox's size."""
        height, width = image.shape[:2]
        fitted = self._fitted(width, height)
        source = self._sampled(image, fitted)
        cv2.resize(source, fitted, dst=out[: fitted.height, : fitted.width], interpolation=cv2.INTER_LINEAR)
        out[fitted.height :] = 0
        out[: fitted.height, fitted.width :] = 0
        return Fit(fitted.width / width, fitted.height / height, 0, 0)

    def _fitted(self, width: int, height: int) -> Size:
        """What a frame becomes: as large as fits, rounded down as insightface does."""
        aspect = height / width
        if aspect > self._size.height / self._size.width:
            return Size(max(1, int(self._size.height / aspect)), self._size.height)
        return Size(self._size.width, max(1, int(self._size.width * aspect)))

    def _sampled(self, image: Image, fitted: Size) -> Image:
        """`image`, or where it is more than halved a sampled one of twice the fitted size, to be averaged from there.

        Sampling alone would leave noise in that hides faces in the dark; averaging all pixels costs several times more.
        """
        if fitted.width >= image.shape[1] * _SAMPLED:
            return image
        twice = Size(fitted.width * 2, fitted.height * 2)
        if self._half.shape != twice.image_shape:
            self._half = np.empty(twice.image_shape, np.uint8)
        cv2.resize(image, twice, dst=self._half, interpolation=cv2.INTER_LINEAR)
        return self._half
