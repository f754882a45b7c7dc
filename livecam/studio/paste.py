"""Puts a face that was made anew into the picture, at the picture's own resolution."""

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import compose
from livecam.privacy.lettering import lettered
from livecam.studio.framing import Framing, resampled
from livecam.studio.light import Floats, light_apart, matched, textured
from livecam.studio.region import Region
from livecam.studio.terms import Mask

_TEST = "TEST"
# Of the square's side: height of the letters, and the width that they may take.
_HEIGHT, _WIDTH = 0.14, 0.44
_INK, _EDGE = 235, 20


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the picture that the square reaches.

    Attributes:
        size: Width and height, px.
        back: From px of the square to px of the part.
    """

    size: tuple[int, int]
    back: Matrix

    def image(self, made: Image) -> Image:
        """`made`, (S, S, 3) u8 of the square, in the part's px."""
        return resampled(made, self.back, self.size, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)

    def mask(self, mask: Mask) -> Mask:
        """`mask`, (S, S) u8 of the square, in the part's px; 0 where the square does not reach."""
        return resampled(mask, self.back, self.size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)

    def light(self, cells: Floats, side: int) -> Floats:
        """`cells`, (C, C) or (C, C, 3) f32 over a square of `side` px, in the part's px."""
        step = side / len(cells)
        cell = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2]])
        border = cv2.BORDER_REPLICATE
        wide = cv2.warpAffine(cells, compose(self.back, cell), self.size, flags=cv2.INTER_LINEAR, borderMode=border)
        return np.asarray(wide, np.float32)


def paste(image: Image, made: Image, framing: Framing, region: Region) -> Image:
    """`image` with `made` where `region` says; a new picture. Every other pixel is the picture's own, to the bit.

    Two bands (Burt and Adelson 1983): texture goes over at once, light slowly; both fade inside the region.

    Args:
        image: (H, W, 3) u8 BGR, only read.
        made: (S, S, 3) u8 BGR: the square, with the face made anew.
        framing: Where the square lies.
        region: What of it is shown.
    """
    out = image.copy()
    left, top, right, bottom = framing.inside(image)
    if right <= left or bottom <= top:
        return out
    crop = framing.crop(image)
    made = matched(made, crop, region.face)
    part = _Part((right - left, bottom - top), framing.back(left, top))
    under, shown = image[top:bottom, left:right], part.mask(region.texture)
    over = textured(part.image(made), under, shown, 1 / framing.scale)
    light = part.light(light_apart(made, crop, region.face), framing.side)
    _blend(out[top:bottom, left:right], over, light, shown, part.mask(region.light))
    return out


def paste_light(image: Image, light: Floats, framing: Framing, region: Region) -> Image:
    """`image` with `light` added where `region` says; a new picture. Its colours, and all else, stay as they are.

    Args:
        image: (H, W, 3) u8 BGR, only read.
        light: (S, S) f32 levels of luma.
        framing: Where the square lies.
        region: What of it may change.
    """
    out = image.copy()
    left, top, right, bottom = framing.inside(image)
    if right <= left or bottom <= top:
        return out
    part = _Part((right - left, bottom - top), framing.back(left, top))
    shown = part.mask(region.texture)
    added = part.light(light, framing.side) * (shown.astype(np.float32) / 255)
    target, inside = out[top:bottom, left:right], shown > 0
    # The same for blue, green and red: that is luma alone.
    target[inside] = np.clip(np.rint(target[inside] + added[inside][:, None]), 0, 255).astype(np.uint8)
    return out


def stamped(made: Image, five: Points) -> Image:
    """`made` with the word TEST across its face; a new picture.

    Args:
        made: (S, S, 3) u8 BGR.
        five: Where the face is, (5, 2) f32 px.
    """
    side = len(made)
    ink = lettered(_TEST, max(8, round(_HEIGHT * side)), max(16, round(_WIDTH * side)))
    middle = five.mean(axis=0)[::-1] - np.array(ink.shape) / 2
    top, left = np.clip(middle, 0, side - np.array(ink.shape)).astype(int).tolist()
    plane = np.zeros((side, side), np.uint8)
    plane[top : top + len(ink), left : left + ink.shape[1]] = ink
    reach = 2 * max(1, side // 128) + 1
    around = np.asarray(cv2.dilate(plane, np.ones((reach, reach), np.uint8)), np.uint8)
    out = made.astype(np.float32)
    for cover, level in ((around, _EDGE), (plane, _INK)):
        share = cover[:, :, None].astype(np.float32) / 255
        out += (level - out) * share
    return np.rint(out).astype(np.uint8)


def _blend(target: Image, over: Image, light: Floats, texture: Mask, slow: Mask) -> None:
    """Lay `over` over `target`, in place, where `texture` is not 0.

    With d the difference of the two and l that of their light, what is added is ``texture (d - l) + slow l``.
    """
    shown = texture > 0
    soon = texture.astype(np.float32) / 255
    late = slow.astype(np.float32) / 255
    for channel in range(target.shape[2]):
        plane = target[:, :, channel]
        apart = over[:, :, channel].astype(np.float32) - plane
        laid = plane + apart * soon + light[:, :, channel] * (late - soon)
        plane[shown] = np.clip(np.rint(laid[shown]), 0, 255).astype(np.uint8)
