"""The canvas in main memory. It works in the frame's own slot of the ring: nothing is copied that need not be."""

import math
from collections.abc import Iterator

import cv2
import numpy as np

from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Matrix, Picture, Size
from livecam.vision.blend import Blender
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.warp import Outline, Warper, outline, span

_BLUR_GROWTH = 0.15
# A face is left as this many blocks across: far below what people or networks recognise.
_BLUR_BLOCKS = 8
# Painting goes through the frame in bands: they stay in the processor's cache, and hug a turned face.
_BAND_ROWS = 128


class CpuCanvas:
    """A `Canvas` over NumPy arrays. Owns its working memory, the frame's slot is borrowed; one thread."""

    def __init__(self) -> None:
        self._pixels: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._blend = Blender()
        self._warp = Warper()
        self._scratch = Scratch()

    def load(self, frame: Frame) -> None:
        """Take the frame's image as the working image, without a copy."""
        self._pixels = frame.image

    @property
    def pixels(self) -> Image:
        """The working image, (H, W, 3) u8 BGR: the frame's own memory, valid until the next `load`."""
        return self._pixels

    def crop(self, matrix: Matrix, size: Size, out: Image) -> Image:
        """Warp the working image by `matrix` (frame px to crop px) into `out`, (h, w, 3) u8 of `size`; edges repeat.

        Raises:
            ValueError: `out` has another size, or the matrix is singular.
        """
        if out.shape != size.image_shape:
            raise ValueError(f"A crop of {size} does not fit memory of shape {out.shape}.")
        return self._warp(self._pixels, matrix, out)

    def paint(self, crop: Image, mask: Image, matrix: Matrix) -> None:
        """Put `crop`, (h, w, 3) u8, back where `crop()` with `matrix` took it from, where `mask`, (h, w) u8, says.

        Only what the mask covers is touched. The crop is multiplied by its mask before it is warped, and goes through
        one warp of four channels with what the mask leaves of the frame: OpenCV warps four channels in half the time
        of three, and a crop has fewer pixels than the face in a frame.
        """
        left, top, width, height = cv2.boundingRect(mask)
        if width == 0:
            return
        part = np.s_[top : top + height, left : left + width]
        layer = self._layer(crop[part], mask[part])
        to_layer = matrix.copy()
        to_layer[:, 2] -= (left, top)
        for box in self._bands(outline(to_layer, -1, width, height)):
            self._lay(layer, to_layer, box)

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

    def mark(self) -> None:
        """Nothing: what discloses pictures marks them in the same memory."""

    def store(self, out: Picture) -> None:
        """Write the whole working image into `out`, (H * 3 / 2, W) u8 I420: BT.601, limited range."""
        cv2.cvtColor(self._pixels, cv2.COLOR_BGR2YUV_I420, dst=out)

    def _layer(self, image: Image, mask: Image) -> Image:
        """(h, w, 4) u8: `image` times `mask`, and as the fourth channel what `mask` leaves of what lies below."""
        product = self._scratch("product", image.shape, np.uint8)
        layer = self._scratch("layer", (*mask.shape, 4), np.uint8)
        kept = self._scratch("kept", mask.shape, np.uint8)
        cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR, dst=product)
        cv2.multiply(image, product, dst=product, scale=1 / 255)
        cv2.cvtColor(product, cv2.COLOR_BGR2BGRA, dst=layer)
        cv2.insertChannel(cv2.bitwise_not(mask, dst=kept), layer, 3)
        return layer

    def _lay(self, layer: Image, matrix: Matrix, box: tuple[int, int, int, int]) -> None:
        """Lay `layer` over `box` of the working image, px: left, top, right, bottom.

        Beyond its edges the layer is nothing, and what lies below is kept. `matrix` maps frame px to px of `layer`.
        """
        left, top, right, bottom = box
        under = self._pixels[top:bottom, left:right]
        from_under = matrix.copy()
        from_under[:, 2] += matrix[:, :2] @ (left, top)
        shape = under.shape[:2]
        warped = self._scratch("warped", (*shape, 4), np.uint8)
        image = self._scratch("image", under.shape, np.uint8)
        kept, alpha = self._scratch("under", under.shape, np.uint8), self._scratch("alpha", shape, np.uint8)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(layer, from_under, shape[::-1], dst=warped, flags=flags, borderValue=(0, 0, 0, 255))
        cv2.cvtColor(cv2.extractChannel(warped, 3, dst=alpha), cv2.COLOR_GRAY2BGR, dst=kept)
        cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR, dst=image)
        cv2.multiply(under, kept, dst=kept, scale=1 / 255)
        cv2.add(image, kept, dst=under)

    def _bands(self, shape: Outline) -> Iterator[tuple[int, int, int, int]]:
        """Boxes, px inside the frame, that together cover `shape`: what a turned face needs, not the box around it."""
        rows = [y for _, y in shape]
        top, bottom = max(0, math.floor(min(rows))), min(self._pixels.shape[0], math.ceil(max(rows)))
        for start in range(top, bottom, _BAND_ROWS):
            end = min(start + _BAND_ROWS, bottom)
            low, high = span(shape, start, end - 1)
            if low < high:
                left, _, right, _ = self._whole(Box(low, start, high, end))
                if left < right:
                    yield left, start, right, end

    def _whole(self, box: Box) -> tuple[int, int, int, int]:
        """`box` in whole px, inside the frame."""
        height, width = self._pixels.shape[:2]
        left, top = max(0, math.floor(box.x1)), max(0, math.floor(box.y1))
        return left, top, min(width, math.ceil(box.x2)), min(height, math.ceil(box.y2))
