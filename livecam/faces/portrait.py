"""What is shown of a persona: a thumbnail of its best photo, and how good each photo is. Kept beside what swaps it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import IO, Final

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.core.geometry import similarity
from livecam.errors import PhotoRefused
from livecam.faces.quality import FIVE, Judged, PhotoJudge, Quality

KEY: Final = "portrait"
"""Of its file, beside those of the swappers."""

VERSION: Final = "portrait-2"
"""Changes whenever the same photos would be shown differently."""

SIDE: Final = 256
"""Of a thumbnail, px; of a smaller face it is smaller."""

_SMALLEST: Final = 96
_JPEG_QUALITY: Final = 85
_LARGEST_LINE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is shown of a persona.

    Attributes:
        qualities: Of each photo, in their order; the first is of the one that decides light and colour.
        thumbnail: JPEG of the first photo's face.
    """

    qualities: tuple[Quality, ...]
    thumbnail: bytes

    def save(self, file: IO[bytes]) -> None:
        """Write it into `file`: a line of JSON, then the picture."""
        file.write(json.dumps([asdict(quality) for quality in self.qualities]).encode() + b"\n")
        file.write(self.thumbnail)


class PortraitPreparer:
    """Makes portraits of photos. One thread.

    Args:
        judge: Measures the photos.
    """

    version: str = VERSION

    def __init__(self, judge: PhotoJudge) -> None:
        self._judge = judge

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> Portrait:
        """The portrait of upright (H, W, 3) u8 BGR photos, the best one first. None is refused.

        Raises:
            EngineError: A network failed.
        """
        return portrait_of(images[0], [self._judge.lenient(image) for image in images])

    def load(self, file: IO[bytes]) -> Portrait:
        """See `load_portrait`."""
        return load_portrait(file)


def load_portrait(file: IO[bytes]) -> Portrait:
    """Read what `Portrait.save` wrote.

    Raises:
        ValueError: It is another thing.
    """
    content: object = json.loads(file.readline(_LARGEST_LINE))
    if not isinstance(content, list) or not content:
        raise ValueError("it holds no list of qualities")
    return Portrait(tuple(_quality(entry) for entry in content), file.read())


def portrait_of(best: Image, judged: Sequence[Judged]) -> Portrait:
    """The portrait of photos that were `judged`, the first being that of `best`, (H, W, 3) u8 BGR."""
    return Portrait(tuple(one.quality for one in judged), thumbnail(best, judged[0].five))


def thumbnail(image: Image, five: Points | None) -> bytes:
    """JPEG of the aligned face of `image`, (H, W, 3) u8 BGR; its middle where there is none.

    Args:
        image: The photo.
        five: (5, 2) f32 px.
    """
    crop = _middle(image) if five is None else _aligned(image, five)
    taken, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not taken:
        raise PhotoRefused("No thumbnail could be made of the photo.", "Use another one.")
    return data.tobytes()


def _aligned(image: Image, five: Points) -> Image:
    matrix = similarity(five, FIVE)
    spanned = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    side = int(min(SIDE, max(_SMALLEST, spanned)))
    if spanned > 2 * side:
        # Shrinking by more than two leaves out pixels; they are averaged first.
        share = side / spanned
        image = np.asarray(cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = similarity(five * np.float32(share), FIVE)
    crop = cv2.warpAffine(image, matrix * side, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _middle(image: Image) -> Image:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (min(SIDE, side),) * 2, interpolation=cv2.INTER_AREA), np.uint8)


def _quality(content: object) -> Quality:
    """A quality as `Portrait.save` writes it.

    Raises:
        ValueError: It is another thing.
    """
    match content:
        case {
            "pixels": int() | float() as pixels,
            "sharpness": int() | float() as sharpness,
            "yaw": int() | float() as yaw,
            "pitch": int() | float() as pitch,
            "light": int() | float() as light,
            "mouth": int() | float() as mouth,
            "eyes": int() | float() as eyes,
            "advice": list(advice),
        }:
            return Quality(pixels, sharpness, yaw, pitch, light, mouth, eyes, tuple(map(str, advice)))
        case _:
            raise ValueError("A photo's quality is not as livecam writes it.")
