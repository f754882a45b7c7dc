"""The invisible mark, put into every swapped picture: "modified by livecam", and which session it was.

A keyed spread-spectrum mark on the luma plane (Cox et al. 1997, "Secure spread spectrum watermarking for multimedia"),
heavier where the picture is busy and it is seen less. It survives what a call does to a picture; it does not survive
somebody who wants to remove it. `livecam.privacy.mark_reader` finds it again.
"""

from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Picture, Size
from livecam.privacy.mark_code import CANVAS_HEIGHT, CANVAS_WIDTH, TURN_NS, TURNS, Code, Floats, bits_of

STRENGTH: Final = 0.7
"""Standard deviation of the mark in a flat region, in levels of 255."""

BUSY: Final = 0.08
"""How much stronger for each level of local contrast."""

MOST: Final = 2.0
"""The most that any px is changed, in levels."""

CONTRAST_PX: Final = 5
"""Side of the square whose contrast counts, px of the canvas."""

LOOKS_EVERY: Final = 4
"""The contrast is looked at in every so many pictures: it costs more than all the rest, and changes slowly."""

# Sixteenths of a level, so that rounding happens once, in the picture.
_FINE: Final = 16
_ZERO: Final = 128


def patterns_of(key: bytes, session: int) -> Floats:
    """(4, 144, 256) f32: what is added where the picture is flat, in levels, for each turn.

    Args:
        key: Of this installation.
        session: 32 bits.
    """
    code, bits = Code.of(key), bits_of(session)
    return np.stack([code.pattern(bits, turn) * STRENGTH for turn in range(TURNS)]).astype(np.float32)


def turn_of(captured_ns: int) -> int:
    """Which of the patterns is due for a picture captured then."""
    return captured_ns // TURN_NS % TURNS


class Watermark:
    """Marks pictures of one session. Owns its working memory; one thread.

    Args:
        key: Of this installation; whoever has it can read the session.
        session: 32 bits.
        size: Of the pictures.
    """

    def __init__(self, key: bytes, session: int, size: Size) -> None:
        self._patterns = patterns_of(key, session)
        self._small = np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.uint8)
        self._mean, self._square, self._weight, self._change = (
            np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.float32) for _ in range(4)
        )
        self._coarse = np.empty((CANVAS_HEIGHT, CANVAS_WIDTH), np.uint8)
        self._fine = np.empty((size.height, size.width), np.uint8)
        self._size = size
        self._count, self._turn = 0, -1

    def __call__(self, picture: Picture, captured_ns: int) -> None:
        """Mark `picture`, (H * 3 / 2, W) u8 I420, in place.

        Args:
            picture: Finished, of the size that was given.
            captured_ns: Its capture time; which signs are due follows from it.
        """
        luma, turn = picture[: self._size.height], turn_of(captured_ns)
        looks = self._count % LOOKS_EVERY == 0
        if looks:
            self._weigh(luma)
        if looks or turn != self._turn:
            self._spread(turn)
        self._count += 1
        cv2.addWeighted(luma, 1.0, self._fine, 1.0 / _FINE, -_ZERO / _FINE, dst=luma)

    def _spread(self, turn: int) -> None:
        """What is added to each px in this turn."""
        self._turn = turn
        change = np.multiply(self._weight, self._patterns[turn], out=self._change)
        np.clip(change, -MOST, MOST, out=change)
        np.multiply(change, _FINE, out=change)
        # Nothing is below zero here, so that this only rounds.
        cv2.convertScaleAbs(np.add(change, _ZERO, out=change), dst=self._coarse)
        cv2.resize(self._coarse, self._size, dst=self._fine, interpolation=cv2.INTER_LINEAR)

    def _weigh(self, luma: Picture) -> None:
        """How much each place bears: 1 where it is flat, more with the local standard deviation."""
        window = (CONTRAST_PX, CONTRAST_PX)
        cv2.resize(luma, (CANVAS_WIDTH, CANVAS_HEIGHT), dst=self._small, interpolation=cv2.INTER_AREA)
        cv2.boxFilter(self._small, cv2.CV_32F, window, dst=self._mean)
        cv2.sqrBoxFilter(self._small, cv2.CV_32F, window, dst=self._square)
        variance = np.subtract(self._square, np.multiply(self._mean, self._mean, out=self._mean), out=self._square)
        np.sqrt(np.maximum(variance, 0.0, out=variance), out=self._weight)
        cv2.addWeighted(self._weight, BUSY, self._weight, 0.0, 1.0, dst=self._weight)
