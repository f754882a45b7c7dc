"""From what a camera's driver delivers to an image, by OpenCV; `livecam.capture.jpeg` is the other way."""

from typing import Protocol

import cv2
import numpy as np

from livecam.capture.bgr import even
from livecam.core.frame import Image, Size


class FormatChanged(Exception):
    """The camera changed what it delivers.

    Args:
        now: What it delivers now, for a message.
    """

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now


class Pictures(Protocol):
    """Takes the picture that a capture has grabbed."""

    def first(self, capture: cv2.VideoCapture) -> Size | None:
        """The size of what will be delivered, or None when this picture is damaged.

        Raises:
            FormatChanged: It is nothing that can be shown.
        """
        ...

    def fill(self, capture: cv2.VideoCapture, image: Image) -> bool:
        """Fill `image`, (H, W, 3) u8 BGR of the size that `first` found; False when this picture is damaged.

        Raises:
            FormatChanged: It has another size; `image` is untouched.
        """
        ...


class ConvertedPictures:
    """OpenCV converts to BGR, straight into the image where sizes agree. Grey pictures become BGR here."""

    def __init__(self) -> None:
        self._raw: Image = np.empty((0, 0, 3), np.uint8)

    def first(self, capture: cv2.VideoCapture) -> Size | None:
        """As `Pictures.first`."""
        ok, raw = capture.retrieve()
        if not ok or not raw.size:
            return None
        if raw.dtype != np.uint8 or raw.shape[2:] not in ((), (3,)):
            raise FormatChanged(f"{raw.shape} {raw.dtype}")
        self._raw = np.empty(raw.shape, np.uint8)
        return even(raw.shape[1], raw.shape[0])

    def fill(self, capture: cv2.VideoCapture, image: Image) -> bool:
        """As `Pictures.fill`."""
        target = image if image.shape == self._raw.shape else self._raw
        ok, raw = capture.retrieve(target)
        if not ok or not raw.size:
            return False
        if raw.shape != self._raw.shape:
            raise FormatChanged(f"{raw.shape[1]}x{raw.shape[0]}")
        if raw is not image:
            _fit(np.asarray(raw, np.uint8), image)
        return True


def _fit(raw: Image, image: Image) -> None:
    """Copy `raw`, (H, W) or (H, W, 3), into `image`, which is at most one pixel a side smaller."""
    cut = raw[: image.shape[0], : image.shape[1]]
    if cut.ndim == 2:
        cv2.cvtColor(cut, cv2.COLOR_GRAY2BGR, dst=image)
    else:
        np.copyto(image, cut)
