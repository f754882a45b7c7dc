"""A machine-readable frame number in a corner of the picture, to measure latency wherever the picture is read.

The strip is a grid of black and white cells, 4 rows of 18, one cell being 1/60 of the picture's height and the strip
lying one cell from the top left corner. The outer columns are fixed (they tell black from white and prove that there is
a strip), the 64 cells between hold 24 bits of frame number, 24 bits of milliseconds and a CRC-16. All is relative to
the picture's height, so a scaled picture is read without knowing its scale; cells carry no colour, so 4:2:0 does not
touch them.
"""

from binascii import crc_hqx
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_MS, Image

ROWS: Final = 4
COLUMNS: Final = 18
CELLS_PER_HEIGHT: Final = 60
NUMBERS: Final = 1 << 24
"""Frame numbers are stamped modulo this."""
PERIOD_NS: Final = (1 << 24) * NS_PER_MS
"""Times are stamped modulo this: about 4.6 hours."""

_DARK, _BRIGHT = 16, 235
_LEAST_CONTRAST = 60
_LEFT = np.array([1, 0, 1, 0], np.uint8)
_RIGHT = 1 - _LEFT


def stamp(image: Image, number: int, time_ns: int) -> None:
    """Write frame `number` and `time_ns` into the corner of `image`, (H, W, 3) u8 BGR, in place.

    Raises:
        ValueError: The image is too small or too narrow for the strip.
    """
    cell = image.shape[0] / CELLS_PER_HEIGHT
    if cell < 2 or image.shape[1] < (COLUMNS + 2) * cell:
        raise ValueError(f"An image of {image.shape[1]}x{image.shape[0]} has no room for a frame stamp.")
    payload = (number % NUMBERS).to_bytes(3, "big") + (time_ns // NS_PER_MS % NUMBERS).to_bytes(3, "big")
    payload += crc_hqx(payload, 0xFFFF).to_bytes(2, "big")
    bits = np.unpackbits(np.frombuffer(payload, np.uint8)).reshape(ROWS, COLUMNS - 2)
    cells = np.column_stack([_LEFT, bits, _RIGHT])
    rows, columns = _edges(ROWS, cell), _edges(COLUMNS, cell)
    grey = np.where(cells, _BRIGHT, _DARK).astype(np.uint8)
    strip = np.repeat(np.repeat(grey, np.diff(rows), axis=0), np.diff(columns), axis=1)
    image[rows[0] : rows[-1], columns[0] : columns[-1]] = strip[..., None]


def read_stamp(image: Image) -> tuple[int, int] | None:
    """Read a stamp back.

    Args:
        image: (H, W, 3) u8 BGR or (H, W) u8 luma, such as the upper two thirds of an I420 picture; any scale.

    Returns:
        The frame number modulo `NUMBERS` and the time in ns, in steps of 1 ms, modulo `PERIOD_NS`; None when there is
        no stamp or it is damaged.
    """
    cell = image.shape[0] / CELLS_PER_HEIGHT
    if cell < 1.5 or image.shape[1] < (COLUMNS + 2) * cell:
        return None
    levels = _levels(image, cell)
    fixed = np.column_stack([_LEFT, _RIGHT]).astype(bool)
    outer = levels[:, [0, -1]]
    bright, dark = float(outer[fixed].min()), float(outer[~fixed].max())
    if bright - dark < _LEAST_CONTRAST:
        return None
    payload = np.packbits(levels[:, 1:-1] > (bright + dark) / 2).tobytes()
    if crc_hqx(payload[:6], 0xFFFF) != int.from_bytes(payload[6:], "big"):
        return None
    return int.from_bytes(payload[:3], "big"), int.from_bytes(payload[3:6], "big") * NS_PER_MS


def stamp_age_ns(stamped_ns: int, now_ns: int) -> int:
    """Age of a time read from a stamp, ns, 0..`PERIOD_NS`; the stamp's own step of 1 ms is its error."""
    return (now_ns - stamped_ns) % PERIOD_NS


def _edges(count: int, cell: float) -> npt.NDArray[np.intp]:
    """Pixel edges of `count` cells and the end of the last one, one cell from the picture's edge."""
    return np.round((1 + np.arange(count + 1)) * cell).astype(np.intp)


def _levels(image: Image, cell: float) -> npt.NDArray[np.float64]:
    """(ROWS, COLUMNS) f64 mean grey of the middle of each cell."""
    region = image[: int(np.ceil((ROWS + 1) * cell)), : int(np.ceil((COLUMNS + 1) * cell))]
    grey = region.astype(np.float64) if region.ndim == 2 else region.mean(axis=2)
    for axis, count in ((0, ROWS), (1, COLUMNS)):
        start = np.round((1.28 + np.arange(count)) * cell).astype(np.intp)
        stop = np.maximum(np.round((1.72 + np.arange(count)) * cell).astype(np.intp), start + 1)
        pairs = np.stack([start, stop], axis=1).reshape(-1)
        sums = np.add.reduceat(grey, pairs, axis=axis).take(np.arange(0, 2 * count, 2), axis=axis)
        spans = (stop - start).astype(np.float64)
        grey = sums / (spans[:, None] if axis == 0 else spans)
    return grey
