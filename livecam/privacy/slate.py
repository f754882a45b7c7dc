"""The slate: the harmless picture shown when nothing is cleared."""

from pathlib import Path

import cv2
import numpy as np

from livecam.core.frame import Image, Picture, Size
from livecam.errors import ConfigError
from livecam.privacy.lettering import lettered

_TOP_BGR = np.array([58, 46, 38], dtype=np.float32)
_BOTTOM_BGR = np.array([30, 24, 20], dtype=np.float32)
_MAX_PIXELS = 64_000_000


def draw_background(size: Size) -> Image:
    """A quiet ramp to write on, (H, W, 3) u8 BGR."""
    ramp = np.linspace(0.0, 1.0, size.height, dtype=np.float32)[:, None]
    column = _TOP_BGR * (1 - ramp) + _BOTTOM_BGR * ramp
    return np.ascontiguousarray(np.broadcast_to(column[:, None, :], size.image_shape)).astype(np.uint8)


def draw_slate(size: Size, text: str) -> Image:
    """A quiet card with `text` in its middle, in any script that `lettering` has; (H, W, 3) u8 BGR."""
    image = draw_background(size)
    radius = min(size) // 12
    centre = (size.width // 2, size.height // 2 - radius)
    cv2.circle(image, centre, radius, (150, 132, 120), max(2, radius // 10), cv2.LINE_AA)
    arm = radius // 3
    for side in (-1, 1):
        x = centre[0] + side * arm // 2
        cv2.line(image, (x, centre[1] - arm), (x, centre[1] + arm), (150, 132, 120), max(2, radius // 8), cv2.LINE_AA)
    _write_centred(image, text, size)
    return image


def _write_centred(image: Image, text: str, size: Size) -> None:
    ink = lettered(text, max(8, size.height // 24), int(0.9 * size.width), bold=False)
    top, left = size.height // 2 + size.height // 10, (size.width - ink.shape[1]) // 2
    there = image[top : top + ink.shape[0], left : left + ink.shape[1]]
    share = ink[: there.shape[0], :, None].astype(np.float32) / 255
    there[:] = np.round(there * (1 - share) + np.array((210, 200, 190)) * share).astype(np.uint8)


def load_slate(path: Path, size: Size) -> Image:
    """A user's own picture, fitted into `size` on black; (H, W, 3) u8 BGR.

    Raises:
        ConfigError: The file cannot be read as a picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ConfigError(f"The slate picture {path} cannot be read: {error.strerror}.") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None or picture.shape[0] * picture.shape[1] > _MAX_PIXELS:
        raise ConfigError(f"The slate picture {path} is no picture, or larger than 64 megapixels.")
    scale = min(size.width / picture.shape[1], size.height / picture.shape[0])
    fitted = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    fitted = fitted[: size.height, : size.width]
    image: Image = np.zeros(size.image_shape, dtype=np.uint8)
    top, left = (size.height - fitted.shape[0]) // 2, (size.width - fitted.shape[1]) // 2
    image[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return image


def to_picture(image: Image) -> Picture:
    """`image`, (H, W, 3) u8 BGR with even sides, as an I420 picture (BT.601, limited range)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
