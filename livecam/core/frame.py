"""Sizes, frames and the I420 picture layout."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]
"""An image: (H, W, 3) u8 BGR unless a docstring says otherwise."""

Picture: TypeAlias = npt.NDArray[np.uint8]
"""A finished picture: (H * 3 / 2, W) u8, I420 planar (Y, then U, then V), limited range."""

Points: TypeAlias = npt.NDArray[np.float32]
"""Points: (N, 2) or (N, 3) f32, in pixels of the image named beside them."""

Matrix: TypeAlias = npt.NDArray[np.float64]
"""A 2x3 affine matrix, f64, that maps column vectors (x, y, 1)."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Size(NamedTuple):
    """Width and height in pixels. Pictures have even sides, since I420 halves both."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read ``1280x720``.

        Raises:
            ValueError: The text is no size, or a side is odd or outside 64..8192.
        """
        width, _, height = text.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise ValueError(f"{text!r} is not a size like 1280x720.")
        size = cls(int(width), int(height))
        if any(side % 2 or not 64 <= side <= 8192 for side in size):
            raise ValueError(f"{text!r} has a side that is odd or outside 64..8192.")
        return size

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of a BGR image of this size: (H, W, 3)."""
        return (self.height, self.width, 3)

    @property
    def picture_shape(self) -> tuple[int, int]:
        """Shape of an I420 picture of this size: (H * 3 / 2, W)."""
        return (self.height * 3 // 2, self.width)


@dataclass(frozen=True, slots=True)
class Frame:
    """One image from a source.

    Attributes:
        image: (H, W, 3) u8 BGR. It lives in a ring slot: whoever holds the slot owns it, and may write it.
        seq: Rises by at least one from frame to frame of a run; gaps are frames that were skipped.
        captured_ns: Monotonic time at which the driver delivered the image (its own stamp where it gives one).
    """

    image: Image
    seq: int
    captured_ns: int
