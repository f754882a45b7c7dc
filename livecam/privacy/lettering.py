"""Words as coverage masks, in any script that OpenCV's own fonts have; no font of the system is needed."""

import cv2
import numpy as np
import numpy.typing as npt

Coverage = npt.NDArray[np.uint8]
"""(h, w) u8: how much of each pixel the letters cover."""

_BOLD = 700
_REGULAR = 450


def lettered(text: str, height_px: int, most_px: int, *, bold: bool = True) -> Coverage:
    """`text` in letters of `height_px` per line, or less where it would be wider than `most_px`, cut to its ink.

    Letters that no font has show as a question mark. Blank text gives an empty mask.
    """
    ink = _inked(text, height_px, bold)
    if ink.shape[1] > most_px:
        ink = _inked(text, max(6, height_px * most_px // ink.shape[1]), bold)
    # Hinting may leave the smaller one a little too wide still.
    return ink if ink.shape[1] <= most_px else _narrowed(ink, most_px)


def _inked(text: str, size_px: int, bold: bool) -> Coverage:
    face, weight = cv2.FontFace("sans"), _BOLD if bold else _REGULAR
    left, top, width, height = cv2.getTextSize((0, 0), text, (0, 0), face, size_px, weight)
    margin = size_px
    canvas = np.zeros((height + 4 * margin, width + 2 * margin), dtype=np.uint8)
    cv2.putText(canvas, text, (margin - left, margin * 2 - top), (255,), face, size_px, weight)
    rows, columns = np.flatnonzero(canvas.any(axis=1)), np.flatnonzero(canvas.any(axis=0))
    if not rows.size:
        return canvas[:0, :0]
    return np.ascontiguousarray(canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _narrowed(ink: Coverage, width: int) -> Coverage:
    height = max(1, round(ink.shape[0] * width / ink.shape[1]))
    return np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
