"""From BT.601 to BT.709 between planes: the two matrices by which pictures are stored as luma and chroma.

livecam's pictures are BT.601, which browsers and meeting programs expect of a camera. OBS and most players take an
untagged picture for BT.709, so a stream for them is converted and tagged.
"""

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Picture, Size

BT601: Final = 6
BT709: Final = 1
"""Code points of ITU-T H.273, the same number for primaries, transfer and matrix."""

LIMITED: Final = 1
"""The range 16..235 and 16..240, as FFmpeg counts it."""

_KR_KB = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722)}
_CODES = np.array([219.0, 224.0, 224.0])


class Planes(NamedTuple):
    """The planes of an I420 picture, as views: (H, W), (H / 2, W / 2) and (H / 2, W / 2) u8."""

    luma: Picture
    blue: Picture
    red: Picture

    @classmethod
    def of(cls, picture: Picture, size: Size) -> "Planes":
        """Those of `picture`, (H * 3 / 2, W) u8, contiguous."""
        pixels, flat = size.width * size.height, picture.reshape(-1)
        shape = (size.height // 2, size.width // 2)
        blue, red = flat[pixels : pixels * 5 // 4], flat[pixels * 5 // 4 :]
        return cls(picture[: size.height], blue.reshape(shape), red.reshape(shape))


class ToBt709:
    """Writes BT.601 pictures as BT.709, limited range both. Keeps its buffers; one thread.

    Both store R'G'B' by a matrix, so one takes the other by a matrix too, and in that luma stays as it is but for a
    term in the chroma: everything is computed at the chroma's quarter size. Within 2 of the exact value.

    Args:
        size: Of all pictures.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        half = (size.height // 2, size.width // 2)
        self._chroma = np.empty((*half, 2), np.uint8)
        self._mixed = np.empty((*half, 3), np.uint8)
        self._shift = np.empty(half, np.uint8)
        self._wide = np.empty((size.height, size.width), np.uint8)
        self._matrix = _chroma_matrix()

    def convert(self, picture: Picture, out: Picture) -> None:
        """Write `picture` into `out`; both (H * 3 / 2, W) u8 I420, and not the same."""
        source, target = Planes.of(picture, self._size), Planes.of(out, self._size)
        cv2.merge([source.blue, source.red], dst=self._chroma)
        cv2.transform(self._chroma, self._matrix, dst=self._mixed)
        cv2.split(self._mixed, [self._shift, target.blue, target.red])
        cv2.resize(self._shift, self._size, dst=self._wide, interpolation=cv2.INTER_NEAREST)
        cv2.addWeighted(source.luma, 1.0, self._wide, 1.0, -128.0, dst=target.luma)


def _chroma_matrix() -> npt.NDArray[np.float64]:
    """(3, 3) f64: from (blue, red, 1) to (shift of luma + 128, blue, red), in codes."""
    exact = np.diag(_CODES) @ np.linalg.inv(_to_rgb(BT709)) @ _to_rgb(BT601) @ np.diag(1 / _CODES)
    linear = exact[:, 1:]
    return np.column_stack([linear, 128.0 - linear @ [128.0, 128.0]])


def _to_rgb(standard: int) -> npt.NDArray[np.float64]:
    """(3, 3) f64: from (Y, Pb, Pr) to (R, G, B), all of unit range. ITU-R BT.601-7 2.5.1 and BT.709-6 3.2-3.3."""
    kr, kb = _KR_KB[standard]
    red, blue = (1.0, 0.0, 2 * (1 - kr)), (1.0, 2 * (1 - kb), 0.0)
    green = (np.array([1.0, 0.0, 0.0]) - kr * np.array(red) - kb * np.array(blue)) / (1 - kr - kb)
    return np.array([red, green, blue])
