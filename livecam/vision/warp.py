"""Affine warps of colour images, the quick way."""

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix
from livecam.core.geometry import invert, transform
from livecam.vision.mesh.scratch import Scratch

_MARGIN_PX = 2


class Warper:
    """Warps three-channel images. Owns its working memory; one thread.

    OpenCV 5.0 warps four channels in half the time of three, so the part of the image that is seen is given a fourth
    and loses it again: 0.7 ms in place of 1.5 for a crop of 512 px. The two agree within one level.
    """

    def __init__(self) -> None:
        self._scratch = Scratch()

    def __call__(self, image: Image, matrix: Matrix, out: Image) -> Image:
        """Warp `image` into `out`, bilinearly; beyond its edges, `image` goes on as it ends.

        Args:
            image: (H, W, 3) u8, may be a view.
            matrix: From px of `image` to px of `out`.
            out: (h, w, 3) u8, another array.

        Returns:
            `out`.

        Raises:
            ValueError: The matrix is singular.
        """
        left, top, right, bottom = _seen(image, matrix, out)
        part = self._scratch("part", (bottom - top, right - left, 4), np.uint8)
        warped = self._scratch("warped", (*out.shape[:2], 4), np.uint8)
        cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2BGRA, dst=part)
        from_part = matrix.copy()
        from_part[:, 2] += matrix[:, :2] @ (left, top)
        size = out.shape[1::-1]
        cv2.warpAffine(part, from_part, size, dst=warped, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR, dst=out)  # type: ignore[return-value]


def _seen(image: Image, matrix: Matrix, out: Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom px of the part of `image` that `out` shows; at least one px of it."""
    height, width = out.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    spots = transform(invert(matrix), corners)
    ends = np.array(image.shape[1::-1])
    low = np.clip(np.floor(spots.min(axis=0)) - _MARGIN_PX, 0, ends - 1).astype(int)
    high = np.clip(np.ceil(spots.max(axis=0)) + _MARGIN_PX, low + 1, ends).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
