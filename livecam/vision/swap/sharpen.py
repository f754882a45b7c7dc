"""The enhancer in the chain: a swapped crop, moved into the enhancer's own crop, sharpened there, and blended."""

from typing import Final, NamedTuple

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points, Size
from livecam.core.geometry import compose, invert
from livecam.core.seams import Canvas
from livecam.vision.blend import Blender
from livecam.vision.enhance import Enhancer, blended
from livecam.vision.mask.box import box_mask

# Of a matrix that changes nothing: far below a hundredth of a pixel in any crop.
_NOTHING: Final = 1e-6
# From px of a picture to px of one of half its side, as `cv2.resize` has it: pixels are squares, not points.
_HALF: Final = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]])


class Painting(NamedTuple):
    """What is to be painted.

    Attributes:
        image: (S, S, 3) u8 BGR.
        mask: (S, S) u8: where.
        matrix: Frame px to crop px.
    """

    image: Image
    mask: Image
    matrix: Matrix


class Sharpener:
    """Runs an enhancer over swapped crops. Owns its memory; one thread.

    Args:
        enhancer: What sharpens.
        swap_side: Of the swapped crops, px.
        box_blur: 0..1, of the box mask of the enhancer's crop.
    """

    def __init__(self, enhancer: Enhancer, swap_side: int, box_blur: float) -> None:
        self._enhancer = enhancer
        self._box = box_mask(enhancer.side, box_blur)
        self._whole = _Join(swap_side, enhancer.side)
        self._half = _Join(swap_side, enhancer.side // 2)
        self._sharp = np.empty_like(self._whole.picture)

    def __call__(self, canvas: Canvas[Image], swap: Painting, crop: Image, five: Points, blend: float) -> Painting:
        """`swap` in the enhancer's crop, sharpened.

        It goes from crop to crop by the composed matrix, never through the frame. The network sees it in its
        surroundings; what is painted is still no more than the swap's mask shows.

        Args:
            canvas: Only read.
            swap: The swapped crop.
            crop: The wearer's crop it was made of, at its place and size; only read.
            five: Where the face is, (5, 2) f32 px of the frame.
            blend: 0..1, how much of the sharpened face is shown.

        Returns:
            Memory of its own, valid until the next call.

        Raises:
            ContractError: The enhancer gave rubbish.
            EngineError: The enhancer failed.
        """
        matrix = self._enhancer.matrix(five)
        joined = self._joined(canvas, swap, crop, matrix)
        self._enhancer(joined.picture, self._sharp)
        cv2.min(joined.mask, self._box, dst=joined.mask)
        # What is hidden by the mask need not be right.
        left, top, width, height = cv2.boundingRect(joined.mask)
        part = np.s_[top : top + height, left : left + width]
        blended(self._sharp[part], joined.picture[part], blend, self._sharp[part])
        return Painting(self._sharp, joined.mask, matrix)

    def _joined(self, canvas: Canvas[Image], swap: Painting, crop: Image, matrix: Matrix) -> "_Join":
        """The enhancer's crop with the swap in it, and the swap's mask there.

        A swapped crop that has to grow to more than twice its size is joined at half of the enhancer's: it holds no
        more than that, and the join takes half of the time (1.1 in place of 1.9 ms for 128 px in 512).
        """
        join = compose(matrix, invert(swap.matrix))
        whole, half = self._whole, self._half
        if swap.image.shape == whole.picture.shape and np.abs(join - np.eye(2, 3)).max() < _NOTHING * len(crop):
            # Both networks take the very same crop, as with GPEN 256 after HyperSwap 256.
            np.copyto(whole.picture, crop)
            np.copyto(whole.mask, swap.mask)
            whole.lay(swap.image)
        elif abs(np.linalg.det(join[:, :2])) < 4.0:
            whole.move(canvas, swap, matrix)
        else:
            half.move(canvas, swap, compose(_HALF, matrix))
            size = whole.size
            cv2.resize(half.picture, size, dst=whole.picture, interpolation=cv2.INTER_LINEAR)
            cv2.resize(half.mask, size, dst=whole.mask, interpolation=cv2.INTER_LINEAR)
        return whole


class _Join:
    """A crop of the frame with a swapped crop laid in. Owns its memory.

    Args:
        swap_side: Of the swapped crop, px.
        side: Of this crop, px.
    """

    def __init__(self, swap_side: int, side: int) -> None:
        self.size = Size(side, side)
        self.picture = np.empty(self.size.image_shape, np.uint8)
        self.mask = np.empty((side, side), np.uint8)
        # Image and mask are moved as one: OpenCV warps four planes in half the time of three.
        self._packed = np.empty((swap_side, swap_side, 4), np.uint8)
        self._moved = np.empty((side, side, 4), np.uint8)
        self._image = np.empty_like(self.picture)
        self._wide = np.empty_like(self.mask)
        self._blend = Blender()

    def move(self, canvas: Canvas[Image], swap: Painting, matrix: Matrix) -> None:
        """Fill picture and mask; `matrix` maps frame px to px of this crop."""
        cv2.merge([swap.image, swap.mask], dst=self._packed)
        # Beyond the crop's border, where its mask is zero at the latest, nothing is shown.
        join = compose(matrix, invert(swap.matrix))
        cv2.warpAffine(self._packed, join, self.size, dst=self._moved, flags=cv2.INTER_LINEAR)
        cv2.extractChannel(self._moved, 3, dst=self.mask)
        cv2.cvtColor(self._moved, cv2.COLOR_BGRA2BGR, dst=self._image)
        canvas.crop(matrix, self.size, self.picture)
        self.lay(self._image)

    def lay(self, image: Image) -> None:
        """Lay `image` over the picture by the mask.

        The mask fades the result in once more when it is painted; so the fading here is done by its half, in its
        outer part.
        """
        cv2.add(self.mask, self.mask, dst=self._wide)
        self._blend(self.picture, image, self._wide)
