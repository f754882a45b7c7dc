"""The visible label: says on every swapped picture that it is not the camera's."""

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.config.label import LabelConfig, Language
from livecam.core.frame import Image, Picture, Size
from livecam.errors import ConfigError
from livecam.privacy.lettering import Coverage, lettered

WORDS: Final[Mapping[Language, str]] = {
    Language.EN: "AI MODIFIED",
    Language.DE: "KI-VERÄNDERT",
    Language.ES: "MODIFICADO CON IA",
    Language.FR: "MODIFIÉ PAR IA",
    Language.IT: "MODIFICATO CON IA",
    Language.NL: "MET AI BEWERKT",
    Language.PL: "ZMODYFIKOWANE PRZEZ AI",
    Language.PT: "MODIFICADO POR IA",
}
"""What the label says in each language, where it was given no words of its own."""

TYPE_SHARE: Final = 0.05
"""Size of the letters, as a share of the shorter side: the least that is asked for. The plate adds to it."""

_PLATE_SHARE = 0.075
_LEAST_PX = 14
_WIDEST_SHARE = 0.6
_MARGIN_SHARE = 0.02
_PLATE_BGR, _RIM_BGR, _LETTER_BGR = (24, 20, 18), (235, 235, 235), (255, 255, 255)
_FULL = 256

_Sums = npt.NDArray[np.uint16]


def words(config: LabelConfig) -> str:
    """What the label of `config` says.

    Raises:
        ConfigError: Its own words show nothing.
    """
    text = " ".join(config.text.split()) or WORDS[config.language]
    if not lettered(text, 24, 10_000).size:
        raise ConfigError(f"The label's text {config.text!r} shows nothing.", "Give it words, or leave it empty.")
    return text


def draw_plate(size: Size, text: str) -> tuple[Image, Coverage]:
    """The label for pictures of `size`: (h, w, 3) u8 BGR with even sides, and how much of each pixel it covers.

    Dark, with a light rim and light letters, so that it stands out on anything.
    """
    short = min(size)
    height = min(_even(max(_PLATE_SHARE * short, _LEAST_PX)), size.height // 2 * 2)
    ink = lettered(text, max(round(TYPE_SHARE * short), _LEAST_PX * 2 // 3), int(_WIDEST_SHARE * size.width) or 1)
    width = min(_even(ink.shape[1] + 0.9 * height), size.width // 2 * 2)
    rim, corner = max(1, round(height / 24)), max(2, height // 5)
    image = np.empty((height, width, 3), dtype=np.uint8)
    image[:] = _RIM_BGR
    inside = _rounded(width, height, corner, rim)
    image = _blended(image, np.array(_PLATE_BGR), inside)
    letters = np.zeros((height, width), dtype=np.uint8)
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    seen = ink[max(-top, 0) : max(-top, 0) + height]
    letters[max(top, 0) : max(top, 0) + seen.shape[0], left : left + ink.shape[1]] = seen
    return _blended(image, np.array(_LETTER_BGR), letters), _rounded(width, height, corner, 0)


class Label:
    """Draws the label at the top right of I420 pictures of one size. One thread.

    It is drawn once and kept; each picture is changed in the label's box alone.

    Args:
        size: Of the pictures.
        text: What it says.
    """

    def __init__(self, size: Size, text: str) -> None:
        image, alpha = draw_plate(size, text)
        height, width = alpha.shape
        margin = _even(_MARGIN_SHARE * min(size))
        left, top = max(size.width - margin - width, 0) // 2 * 2, min(margin, size.height - height) // 2 * 2
        picture = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8).reshape(-1)
        coarse = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        luma, chroma = width * height, width * height // 4
        self.box = (left, top, width, height)
        self._size = size
        self._parts = (
            _Part(picture[:luma].reshape(height, width), alpha),
            _Part(picture[luma : luma + chroma].reshape(height // 2, width // 2), coarse),
            _Part(picture[luma + chroma :].reshape(height // 2, width // 2), coarse),
        )

    def draw(self, picture: Picture) -> None:
        """Put the label on `picture`, (H * 3 / 2, W) u8 I420 of this label's size, contiguous, in place."""
        left, top, width, height = self.box
        for number, (plane, part) in enumerate(zip(_planes(picture, self._size), self._parts, strict=True)):
            by = 2 if number else 1
            part.put(plane[top // by : (top + height) // by, left // by : (left + width) // by])


class _Part:
    """One plane of the label, ready to be put on: out = (there * (256 - a) + label * a) / 256."""

    def __init__(self, plane: Coverage, alpha: Coverage) -> None:
        share = np.round(alpha.astype(np.float32) * (_FULL / 255)).astype(np.uint16)
        self._own: _Sums = plane.astype(np.uint16) * share
        self._rest: _Sums = _FULL - share
        self._sum: _Sums = np.empty_like(self._own)

    def put(self, there: Coverage) -> None:
        """Put it on `there`, of its own shape, in place."""
        np.multiply(there, self._rest, out=self._sum)
        np.add(self._sum, self._own, out=self._sum)
        np.right_shift(self._sum, 8, out=self._sum)
        np.copyto(there, self._sum, casting="unsafe")


def _planes(picture: Picture, size: Size) -> tuple[Coverage, Coverage, Coverage]:
    flat, luma, half = picture.reshape(-1), size.width * size.height, (size.height // 2, size.width // 2)
    chroma = half[0] * half[1]
    blue, red = flat[luma : luma + chroma].reshape(half), flat[luma + chroma : luma + 2 * chroma].reshape(half)
    return picture[: size.height], blue, red


def _rounded(width: int, height: int, corner: int, inset: int) -> Coverage:
    """Coverage of a rectangle with round corners, `inset` px smaller on each side; smooth at its edge."""
    fine = 4
    mask = np.zeros((height * fine, width * fine), dtype=np.uint8)
    radius, low = max(corner - inset, 1) * fine, inset * fine
    right, bottom = (width - inset) * fine - 1, (height - inset) * fine - 1
    cv2.rectangle(mask, (low + radius, low), (right - radius, bottom), (255,), cv2.FILLED)
    cv2.rectangle(mask, (low, low + radius), (right, bottom - radius), (255,), cv2.FILLED)
    for x in (low + radius, right - radius):
        for y in (low + radius, bottom - radius):
            cv2.circle(mask, (x, y), radius, (255,), cv2.FILLED)
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _blended(image: Image, colour: npt.NDArray[np.int_], mask: Coverage) -> Image:
    share = mask[..., None].astype(np.float32) / 255
    mixed = np.round(image * (1 - share) + colour * share)
    return mixed.astype(np.uint8)


def _even(value: float) -> int:
    """`value` rounded up to an even number, at least 2."""
    return max(2, int(-(-value // 2)) * 2)
