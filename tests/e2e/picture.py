"""The pictures that are fed into the guest's webcam, and how one of them is known again when it comes out."""

from typing import Final

import numpy as np

from livecam.core.frame import Image, Size

SIZE: Final = Size(640, 480)
CARD_FPS: Final = 30
SWAP_FPS: Final = 15

QUADRANTS: Final = ((230, 40, 40), (40, 200, 40), (40, 40, 230), (240, 240, 240))
"""BGR of the card's top left, top right, bottom left and bottom right: strong, but inside what video range can hold."""
_PATCH: Final = 24


def draw_card(size: Size = SIZE) -> Image:
    """The test card, (H, W, 3) u8 BGR."""
    image: Image = np.empty(size.image_shape, np.uint8)
    rows, columns = (slice(None, size.height // 2), slice(size.height // 2, None)), size.width // 2
    for i, colour in enumerate(QUADRANTS):
        image[rows[i // 2], slice(None, columns) if i % 2 == 0 else slice(columns, None)] = colour
    return image


def colour_error(image: Image) -> float:
    """Largest difference, in 8-bit levels of any channel, between the card's quadrants in `image` and as drawn."""
    height, width = image.shape[:2]
    worst = 0.0
    for i, colour in enumerate(QUADRANTS):
        y, x = height * (1 + 2 * (i // 2)) // 4, width * (1 + 2 * (i % 2)) // 4
        seen = image[y - _PATCH : y + _PATCH, x - _PATCH : x + _PATCH].reshape(-1, 3).mean(axis=0)
        worst = max(worst, float(np.abs(seen - colour).max()))
    return worst


def difference(one: Image, other: Image) -> float:
    """Mean difference of two (H, W, 3) u8 images, in 8-bit levels; 255 when their sizes differ."""
    if one.shape != other.shape:
        return 255.0
    return float(np.abs(one.astype(np.int16) - other).mean())
