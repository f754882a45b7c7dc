"""What the faulty camera shows: a drawn person; every picture is numbered, and known to whoever judges the output."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from livecam.capture.fit import FittedSource
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Image, Size
from livecam.core.seams import SourceInfo

SIZE: Final = Size(640, 360)
FPS: Final = 15.0
SMALL: Final = Size(320, 240)
"""What the camera changes to when it changes its size."""

STEPS: Final = 24
"""So many pictures are drawn; they are shown forth and back."""

KIND: Final = 1 << 20
"""A picture's number is this times its kind, plus its count."""

NORMAL, RESIZED = 0, 1


def place_of(count: int) -> int:
    """Which drawing the picture of `count` shows: forth and back, so that there is no jump."""
    turn = count % (2 * STEPS - 2)
    return min(turn, 2 * STEPS - 2 - turn)


@cache
def drawings() -> tuple[Image, ...]:
    """The pictures of the camera, (H, W, 3) u8 BGR, without numbers."""
    source = _synthetic()
    images = []
    for number in range(STEPS):
        image = np.empty(SIZE.image_shape, np.uint8)
        source.draw(number, image)
        images.append(image)
    return tuple(images)


def small(image: Image) -> Image:
    """What the camera delivers of `image` once it has changed its size: what it sees in its middle."""
    width = SIZE.height * SMALL.width // SMALL.height
    left = (SIZE.width - width) // 2
    return np.asarray(cv2.resize(image[:, left : left + width], SMALL, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass
class _One:
    """A source that delivers one picture."""

    image: Image

    def open(self) -> SourceInfo:
        return SourceInfo("one", SMALL, FPS, live=True)

    def read_into(self, image: Image) -> int:
        np.copyto(image, self.image)
        return 1

    def close(self) -> None:
        pass


def fitted(image: Image) -> Image:
    """A small picture as it comes to the swap: by the daemon's own part, on black."""
    source = FittedSource(_One(image), SIZE)
    source.open()
    whole = np.empty(SIZE.image_shape, np.uint8)
    source.read_into(whole)
    return whole


def face_boxes() -> tuple[tuple[int, int, int, int], ...]:
    """Left, top, right, bottom of the inner face in each drawing, px."""
    source = _synthetic()
    boxes = []
    for number in range(STEPS):
        points = source.truth(number)[0].landmarks
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        across, down = 0.14 * (right - left), 0.12 * (bottom - top)
        box = (left + across, top + down, right - across, bottom - down)
        boxes.append((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
    return tuple(boxes)


def _synthetic() -> SyntheticSource:
    source = SyntheticSource(SIZE, FPS, MonotonicClock(), SyntheticOptions(noise=False, pace=False))
    source.open()
    return source
