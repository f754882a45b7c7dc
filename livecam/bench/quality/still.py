"""A clip that stands still but for what a bad camera adds."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from livecam.bench.quality.measure import Footage, Moment
from livecam.core.frame import NS_PER_S, Image

NOISE_SIGMA: Final = 4.0
"""Of the sensor, 8-bit levels."""

JPEG_QUALITY: Final = 80


def still_footage(image: Image, frames: int, fps: float = 30.0) -> Footage:
    """`image`, (H, W, 3) u8 BGR, `frames` times, each with noise of its own (`NOISE_SIGMA`), then JPEG."""

    def play() -> Iterator[Moment]:
        for number, noisy in enumerate(noisy_frames(image, frames)):
            yield Moment(noisy, NS_PER_S + round(number * NS_PER_S / fps))

    return play


def noisy_frames(image: Image, count: int) -> Iterator[Image]:
    """`image` as a bad camera shows it that nothing moves in front of, each a new array; always the same noise."""
    random = np.random.default_rng(0)
    for _ in range(count):
        noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(NOISE_SIGMA)
        noisy = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        shown = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        assert shown is not None, "what was encoded a moment ago decodes"
        yield shown.astype(np.uint8, copy=False)
