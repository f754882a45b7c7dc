"""What a preview keeps of a picture while somebody watches, and how that becomes an image."""

from typing import Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Picture, Size

Raw: TypeAlias = npt.NDArray[np.uint8]
"""A picture as its thread has it."""


class Pixels(Protocol):
    """A way to keep and to show pictures."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is kept."""
        ...

    def keep(self, picture: Raw, kept: Raw) -> None:
        """Copy what is needed of `picture` into `kept`. In the picture's thread: short."""
        ...

    def shown(self, kept: Raw) -> Image:
        """`kept` as (H, W, 3) u8 BGR, borrowed until the next call. In the server's thread."""
        ...


class Whole:
    """I420 pictures in their full size.

    Args:
        size: Of all pictures.
    """

    def __init__(self, size: Size) -> None:
        self._bgr = np.empty(size.image_shape, dtype=np.uint8)
        self.shape: tuple[int, ...] = size.picture_shape

    def keep(self, picture: Raw, kept: Raw) -> None:
        """See `Pixels`."""
        np.copyto(kept, picture)

    def shown(self, kept: Raw) -> Image:
        """See `Pixels`."""
        cv2.cvtColor(kept, cv2.COLOR_YUV2BGR_I420, dst=self._bgr)
        return self._bgr


class SmallPicture:
    """I420 pictures, made smaller plane by plane while they are kept.

    Args:
        size: Of all pictures.
        width: The largest that is shown, px.
    """

    def __init__(self, size: Size, width: int) -> None:
        self._size, self._small = size, small_size(size, width)
        self._bgr = np.empty(self._small.image_shape, dtype=np.uint8)
        self.shape: tuple[int, ...] = self._small.picture_shape

    def keep(self, picture: Raw, kept: Raw) -> None:
        """See `Pixels`."""
        for plane, small in zip(_planes(picture, self._size), _planes(kept, self._small), strict=True):
            cv2.resize(plane, (small.shape[1], small.shape[0]), dst=small, interpolation=cv2.INTER_AREA)

    def shown(self, kept: Raw) -> Image:
        """See `Pixels`."""
        cv2.cvtColor(kept, cv2.COLOR_YUV2BGR_I420, dst=self._bgr)
        return self._bgr


class SmallImage:
    """BGR images, made smaller while they are kept.

    Args:
        size: Of what is kept; images may have any.
        width: The largest that is shown, px.
    """

    def __init__(self, size: Size, width: int) -> None:
        self._small = small_size(size, width)
        self.shape: tuple[int, ...] = self._small.image_shape

    def keep(self, picture: Raw, kept: Raw) -> None:
        """See `Pixels`."""
        cv2.resize(picture, self._small, dst=kept, interpolation=cv2.INTER_AREA)

    def shown(self, kept: Raw) -> Image:
        """See `Pixels`."""
        return kept


def small_size(size: Size, width: int) -> Size:
    """`size` in its proportions and with even sides, no wider than `width` px."""
    if size.width <= width:
        return size
    return Size(width - width % 2, max(2, round(size.height * width / size.width / 2) * 2))


def _planes(picture: Picture, size: Size) -> tuple[Raw, Raw, Raw]:
    """Views of Y, U and V."""
    flat, luma = picture.reshape(-1), size.width * size.height
    half = (size.height // 2, size.width // 2)
    chroma = luma // 4
    return (
        flat[:luma].reshape(size.height, size.width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )
