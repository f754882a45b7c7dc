"""Looks for the visible label in a picture: livecam's words, or other words on livecam's plate.

Words that are known are compared with what livecam would have drawn, as normalised correlation (Lewis 1995, "Fast
normalized cross-correlation"), at a few sizes about the one that belongs to the picture. Of other words the plate is
looked for: its two round ends at one height, dark between them, with something bright written on it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Size
from livecam.privacy.label import draw_plate

Luma = npt.NDArray[np.uint8]

_SHORT_PX = 480
"""Pictures are brought to this shorter side."""

_ZONE_HEIGHT = 0.2
_SCALES = (1.0, 0.97, 1.03)
_ALIKE = 0.7
_END_ALIKE = 0.75
_END_SHARE = 0.4
_LEAST_PLATE = 2.0
# Of other words: how dark the plate is about them, how bright they are, and how much of the plate they cover.
_DARK, _BRIGHT = 90, 140
_LEAST_INK, _MOST_INK = 0.04, 0.5


class Sighted(NamedTuple):
    """A label that was seen.

    Attributes:
        text: What it says; empty for words that are not known here.
        alike: How much it looks like livecam's, 1 for quite.
    """

    text: str
    alike: float


class LabelReader:
    """Looks at pictures, one after the other. One thread.

    Args:
        texts: What labels may say.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        size = Size(_SHORT_PX * 16 // 9 // 2 * 2, _SHORT_PX)
        drawn = {text: cv2.cvtColor(draw_plate(size, text)[0], cv2.COLOR_BGR2GRAY) for text in texts}
        self._plates = [(text, _scaled(plate, scale)) for scale in _SCALES for text, plate in drawn.items()]
        ends = cv2.cvtColor(draw_plate(size, "I")[0], cv2.COLOR_BGR2GRAY)
        share = round(_END_SHARE * ends.shape[0])
        self._ends = ends[:, :share], ends[:, -share:]

    def __call__(self, luma: Luma) -> Sighted | None:
        """What the label at the top right of `luma`, (H, W) u8, says; None where there is none."""
        zone = _zone(luma)
        if zone is None:
            return None
        best = Sighted("", 0.0)
        for text, plate in self._plates:
            alike = _alike(zone, plate)
            if alike > best.alike:
                best = Sighted(text, alike)
        if best.alike >= _ALIKE:
            return best
        return self._other_words(zone)

    def _other_words(self, zone: Luma) -> Sighted | None:
        """The plate with words that are not known."""
        left, right = (cv2.matchTemplate(zone, end, cv2.TM_CCOEFF_NORMED) for end in self._ends)
        corner = right[:, right.shape[1] - 3 * self._ends[1].shape[1] :]
        _, alike, _, (across, top) = cv2.minMaxLoc(corner)
        if alike < _END_ALIKE:
            return None
        height, share = self._ends[0].shape
        end = across + right.shape[1] - corner.shape[1]
        # A zone is at least nine plates wide.
        row = left[max(top - 1, 0) : top + 2, : end - round(_LEAST_PLATE * height)]
        _, other, _, (begin, _) = cv2.minMaxLoc(row)
        if other < _END_ALIKE or not _is_written(zone[top : top + height, begin + share : end]):
            return None
        return Sighted("", float(min(alike, other)))


def _zone(luma: Luma) -> Luma | None:
    """The top right of `luma`, brought to the readers' size; None where it is too small to read."""
    height, width = luma.shape
    scale = _SHORT_PX / min(height, width)
    if min(height, width) < _SHORT_PX // 4:
        return None
    part = luma[: round(_ZONE_HEIGHT * min(height, width)), round(0.3 * width) :]
    size = round(part.shape[1] * scale), round(part.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)


def _scaled(plate: cv2.typing.MatLike, scale: float) -> Luma:
    return np.asarray(cv2.resize(plate, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _alike(zone: Luma, plate: Luma) -> float:
    if plate.shape[0] > zone.shape[0] or plate.shape[1] > zone.shape[1]:
        return 0.0
    return float(cv2.minMaxLoc(cv2.matchTemplate(zone, plate, cv2.TM_CCOEFF_NORMED))[1])


def _is_written(plate: Luma) -> bool:
    """Whether `plate`, without its ends, is dark with something bright in its middle, between two bright rims."""
    height = plate.shape[0]
    rim = max(1, height // 12)
    inside = plate[2 * rim : height - 2 * rim]
    edge = np.concatenate([inside[: 2 * rim], inside[-2 * rim :]])
    ink = float(np.mean(inside > _BRIGHT))
    rims = float(np.median(plate[:rim].max(axis=0))), float(np.median(plate[-rim:].max(axis=0)))
    return float(np.median(edge)) < _DARK < min(rims) and _LEAST_INK < ink < _MOST_INK
