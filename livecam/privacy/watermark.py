"""The invisible mark, put into every swapped picture: "modified by livecam", and which session it was.

A keyed spread-spectrum mark on the luma plane (Cox et al. 1997, "Secure spread spectrum watermarking for multimedia"),
heavier where the picture is busy and it is seen less. It survives what a call does to a picture; it does not survive
somebody who wants to remove it. `livecam.privacy.mark_reader` finds it again.
"""

from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Picture, Size
from livecam.privacy.mark_code import CANVAS_HEIGHT, CANVAS_WIDTH, TURN_NS, TURNS, Code, bits_of

STRENGTH: Final = 0.7
"""Standard deviation of the mark in a flat region, in levels of 255."""

_BUSY: Final = 0.08
# How much stronger for each level of local contrast, and the most that any px is changed.
_MOST: Final = 2.0
_CONTRAST_PX: Final = 5
# Sixteenths of a level, so that rounding happens once, in the picture.
_FINE: Final = 16
_ZERO: Final = 128


class Watermark:
    """Marks pictures of one session. Owns its working memory; one thread.

    Args:
        key: Of this installation; whoever has it can read the session.
        session: 32 bits.
        size: Of the pictures.
    """

    def __init__(self, key: bytes, session: int, size: Size) -> None:
        code, bits = Code.of(key), bits_of(session)
        self._patterns = tuple(code.pattern(bits, turn) * STRENGTH for turn in range(TURNS))
        self._small = np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.uint8)
        self._mean, self._square, self._weight, self._change = (
            np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.float32) for _ in range(4)
        )
        self._coarse = np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.uint8)
        self._fine = np.empty((size.height, size.width), np.uint8)
        self._size = size

    def __call__(self, picture: Picture, captured_ns: int) -> None:
        """Mark `picture`, (H * 3 / 2, W) u8 I420, in place.

        Args:
            picture: Finished, of the size that was given.
            captured_ns: Its capture time; which signs are due follows from it.
        """
        luma = picture[: self._size.height]
        pattern = self._patterns[captured_ns // TURN_NS % TURNS]
        self._weigh(luma)
        change = np.multiply(self._weight, pattern, out=self._change)
        np.clip(change, -_MOST, _MOST, out=change)
        np.multiply(change, _FINE, out=change)
        # Nothing is below zero here, so that this only rounds.
        cv2.convertScaleAbs(np.add(change, _ZERO, out=change), dst=self._coarse)
        cv2.resize(self._coarse, self._size, dst=self._fine, interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(luma, 1.0, self._fine, 1.0 / _FINE, -_ZERO / _FINE, dst=luma)

    def _weigh(self, luma: Picture) -> None:
        """How much each place bears: 1 where it is flat, more with the local standard deviation."""
        window = (_CONTRAST_PX, _CONTRAST_PX)
        cv2.resize(luma, (CANVAS_WIDTH, CANVAS_HEIGHT), dst=self._small, interpolation=cv2.INTER_AREA)
        cv2.boxFilter(self._small, cv2.CV_32F, window, dst=self._mean)
        cv2.sqrBoxFilter(self._small, cv2.CV_32F, window, dst=self._square)
        variance = np.subtract(self._square, np.multiply(self._mean, self._mean, out=self._mean), out=self._square)
        np.sqrt(np.maximum(variance, 0.0, out=variance), out=self._weight)
        cv2.addWeighted(self._weight, _BUSY, self._weight, 0.0, 1.0, dst=self._weight)
