"""Converting a picture file."""

from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.app.convert_clearing import Clearing
from livecam.app.convert_doors import write_whole
from livecam.app.convert_summary import SWAPPED, NothingCleared
from livecam.app.convert_why import why
from livecam.core.frame import NS_PER_S, Image, Picture, Size
from livecam.errors import SinkGone

STILL_FRAMES: Final = 8
"""How often the picture is shown to the pipeline; the last answer counts.

Tracking, light and the watch are made for video and settle over some frames: the region of the landmarks is at first a
detector's coarse box, and the watch's second network looks at every fourth frame only."""

_STEP_NS: Final = NS_PER_S // 30
_QUALITY: Final = {
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
}


def padded_to_even(image: Image) -> Image:
    """`image`, (H, W, 3) u8 BGR, with its last row or column doubled where a side is odd: pictures have even sides."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def swap_still(image: Image, clearing: Clearing, source: Path) -> Image:
    """`image`, (H, W, 3) u8 BGR with even sides, swapped.

    Raises:
        NothingCleared: It was not cleared; the sentence says why.
        EngineError: A network failed.
    """
    draw = partial(np.copyto, src=image)
    judged = [clearing(draw, number, number * _STEP_NS) for number in range(1, STILL_FRAMES + 1)][-1]
    if judged.fate != SWAPPED:
        what, next_step = why(judged.fate.partition(" ")[2], "picture")
        if clearing.problem:
            # A failed look makes the next ones start anew, and find nothing.
            what, next_step = clearing.problem, ""
        raise NothingCleared(f"{source} was not converted. {what}", next_step)
    return _to_bgr(judged.cleared.picture)


def write_image(target: Path, image: Image) -> None:
    """Write `image`, (H, W, 3) u8 BGR, in the format of OUT's suffix, whole or not at all.

    Raises:
        SinkError: It cannot be written, or is too large for the format.
    """
    suffix = target.suffix.lower()
    try:
        done, data = cv2.imencode(suffix, image, _QUALITY.get(suffix, ()))
    except cv2.error:
        done, data = False, np.empty(0, np.uint8)
    if not done:
        raise SinkGone(f"{image.shape[1]}x{image.shape[0]} pixels do not fit into a {suffix} file.", "Write a .png.")
    write_whole(target, data.tobytes())


def size_of(image: Image) -> Size:
    """Of `image`, px."""
    return Size(image.shape[1], image.shape[0])


def _to_bgr(picture: Picture) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
