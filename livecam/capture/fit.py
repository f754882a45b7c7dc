"""Makes any source deliver one size, so that a camera that comes back with another format does not end the call."""

import cv2
import numpy as np

from livecam.core.frame import Image, Size
from livecam.core.seams import Source, SourceInfo


class FittedSource:
    """A source whose images always have `size`: letterboxed on black when the inner source gives another.

    When the sizes agree nothing is copied: the inner source writes straight into the caller's image.

    Args:
        inner: The source.
        size: Of every image delivered.
    """

    def __init__(self, inner: Source, size: Size) -> None:
        self._inner = inner
        self._size = size
        self._native: Image | None = None
        self._box = (0, 0, size.width, size.height)

    def open(self) -> SourceInfo:
        """Open the inner source and make room for its size; `SourceInfo.size` is the inner source's."""
        info = self._inner.open()
        self._native = None
        if info.size != self._size:
            self._native = np.zeros(info.size.image_shape, dtype=np.uint8)
            scale = min(self._size.width / info.size.width, self._size.height / info.size.height)
            width = min(self._size.width, round(info.size.width * scale))
            height = min(self._size.height, round(info.size.height * scale))
            self._box = ((self._size.width - width) // 2, (self._size.height - height) // 2, width, height)
        return info

    def read_into(self, image: Image) -> int:
        """Fill all of `image`, (H, W, 3) u8 BGR of the fitted size; see `Source`."""
        if self._native is None:
            return self._inner.read_into(image)
        stamp_ns = self._inner.read_into(self._native)
        left, top, width, height = self._box
        image[:top] = 0
        image[top + height :] = 0
        image[top : top + height, :left] = 0
        image[top : top + height, left + width :] = 0
        shrinks = width < self._native.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        target = image[top : top + height, left : left + width]
        cv2.resize(self._native, (width, height), dst=target, interpolation=method)
        return stamp_ns

    def close(self) -> None:
        """Close the inner source."""
        self._inner.close()
