"""The pictures that are fed into the guest's webcam, and how one of them is known again when it comes out."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Size

SIZE: Final = Size(640, 480)
CARD_FPS: Final = 30
SWAP_FPS: Final = 15

QUADRANTS: Final = ((230, 40, 40), (40, 200, 40), (40, 40, 230), (240, 240, 240))
"""BGR of the card's top left, top right, bottom left and bottom right: strong, but inside what video range can hold."""
_PATCH: Final = 24
_STRIP_ROWS: Final = (SIZE.height // 60, SIZE.height // 12)
_STRIP_COLUMNS: Final = (SIZE.height // 60, SIZE.height // 3)
"""Of the frame stamp: `livecam.core.stamp`."""
_STEP: Final = 32
_MOST_ROWS: Final = 0.8
_SAME_WITHIN: Final = 16
_BLENDED_ROWS: Final = 4
"""At a tear the colours of two pictures, which have half as many rows, run together."""
_ROW_SLACK: Final = 0.03
"""Share of a row whose pixels may be off, at edges that 4:2:0 and JPEG blur."""


def draw_card(size: Size = SIZE) -> Image:
    """The test card, (H, W, 3) u8 BGR."""
    image: Image = np.empty(size.image_shape, np.uint8)
    rows, columns = (slice(None, size.height // 2), slice(size.height // 2, None)), size.width // 2
    for i, colour in enumerate(QUADRANTS):
        image[rows[i // 2], slice(None, columns) if i % 2 == 0 else slice(columns, None)] = colour
    return image


def colour_error(image: Image) -> float:
    """Largest difference, in 8-bit levels of any channel, between the card's quadrants in `image` and as drawn."""
    height, width = image.shape[:2]
    worst = 0.0
    for i, colour in enumerate(QUADRANTS):
        y, x = height * (1 + 2 * (i // 2)) // 4, width * (1 + 2 * (i % 2)) // 4
        seen = image[y - _PATCH : y + _PATCH, x - _PATCH : x + _PATCH].reshape(-1, 3).mean(axis=0)
        worst = max(worst, float(np.abs(seen - colour).max()))
    return worst


def difference(one: Image, other: Image) -> float:
    """Mean difference of two (H, W, 3) u8 images, in 8-bit levels; 255 when their sizes differ."""
    if one.shape != other.shape:
        return 255.0
    return float(np.abs(one.astype(np.int16) - other).mean())


def is_torn(image: Image, known: Sequence[Image]) -> bool:
    """Whether `image` is made of several of `known`, and of nothing else: in each row one of them, or two side by side.

    So looks what a reader copies out of a driver's buffer while the next picture is written into it. The frame stamp is
    passed over. All are (H, W, 3) u8 BGR.
    """
    if any(image.shape != one.shape for one in known):
        return False
    # A few rows tell most pictures, and the reader that is measured must keep up.
    if _rows_of_two(_off(image, known, _STEP)).mean() < _MOST_ROWS:
        return False
    off = _off(image, known, 1)
    of_one = (off.sum(axis=2) <= _ROW_SLACK * image.shape[1]).all(axis=1).any()
    return bool((~_rows_of_two(off)).sum() <= _BLENDED_ROWS and not of_one)


def _off(image: Image, known: Sequence[Image], step: int) -> npt.NDArray[np.bool_]:
    """(K, H / step, W): where each `step`-th row of `image` is not the row of each picture, the stamp passed over."""
    few = image[::step].astype(np.int16)
    off = np.array([np.abs(few - one[::step]).max(axis=2) > _SAME_WITHIN for one in known])
    upper, lower = (-(-row // step) for row in _STRIP_ROWS)
    off[:, upper:lower, slice(*_STRIP_COLUMNS)] = False
    return off


def _rows_of_two(off: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether each row is the beginning of one picture's and the end of another's, or of the same."""
    until = np.cumsum(off, axis=2, dtype=np.int32)
    before = np.concatenate([np.zeros_like(until[:, :, :1]), until], axis=2)
    after = before[:, :, -1:] - before
    return np.asarray((before.min(axis=0) + after.min(axis=0)).min(axis=1) <= _ROW_SLACK * off.shape[2])
