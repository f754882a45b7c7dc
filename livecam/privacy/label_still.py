"""The visible label on a still: the same plate at the same place as on live pictures, in all its colours."""

from typing import Final

import numpy as np

from livecam.core.frame import Image, Size
from livecam.privacy.label import Label, draw_plate

TEST: Final = "TEST"
"""What is written on a picture that random weights have drawn."""


def labelled(image: Image, text: str) -> Image:
    """`image`, (H, W, 3) u8 BGR, with the label at the top right; a new array. Nothing but the label's box changes."""
    size = Size(image.shape[1], image.shape[0])
    left, top, _, _ = Label(size, text).box
    return _put(image, text, left, top)


def marked_test(image: Image) -> Image:
    """`image`, (H, W, 3) u8 BGR, with the plate `TEST` at the bottom left; a new array."""
    size = Size(image.shape[1], image.shape[0])
    _, margin, _, height = Label(size, TEST).box
    return _put(image, TEST, margin, max(size.height - margin - height, 0))


def _put(image: Image, text: str, left: int, top: int) -> Image:
    """The plate of `text` on a copy of `image`; its left upper corner in px."""
    plate, alpha = draw_plate(Size(image.shape[1], image.shape[0]), text)
    height, width = alpha.shape
    share = alpha[..., None].astype(np.float32) / 255
    out = image.copy()
    there = out[top : top + height, left : left + width]
    np.copyto(there, np.rint(there * (1 - share) + plate * share), casting="unsafe")
    return out
