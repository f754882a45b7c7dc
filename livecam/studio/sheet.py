"""What came of an expansion, to be looked at: a contact sheet, and a line for each view."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.studio.expand import Drawn, Expanded

_CAPTION: Final = 48


def contact_sheet(drawn: Sequence[Drawn], side: int = 224) -> Image:
    """All views side by side, a column for each angle and a row for each light, with their figures.

    Args:
        drawn: At least one.
        side: Of each, px.

    Returns:
        (H, W, 3) u8 BGR.
    """
    presets = list(dict.fromkeys(one.preset.name for one in drawn))
    lights = list(dict.fromkeys(one.light.name for one in drawn))
    # A band above and one below, for the label and the word TEST.
    band = side // 3
    sheet = np.full((2 * band + len(lights) * (side + _CAPTION), len(presets) * side, 3), 24, np.uint8)
    for one in drawn:
        top, left = band + lights.index(one.light.name) * (side + _CAPTION), presets.index(one.preset.name) * side
        sheet[top : top + side, left : left + side] = cv2.resize(one.image, (side, side), interpolation=cv2.INTER_AREA)
        colour = (120, 220, 120) if one.accepted else (110, 110, 230)
        for line, text in enumerate((one.name, _figures(one))):
            place = (left + 6, top + side + 18 + 20 * line)
            cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
    return sheet


def _figures(drawn: Drawn) -> str:
    if math.isnan(drawn.error):
        return "no face"
    return f"cos {drawn.cosine:.2f}  err {drawn.error:.1%}  sharp {drawn.sharpness:.2f}"


def lines(expanded: Expanded) -> Iterator[tuple[str, ...]]:
    """Of each view: its name, cosine, landmark error, sharpness, and what became of it."""
    for one in expanded.drawn:
        kept = "not scored: counts nothing" if one.preset.profile else f"counts {one.weight:g}"
        figures = (_told(one.cosine, ".2f"), _told(one.error, ".1%"), _told(one.sharpness, ".2f"))
        yield (one.name, *figures, one.reason or kept)


def _told(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
