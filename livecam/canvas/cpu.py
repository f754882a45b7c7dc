"""The canvas in main memory. It works in the frame's own slot of the ring: nothing is copied that need not be."""

import cv2
import numpy as np

from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Matrix, Picture, Size
from livecam.core.geometry import invert, transform
from livecam.vision.blend import Blender

_BLUR_GROWTH = 0.15
# A face is left as this many blocks across: far below what people or networks recognise.
_BLUR_BLOCKS = 8


class CpuCanvas:
    """A `Canvas` over NumPy arrays. Owns its working memory, the frame's slot is borrowed; one thread."""

    def __init__(self) -> None:
        self._pixels: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._blend = Blender()
        self._crop = np.empty((0, 0, 3), dtype=np.uint8)

    def load(self, frame: Frame) -> None:
        """Take the frame's image as the working image, without a copy."""
        self._pixels = frame.image

    @property
    def pixels(self) -> Image:
        """The working image, (H, W, 3) u8 BGR: the frame's own memory, valid until the next `load`."""
        return self._pixels

    def crop(self, matrix: Matrix, size: Size, out: Image) -> Image:
        """Warp the working image by `matrix` (frame px to crop px) into `out`, (h, w, 3) u8; edges repeat."""
        cv2.warpAffine(self._pixels, matrix, size, dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return out

    def paint(self, crop: Image, mask: Image, matrix: Matrix) -> None:
        """Put `crop` back where `crop()` with `matrix` took it from, where `mask`, (h, w) u8, says."""
        left, top, right, bottom = self._footprint(crop, matrix)
        if right <= left or bottom <= top:
            return
        moved = matrix.copy()
        moved[:, 2] += matrix[:, :2] @ (left, top)
        size = (right - left, bottom - top)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(crop, moved, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(mask, moved, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
        self._blend(self._pixels[top:bottom, left:right], image, alpha)  # type: ignore[arg-type]

    def patch(self, image: Image, alpha: Image, left: int, top: int) -> None:
        """Blend `image`, (h, w, 3) u8, over the working image at (left, top) by `alpha`, (h, w) u8."""
        height, width = self._pixels.shape[:2]
        x1, y1 = max(0, left), max(0, top)
        x2, y2 = min(width, left + image.shape[1]), min(height, top + image.shape[0])
        if x2 <= x1 or y2 <= y1:
            return
        cut = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
        self._blend(self._pixels[y1:y2, x1:x2], image[cut], alpha[cut])

    def blur(self, box: Box) -> None:
        """Make what is inside `box`, grown a little, unrecognisable: a few blocks are left of it, softened."""
        left, top, right, bottom = self._whole(box.grown(_BLUR_GROWTH))
        if right <= left or bottom <= top:
            return
        view = self._pixels[top:bottom, left:right]
        height, width = view.shape[:2]
        scale = _BLUR_BLOCKS / max(height, width)
        blocks = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(view, blocks, interpolation=cv2.INTER_AREA)
        cv2.resize(small, (width, height), dst=view, interpolation=cv2.INTER_LINEAR)

    def store(self, out: Picture) -> None:
        """Write the whole working image into `out`, (H * 3 / 2, W) u8 I420: BT.601, limited range."""
        cv2.cvtColor(self._pixels, cv2.COLOR_BGR2YUV_I420, dst=out)

    def _footprint(self, crop: Image, matrix: Matrix) -> tuple[int, int, int, int]:
        """Left, top, right and bottom px of what `crop` covers in the frame, inside it."""
        height, width = crop.shape[:2]
        corners = np.array([[-1, -1], [width, -1], [width, height], [-1, height]], dtype=np.float32)
        spots = transform(invert(matrix), corners)
        return self._whole(Box(*spots.min(axis=0).tolist(), *spots.max(axis=0).tolist()))

    def _whole(self, box: Box) -> tuple[int, int, int, int]:
        """`box` in whole px, inside the frame."""
        height, width = self._pixels.shape[:2]
        left, top = max(0, int(np.floor(box.x1))), max(0, int(np.floor(box.y1)))
        return left, top, min(width, int(np.ceil(box.x2))), min(height, int(np.ceil(box.y2)))
