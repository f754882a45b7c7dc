"""The enhancer in the chain: a swapped crop with its surroundings, sharpened, and blended."""

from typing import NamedTuple

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points, Size
from livecam.core.geometry import compose, invert, transform
from livecam.core.seams import Canvas
from livecam.vision.blend import Blender
from livecam.vision.enhance import Enhancer, blended
from livecam.vision.mask.box import box_mask
from livecam.vision.steady_texture import SteadyTexture
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.template import Template, points_of


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


class Field(NamedTuple):
    """What an enhancer sees, in px of a swapper's crop: a square of `side` px, from (`left`, `top`) on."""

    side: int
    left: int
    top: int

    def matrix(self, side: int) -> Matrix:
        """From px of the swapper's crop to px of the enhancer's, of `side` px. Pixels are squares: edges fit edges."""
        scale = side / self.side
        edge = (scale - 1) / 2
        return np.array([[scale, 0, edge - scale * self.left], [0, scale, edge - scale * self.top]])


def field_of(swapper: CropSwapper, enhancer: Enhancer) -> Field:
    """The field of `enhancer`, from the two templates.

    They differ by a scale, a shift and hardly any rotation, so the field is the same for every face. It lies where the
    face's own five points would put it to 0.3 % of the crop's side (clips of five people, turned ones too), to which
    come the whole px; and it does not shake against the swapper's crop.
    """
    five = points_of(Template.ARCFACE_128, 128)
    exact = compose(swapper.matrix(five), invert(enhancer.matrix(five)))
    side = round(enhancer.side * float(np.hypot(exact[0, 0], exact[1, 0])))
    middle = exact @ ((enhancer.side - 1) / 2, (enhancer.side - 1) / 2, 1)
    left, top = np.rint(middle - (side - 1) / 2).astype(int).tolist()
    return Field(side, left, top)


class Sharpener:
    """Runs an enhancer over swapped crops. Owns its memory; one thread.

    The frame is cropped once, at the swapper's scale but as wide as both networks see. The swapper's crop is a view of
    that; what was swapped is laid into it, and the whole is resized for the enhancer. Nothing goes back through the
    frame, and the surroundings, which are not painted, are as fine as what lies in them.

    Args:
        enhancer: What sharpens.
        swapper: What swaps.
        box_blur: 0..1, of the box mask of the enhancer's crop.
        steady: Whether texture that the enhancer invents is kept from crawling, by what it invented a frame ago.
    """

    def __init__(self, enhancer: Enhancer, swapper: CropSwapper, box_blur: float, steady: bool = False) -> None:
        field = field_of(swapper, enhancer)
        left, top = min(field.left, 0), min(field.top, 0)
        right, bottom = (max(start + field.side, swapper.side) for start in (field.left, field.top))
        size = Size(right - left, bottom - top)
        self._wide, self._wide_mask = np.empty(size.image_shape, np.uint8), np.zeros(size.image_shape[:2], np.uint8)
        self._size = size
        self._to_wide = np.array([[1.0, 0, -left], [0, 1, -top]])
        self._own = _square(swapper.side, -left, -top)
        self._seen = _square(field.side, field.left - left, field.top - top)
        self._to_fine = field.matrix(enhancer.side)
        self._enhancer = enhancer
        self._box = box_mask(enhancer.side, box_blur)
        self._plain, self._sharp = (np.empty((enhancer.side, enhancer.side, 3), np.uint8) for _ in range(2))
        self._detail = np.zeros((enhancer.side, enhancer.side, 3), np.int16)
        self._sharpened: tuple[slice, slice] | None = None
        self._mask, self._faded = np.zeros_like(self._box), np.empty((swapper.side, swapper.side), np.uint8)
        self._blend = Blender()
        self._texture = SteadyTexture(enhancer.side, self._five(swapper)) if steady else None

    def crop(self, canvas: Canvas[Image], matrix: Matrix) -> Image:
        """The swapper's crop, for `matrix`, frame px to its px: a view, valid until this or `__call__` is called."""
        canvas.crop(compose(self._to_wide, matrix), self._size, self._wide)
        return self._wide[self._own]

    def __call__(self, swap: Painting, blend: float, follows: bool = False) -> Painting:
        """What was made of the last `crop`, sharpened.

        What is painted is no more than the swap's mask shows.

        Args:
            swap: The swapped crop.
            blend: 0..1, how much of the sharpened face is shown.
            follows: Whether the last call was of the same face in the same persona, as much sharpened.

        Returns:
            Memory of its own, valid until the next call.

        Raises:
            ContractError: The enhancer gave rubbish.
            EngineError: The enhancer failed.
        """
        self._join(swap)
        self._enhancer(self._plain, self._sharp)
        part = self._sharpened = self._shown()
        blended(self._sharp[part], self._plain[part], blend, self._sharp[part])
        if self._texture is not None:
            if not follows:
                self._texture.reset()
            self._texture(self._sharp, self._plain)
        return Painting(self._sharp, self._mask, compose(self._to_fine, swap.matrix))

    def carry(self, swap: Painting) -> Painting:
        """What was made of the last `crop`, with the detail that the last `__call__` added: the enhancer is not run.

        The crop is aligned with the face, so that pores and lashes are where they were a frame ago.

        Args:
            swap: The swapped crop, of the same face in the same persona.

        Returns:
            As `__call__`.
        """
        if self._sharpened is not None:
            part, self._sharpened = self._sharpened, None
            self._detail.fill(0)
            cv2.subtract(self._sharp[part], self._plain[part], dst=self._detail[part], dtype=cv2.CV_16S)
        self._join(swap)
        part = self._shown()
        cv2.add(self._plain[part], self._detail[part], dst=self._sharp[part], dtype=cv2.CV_8U)
        return Painting(self._sharp, self._mask, compose(self._to_fine, swap.matrix))

    def compared(self) -> tuple[Image, Image]:
        """What the last `__call__` was given and what it made of it, (S, S, 3) u8 BGR each: the caller's own copies.

        They differ only where something is shown.
        """
        plain, sharp, part = self._plain.copy(), self._plain.copy(), self._shown()
        sharp[part] = self._sharp[part]
        return plain, sharp

    def _five(self, swapper: CropSwapper) -> Points:
        """(5, 2) f32 px of the enhancer's crop: where eyes, nose tip and mouth corners lie."""
        five = points_of(Template.ARCFACE_128, 128)
        return transform(compose(self._to_fine, swapper.matrix(five)), five)

    def _shown(self) -> tuple[slice, slice]:
        """The part that the mask shows; what it hides need not be right."""
        left, top, width, height = cv2.boundingRect(self._mask)
        return slice(top, top + height), slice(left, left + width)

    def _join(self, swap: Painting) -> None:
        """Write the swap in its surroundings, and its mask, at the enhancer's size.

        The mask fades the result in once more when it is painted; so the fading here is done by its half, in its
        outer part.
        """
        cv2.add(swap.mask, swap.mask, dst=self._faded)
        self._blend(self._wide[self._own], swap.image, self._faded)
        side = self._box.shape
        cv2.resize(self._wide[self._seen], side, dst=self._plain, interpolation=cv2.INTER_LINEAR)
        if not np.array_equal(self._wide_mask[self._own], swap.mask):
            # A mask of the box alone stays as it is from frame to frame.
            np.copyto(self._wide_mask[self._own], swap.mask)
            cv2.resize(self._wide_mask[self._seen], side, dst=self._mask, interpolation=cv2.INTER_LINEAR)
            cv2.min(self._mask, self._box, dst=self._mask)


def _square(side: int, left: int, top: int) -> tuple[slice, slice]:
    """The rows and columns of a square."""
    return slice(top, top + side), slice(left, left + side)
