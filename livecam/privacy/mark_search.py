"""Looks for a marked picture within a larger one, such as the window of a call in the recording of a whole screen.

First coarsely: for every size that the picture may have, the lower half of the mark's frequencies is correlated with
the whole, at all places at once, by its Fourier transform. Then the likeliest places are looked at as a whole picture
is, and moved and scaled as long as that makes the mark clearer. However the place was come by, whether the mark is
there is judged by that look alone, by a bar that is high enough for all places that could have been looked at.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_S
from livecam.privacy.mark_code import CANVAS_HEIGHT, CANVAS_WIDTH, Code, Floats
from livecam.privacy.mark_look import Found, Place, differences, levelled, look
from livecam.privacy.mark_reader import BIN_NS, BINS, turns_of

LEAST: Final = 0.2
"""The least share of the whole's width that the picture may have."""

_LONGEST_PX = 1280
"""The whole is kept no wider."""

_ASPECTS = (9 / 16, 3 / 4)
_STEP = 1.03
_COARSE = CANVAS_WIDTH // 2
_COARSE_RADIUS = 64.0
_COARSE_LEVEL_PX = 5
_BEGINNINGS = range(0, BINS, 2)
_TRIED = 3
"""So many of the likeliest places are looked at."""

_MOST_LOOKS = 400
_MOVES = (
    *((across, down, 0) for across in (-1, 0, 1) for down in (-1, 0, 1) if across or down),
    (0, 0, 1),
    (0, 0, -1),
)


class _Spot(NamedTuple):
    """A rectangle of the whole, px, with the bin that its first turn began with, and how likely it is."""

    score: float
    left: float
    top: float
    width: float
    height: float
    begun: int

    def moved(self, across: float, down: float, scale: float) -> "_Spot":
        """Moved by px, and scaled about its middle."""
        width, height = self.width * scale, self.height * scale
        left, top = self.left + across - (width - self.width) / 2, self.top + down - (height - self.height) / 2
        return _Spot(0.0, left, top, width, height, self.begun)

    def is_near(self, other: "_Spot") -> bool:
        """Whether it is about the same rectangle."""
        apart = math.hypot(
            self.left + self.width / 2 - other.left - other.width / 2,
            self.top + self.height / 2 - other.top - other.height / 2,
        )
        return apart < other.width / 8


class Screen:
    """Takes the frames of a larger picture, one after the other, and says whether a marked one is in it. One thread.

    Args:
        code: Of the installation whose sessions can be read; the presence layer is the same in all of them.
    """

    def __init__(self, code: Code) -> None:
        self._code = code
        self._sums: npt.NDArray[np.float32] | None = None
        self._counts = np.zeros(BINS)
        self._first_ns = self._last_ns = 0

    def add(self, luma: npt.NDArray[np.uint8], shown_ns: int) -> None:
        """Take in one frame.

        Args:
            luma: (H, W) u8; all of one size.
            shown_ns: When it is shown, from any beginning.
        """
        if self._sums is None:
            height, width = luma.shape
            scale = min(1.0, _LONGEST_PX / width)
            self._sums = np.zeros((BINS, max(round(height * scale), 1), max(round(width * scale), 1)), np.float32)
            self._first_ns = shown_ns
        self._last_ns = shown_ns
        place = shown_ns // BIN_NS % BINS
        size = self._sums.shape[2], self._sums.shape[1]
        cv2.accumulate(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), self._sums[place])
        self._counts[place] += 1

    def search(self) -> Found | None:
        """The likeliest place, with what it says; None where there are less than four seconds. Takes seconds."""
        means = self._means()
        if means is None:
            return None
        found = [self._refined(means, spot) for spot in _likeliest(means, self._code)]
        return max(found, key=lambda one: one.score, default=None)

    def at(self, place: Place) -> Found | None:
        """What the picture at `place` says; None where there are less than four seconds."""
        means = self._means()
        if means is None:
            return None
        height, width = means[0].shape
        box = place.left * width, place.top * height, place.width * width, place.height * height
        spots = (_Spot(0.0, *box, begun) for begun in range(BINS))
        return max((self._look(_turns(means, spot.begun), spot) for spot in spots), key=lambda one: one.score)

    def _means(self) -> list[Floats] | None:
        if self._sums is None or not self._counts.all():
            return None
        return [sums / np.float32(count) for sums, count in zip(self._sums, self._counts, strict=True)]

    def _refined(self, means: Sequence[Floats], coarse: _Spot) -> Found:
        """The best of the places near `coarse`: moved and scaled by smaller and smaller steps."""
        begun = [coarse._replace(begun=(coarse.begun + later) % BINS) for later in (-1, 0, 1)]
        found, best = max(((self._look(_turns(means, one.begun), one), one) for one in begun), key=_score)
        turns, step_px, step = _turns(means, best.begun), coarse.width / CANVAS_WIDTH, 0.01
        looks = 0
        while step_px > 0.2 * coarse.width / CANVAS_WIDTH and looks < _MOST_LOOKS:
            before = found.score
            for across, down, larger in _MOVES:
                spot = best.moved(across * step_px, down * step_px, 1 + larger * step)
                seen = self._look(turns, spot)
                if seen.score > found.score:
                    found, best = seen, spot
            looks += len(_MOVES)
            if found.score == before:
                step_px, step = step_px / 1.7, step / 1.7
        return found

    def _look(self, turns: Sequence[Floats], spot: _Spot) -> Found:
        height, width = turns[0].shape
        place = Place(spot.left / width, spot.top / height, spot.width / width, spot.height / height)
        seconds = (self._last_ns - self._first_ns) / NS_PER_S
        return look([_canvas(turn, spot) for turn in turns], self._code, (1.0, 1.0), seconds, place)


def _score(pair: tuple[Found, _Spot]) -> float:
    return pair[0].score


def _turns(means: Sequence[Floats], begun: int) -> list[Floats]:
    return differences([np.mean([means[bin_] for bin_ in bins], axis=0) for bins in turns_of(begun)])


def _canvas(turn: Floats, spot: _Spot) -> Floats:
    """(144, 256) f32: the rectangle `spot` of `turn`, twice as fine at first where there is more in it."""
    by = 2 if spot.width > 1.2 * CANVAS_WIDTH else 1
    across, down = spot.width / (CANVAS_WIDTH * by), spot.height / (CANVAS_HEIGHT * by)
    matrix = np.array([[across, 0, spot.left + (across - 1) / 2], [0, down, spot.top + (down - 1) / 2]])
    size = CANVAS_WIDTH * by, CANVAS_HEIGHT * by
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(turn, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(fine, (CANVAS_WIDTH, CANVAS_HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def _likeliest(means: Sequence[Floats], code: Code) -> list[_Spot]:
    """The likeliest rectangles, no two about the same."""
    mean = np.mean(means, axis=0)
    changes = [one - mean for one in means]
    patterns = _patterns(code)
    spots = [spot for aspect in _ASPECTS for spot in _spots(changes, patterns, aspect)]
    chosen: list[_Spot] = []
    for spot in sorted(spots, reverse=True):
        if len(chosen) < _TRIED and not any(spot.is_near(other) for other in chosen):
            chosen.append(spot)
    return chosen


def _patterns(code: Code) -> list[Floats]:
    """For each turn, what the lower half of the presence layer looks like, (144, 256) f32."""
    radius = np.hypot(np.arange(CANVAS_WIDTH)[None, :], np.arange(CANVAS_HEIGHT)[:, None])
    patterns = []
    for signs in code.presence:
        spectrum = np.zeros((CANVAS_HEIGHT, CANVAS_WIDTH), np.float32)
        spectrum.flat[code.layout.ring[code.layout.presence]] = signs
        spectrum[radius > _COARSE_RADIUS] = 0
        patterns.append(np.asarray(cv2.idct(spectrum), np.float32))
    return patterns


def _spots(changes: Sequence[Floats], patterns: Sequence[Floats], aspect: float) -> Iterator[_Spot]:
    """For every size and beginning, the likeliest place of a picture with that height for each width."""
    height, width = changes[0].shape
    across, down = _COARSE, round(_COARSE * aspect)
    small = [cv2.resize(pattern, (across, down), interpolation=cv2.INTER_AREA) for pattern in patterns]
    for step in range(1 + int(math.log(1 / LEAST) / math.log(_STEP))):
        scale = _COARSE / width * _STEP**step
        size = round(width * scale), round(height * scale)
        if size[1] < down or scale > 1:
            continue
        shrunk = [np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.float32) for one in changes]
        seen = _Correlation(small, size)
        for begun in _BEGINNINGS:
            turns = [np.sum([shrunk[bin_] for bin_ in bins], axis=0) for bins in turns_of(begun)]
            score, (left, top) = seen.peak(levelled(turns, _COARSE_LEVEL_PX))
            yield _Spot(score, left / scale, top / scale, across / scale, down / scale, begun)


class _Correlation:
    """Correlates four turns with their patterns, at all places at once. Owns its working memory.

    Args:
        patterns: Of one size.
        size: Of the turns, which is larger.
    """

    def __init__(self, patterns: Sequence[cv2.typing.MatLike], size: tuple[int, int]) -> None:
        self._inside = np.s_[: size[1], : size[0]]
        height, width = patterns[0].shape
        self._places = np.s_[: size[1] - height + 1, : size[0] - width + 1]
        self._padded = np.zeros((cv2.getOptimalDFTSize(size[1]), cv2.getOptimalDFTSize(size[0])), np.float32)
        self._patterns = []
        for pattern in patterns:
            padded = np.zeros_like(self._padded)
            padded[:height, :width] = pattern
            self._patterns.append(cv2.dft(padded))

    def peak(self, turns: Sequence[Floats]) -> tuple[float, tuple[int, int]]:
        """The highest correlation, in standard deviations of those at all places, and where it is."""
        whole = np.zeros_like(self._padded)
        for turn, pattern in zip(turns, self._patterns, strict=True):
            self._padded[self._inside] = turn
            whole += cv2.mulSpectrums(cv2.dft(self._padded), pattern, 0, conjB=True)
        found = np.asarray(cv2.idft(whole, flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT), np.float32)
        _, highest, _, place = cv2.minMaxLoc(found[self._places])
        return highest / (float(found.std()) + 1e-9), (place[0], place[1])
