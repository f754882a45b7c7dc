"""Looks for the invisible mark in a video: whether livecam made it, and which session it was.

The picture may have been encoded again, scaled, sent at another rate or cut to 4:3 or to a square. The frames of each
quarter of a second are summed up, folded into the four seconds after which the signs begin anew. Of each turn's mean
the mean of the other turns is taken away: what stays in front of a camera goes, the mark remains. Its spectrum is
brought to one size everywhere, and correlated with the signs; signs are as often right as wrong where there is no mark,
so that the correlation, in standard deviations, says how sure it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_S
from livecam.privacy.mark_code import (
    BITS,
    CANVAS_HEIGHT,
    CANVAS_WIDTH,
    TURN_NS,
    TURNS,
    Code,
    Floats,
    session_in,
)

SURE: Final = 7.0
"""Standard deviations from which on the presence layer counts as found. By chance one look in 10^11 gets so far, and a
video is looked at in 64 ways: 16 moments at which the signs may have begun, and 4 cuts."""

_BINS_A_TURN: Final = 4
_BINS: Final = TURNS * _BINS_A_TURN
_BIN_NS: Final = TURN_NS // _BINS_A_TURN
# The spectrum is brought to one size over a square of so many coefficients, and spikes beyond so many are cut.
_WHITE_PX, _SPIKE = 15, 2.5

CUTS: Final = ((1.0, 1.0), (0.75, 1.0), (0.5625, 1.0), (1.0, 0.75))
"""Shares of the picture's width and height that may be left: all, 16:9 to 4:3, 16:9 to 1:1, 4:3 to 16:9."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        score: Of the presence layer, standard deviations; from `SURE` on, the mark is there.
        session: Number of the session; None when its check is wrong, or another installation's key made it.
        bits: (48,) of 0 and 1: the session layer as read.
        margins: (48,) of standard deviations: how surely each was read.
        cut: Of `CUTS`, which the picture seems to have suffered.
        seconds: How much was looked at.
    """

    score: float
    session: int | None
    bits: npt.NDArray[np.int8]
    margins: Floats
    cut: tuple[float, float]
    seconds: float

    @property
    def sure(self) -> bool:
        """Whether the mark is there."""
        return self.score >= SURE


class _Sums:
    """Frames of one cut, summed up by the quarter of a second they are of."""

    def __init__(self, cut: tuple[float, float]) -> None:
        self.cut = cut
        width, height = round(CANVAS_WIDTH * cut[0]), round(CANVAS_HEIGHT * cut[1])
        left, top = (CANVAS_WIDTH - width) // 2, (CANVAS_HEIGHT - height) // 2
        self._where = np.s_[top : top + height, left : left + width]
        self._small: npt.NDArray[np.uint8] = np.empty((height, width), np.uint8)
        self._sums = np.zeros((_BINS, CANVAS_HEIGHT, CANVAS_WIDTH), np.float32)
        self.counts = np.zeros(_BINS)

    def add(self, luma: npt.NDArray[np.uint8], place: int) -> None:
        height, width = self._small.shape
        cv2.resize(luma, (width, height), dst=self._small, interpolation=cv2.INTER_AREA)
        self._sums[place][self._where] += self._small
        self.counts[place] += 1

    def spectra(self, begun: int) -> list[Floats] | None:
        """For each turn, if the first began with the bin `begun`, its spectrum; None where one has no frames."""
        turns = [
            [(begun + turn * _BINS_A_TURN + part) % _BINS for part in range(_BINS_A_TURN)] for turn in range(TURNS)
        ]
        counts = [self.counts[bins].sum() for bins in turns]
        if not all(counts):
            return None
        means = [self._sums[bins].sum(axis=0) / count for bins, count in zip(turns, counts, strict=True)]
        whole = np.sum(means, axis=0)
        return [_white(mean - (whole - mean) / (TURNS - 1)) for mean in means]


def _white(difference: Floats) -> Floats:
    """The DCT of `difference`, every region of it brought to one size."""
    spectrum = np.asarray(cv2.dct(difference.astype(np.float32)), np.float32)
    power = np.asarray(cv2.blur(spectrum * spectrum, (_WHITE_PX, _WHITE_PX)), np.float32)
    white: Floats = np.clip(spectrum / np.sqrt(power + 1e-6), -_SPIKE, _SPIKE)
    return white


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
        place = shown_ns // _BIN_NS % _BINS
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
        for sums, begun in product(self._sums, range(_BINS)):
            spectra = sums.spectra(begun)
            if spectra is not None:
                yield self._look(spectra, sums.cut, seconds)

    def _look(self, spectra: list[Floats], cut: tuple[float, float], seconds: float) -> Found:
        places, hit, power = self._code.layout, 0.0, 0.0
        hits, powers = np.zeros(BITS), np.zeros(BITS)
        for turn, spectrum in enumerate(spectra):
            ring = spectrum.flat[places.ring]
            presence, data = ring[places.presence], ring[places.data] * self._code.data[turn]
            hit += float(presence @ self._code.presence[turn])
            power += float(presence @ presence)
            hits += np.bincount(places.bit, data, BITS)
            powers += np.bincount(places.bit, data * data, BITS)
        bits = (hits > 0).astype(np.int8)
        margins = (np.abs(hits) / np.sqrt(powers + 1e-9)).astype(np.float32)
        score = hit / (power + 1e-9) ** 0.5
        return Found(score, session_in(bits) if score >= SURE else None, bits, margins, cut, seconds)
