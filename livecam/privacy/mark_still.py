"""The invisible mark in a single picture, which has no seconds for the signs to take turns in.

A large still carries all four sets of signs at once, one in each quarter of the picture; in a small one these would be
too fine to outlast its being made smaller, and it carries the first set, all over. Nothing can be taken away but what
the picture itself says of its surroundings; a picture's coarse shapes and edges are levelled, and what is left of it is
as often against the signs as with them. A picture of the live path carries any one set, all over: it is looked for too,
so that a snapshot can be told as well.

The mark is drawn on brightness alone: each of blue, green and red changes by the same, so that no colour is lost, and
the picture keeps its resolution, whatever its sides.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.privacy.mark_code import CANVAS_HEIGHT, CANVAS_WIDTH, TURNS, Code, Floats, bits_of, session_in
from livecam.privacy.mark_look import SURE, Found, correlated, levelled, whitened
from livecam.privacy.mark_reader import CUTS
from livecam.privacy.watermark import BUSY, CONTRAST_PX, MOST, STRENGTH

_SPLIT: Final = 2
"""Quarters lie two by two: turn 0 at the top left, 1 beside it, then the row below."""

LARGE_PX: Final = 1024
"""Of the longer side: from here on a still is large."""

_Luma = npt.NDArray[np.uint8]


class StillMark:
    """Marks stills of one session.

    Args:
        key: Of this installation; whoever has it can read the session.
        session: 32 bits.
    """

    def __init__(self, key: bytes, session: int) -> None:
        code, bits = Code.of(key), bits_of(session)
        turns = [code.pattern(bits, turn) * STRENGTH for turn in range(TURNS)]
        rows = [np.hstack(turns[first : first + _SPLIT]) for first in range(0, TURNS, _SPLIT)]
        self._quartered, self._plain = np.vstack(rows).astype(np.float32), turns[0].astype(np.float32)

    def __call__(self, image: Image) -> Image:
        """`image`, (H, W, 3) u8 BGR of any sides, marked; a new array of the same shape.

        No channel of any px changes by more than two levels, and the three of a px by the same, but where that leaves
        0..255.
        """
        height, width = image.shape[:2]
        pattern = self._quartered if max(height, width) >= LARGE_PX else self._plain
        size = pattern.shape[1], pattern.shape[0]
        luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
        change = np.clip(pattern * _bearing(small), -MOST, MOST)
        fine = np.asarray(cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        added = np.rint(fine).astype(np.int16)[..., None]
        marked: Image = np.clip(image.astype(np.int16) + added, 0, 255).astype(np.uint8)
        return marked


def _bearing(small: Floats) -> Floats:
    """How much each place bears: 1 where it is flat, more with the local standard deviation."""
    window = (CONTRAST_PX, CONTRAST_PX)
    mean, square = cv2.blur(small, window), cv2.blur(small * small, window)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return np.asarray(1.0 + BUSY * deviation, np.float32)


def look_at_still(luma: _Luma, code: Code) -> Found:
    """What `luma`, (H, W) u8, says: a whole still, or one of which 4:3 or a square was cut.

    It is looked at in 20 ways, fewer than `Found.chance` reckons with.

    Args:
        luma: Black bars taken off.
        code: Of the installation whose sessions can be read; the presence layer is the same in all of them.
    """
    return max(_looks(luma, code), key=lambda found: found.score)


def _looks(luma: _Luma, code: Code) -> Iterator[Found]:
    for cut in CUTS:
        quarters = _tiles(luma, cut, _SPLIT)
        yield _told(quarters, tuple(range(TURNS)), code, cut)
        whole = _tiles(luma, cut, 1)
        for turn in range(TURNS):
            yield _told(whole, (turn,), code, cut)


def _tiles(luma: _Luma, cut: tuple[float, float], split: int) -> list[Floats]:
    """The spectra of the tiles that `luma` has where it is `cut` of a picture of split x split tiles, row by row."""
    canvas = np.zeros((CANVAS_HEIGHT * split, CANVAS_WIDTH * split), np.float32)
    height, width = round(canvas.shape[0] * cut[1]), round(canvas.shape[1] * cut[0])
    top, left = (canvas.shape[0] - height) // 2, (canvas.shape[1] - width) // 2
    # Averaged where it shrinks; where it grows, averaging would leave steps.
    how = cv2.INTER_AREA if luma.shape[1] >= width else cv2.INTER_LINEAR
    canvas[top : top + height, left : left + width] = cv2.resize(luma, (width, height), interpolation=how)
    rows = product(range(split), range(split))
    cells = (np.s_[y * CANVAS_HEIGHT :, x * CANVAS_WIDTH :] for y, x in rows)
    return [whitened(levelled([canvas[cell][:CANVAS_HEIGHT, :CANVAS_WIDTH]])[0]) for cell in cells]


def _told(tiles: list[Floats], turns: tuple[int, ...], code: Code, cut: tuple[float, float]) -> Found:
    """What the spectra of `tiles` say where each carries the signs of its turn."""
    read = correlated(code, zip(turns, tiles, strict=True))
    return Found(read.score, session_in(read.bits) if read.score >= SURE else None, read.bits, read.margins, cut, 0.0)
