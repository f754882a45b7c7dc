"""What the measurements look at: the clips kept beside a checkout, the drawn source, and changes to both."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Image, Size

_BACKDROP_SHRINK, _BACKDROP_SIGMA = 8, 4.0
_NOISE_SIGMA, _JPEG_QUALITY = 4.0, 80


def clips_folder() -> Path | None:
    """The folder of the clips, or None where they are not; LIVECAM_SHARED can name the folder that holds ``data/``."""
    root = Path(os.environ.get("LIVECAM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    folder = root / "data" / "clips"
    return folder if folder.is_dir() else None


def clip(path: Path, limit: int | None = None) -> Iterator[Image]:
    """The frames of a clip, (H, W, 3) u8 BGR, each a new array; at most `limit`.

    Raises:
        FileNotFoundError: It cannot be opened or is empty.
    """
    capture = cv2.VideoCapture(str(path))
    count = 0
    while limit is None or count < limit:
        found, image = capture.read()
        if not found:
            break
        count += 1
        yield image.astype(np.uint8, copy=False)
    capture.release()
    if count == 0:
        raise FileNotFoundError(f"{path.name} is no clip that can be read.")


def frame_at(path: Path, number: int) -> Image:
    """One frame of a clip, counted from 0. Decoded from the start: seeking is not exact in every build."""
    *_, image = clip(path, number + 1)
    return image


def drawn(size: Size, limit: int, fps: float = 30.0, noise: bool = True) -> Iterator[Image]:
    """The first frames of the synthetic source, each a new array."""
    source = SyntheticSource(size, fps, MonotonicClock(), SyntheticOptions(pace=False, noise=noise))
    source.open()
    for _ in range(limit):
        image: Image = np.empty(size.image_shape, dtype=np.uint8)
        source.read_into(image)
        yield image
    source.close()


def in_webcam_frame(image: Image, size: Size) -> Image:
    """`image` at the height of `size` in its middle, over a blurred copy of itself; cut when it is wider."""
    width = round(image.shape[1] * size.height / image.shape[0])
    method = cv2.INTER_CUBIC if size.height > image.shape[0] else cv2.INTER_AREA
    scaled: Image = cv2.resize(image, (width, size.height), interpolation=method)  # type: ignore[assignment]
    if width >= size.width:
        left = (width - size.width) // 2
        return np.ascontiguousarray(scaled[:, left : left + size.width])
    few = (size.width // _BACKDROP_SHRINK, size.height // _BACKDROP_SHRINK)
    backdrop = cv2.GaussianBlur(cv2.resize(image, few), (0, 0), _BACKDROP_SIGMA)
    frame: Image = cv2.resize(backdrop, size)  # type: ignore[assignment]
    left = (size.width - width) // 2
    frame[:, left : left + width] = scaled
    return frame


def still(image: Image, count: int) -> Iterator[Image]:
    """`image` as a bad camera shows it that nothing moves in front of: sensor noise (sigma 4 levels), then JPEG 80."""
    random = np.random.default_rng(0)
    for _ in range(count):
        noisy = np.clip(image + random.normal(0, _NOISE_SIGMA, image.shape), 0, 255).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        yield cv2.imdecode(packed, cv2.IMREAD_COLOR).astype(np.uint8, copy=False)  # type: ignore[union-attr]
