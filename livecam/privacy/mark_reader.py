"""Looks for the invisible mark in a video: whether livecam made it, and which session it was.

The picture may have been encoded again, scaled, sent at another rate or cut to 4:3 or to a square. The frames of each
quarter of a second are summed up, folded into the four seconds after which the signs begin anew; what the sums say is
told by `livecam.privacy.mark_look`. `livecam.privacy.mark_search` looks for a picture within a larger one.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_S
from livecam.privacy.mark_code import BITS, CANVAS_HEIGHT, CANVAS_WIDTH, TURN_NS, TURNS, Code, Floats
from livecam.privacy.mark_look import Found, differences, look

BINS_A_TURN: Final = 4
BINS: Final = TURNS * BINS_A_TURN
BIN_NS: Final = TURN_NS // BINS_A_TURN

CUTS: Final = ((1.0, 1.0), (0.75, 1.0), (0.5625, 1.0), (1.0, 0.75))
"""Shares of the picture's width and height that may be left: all, 16:9 to 4:3, 16:9 to 1:1, 4:3 to 16:9."""


def turns_of(begun: int) -> list[list[int]]:
    """For each turn, the bins of its frames, if the first turn began with the bin `begun`."""
    return [[(begun + turn * BINS_A_TURN + part) % BINS for part in range(BINS_A_TURN)] for turn in range(TURNS)]


class _Sums:
    """Frames of one cut, summed up by the quarter of a second they are of."""

    def __init__(self, cut: tuple[float, float]) -> None:
        self.cut = cut
        width, height = round(CANVAS_WIDTH * cut[0]), round(CANVAS_HEIGHT * cut[1])
        left, top = (CANVAS_WIDTH - width) // 2, (CANVAS_HEIGHT - height) // 2
        self._where = np.s_[top : top + height, left : left + width]
        self._small: npt.NDArray[np.uint8] = np.empty((height, width), np.uint8)
        self._sums = np.zeros((BINS, CANVAS_HEIGHT, CANVAS_WIDTH), np.float32)
        self.counts = np.zeros(BINS)

    def add(self, luma: npt.NDArray[np.uint8], place: int) -> None:
        height, width = self._small.shape
        cv2.resize(luma, (width, height), dst=self._small, interpolation=cv2.INTER_AREA)
        self._sums[place][self._where] += self._small
        self.counts[place] += 1

    def differences(self, begun: int) -> list[Floats] | None:
        """See `livecam.privacy.mark_look.differences`; None where a turn has no frames."""
        turns = turns_of(begun)
        counts = [self.counts[bins].sum() for bins in turns]
        if not all(counts):
            return None
        return differences([self._sums[bins].sum(axis=0) / count for bins, count in zip(turns, counts, strict=True)])


class MarkReader:
    """Takes the frames of a video, one after the other, and says what is in it. One thread.

    Args:
        code: Of the installation whose sessions can be read; the presence layer is the same in all of them.
    """

    def __init__(self, code: Code) -> None:
        self._code = code
        self._sums = tuple(_Sums(cut) for cut in CUTS)
        self._first_ns: int | None = None
        self._last_ns = 0

    def add(self, luma: npt.NDArray[np.uint8], shown_ns: int) -> None:
        """Look at one frame.

        Args:
            luma: (H, W) u8; black bars taken off.
            shown_ns: When it is shown, from any beginning.
        """
        if self._first_ns is None:
            self._first_ns = shown_ns
        self._last_ns = shown_ns
        place = shown_ns // BIN_NS % BINS
        for sums in self._sums:
            sums.add(luma, place)

    def found(self) -> Found:
        """What was found so far; at least four seconds are needed to find anything."""
        seconds = 0.0 if self._first_ns is None else (self._last_ns - self._first_ns) / NS_PER_S
        found = max(self._looks(seconds), key=lambda look: look.score, default=None)
        nothing = np.zeros(BITS, np.int8), np.zeros(BITS, np.float32)
        return found if found is not None else Found(0.0, None, *nothing, CUTS[0], seconds)

    def scores(self) -> tuple[float, ...]:
        """The presence layer's score of every look, which is what chance alone makes of it where there is no mark."""
        return tuple(look.score for look in self._looks(0.0))

    def _looks(self, seconds: float) -> Iterator[Found]:
        for sums, begun in product(self._sums, range(BINS)):
            found = sums.differences(begun)
            if found is not None:
                yield look(found, self._code, sums.cut, seconds)
