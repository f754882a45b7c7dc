"""Pictures on their way into a diffusers pipeline and out of it, and what both see of a likeness."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch

from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import similarity
from livecam.errors import StudioError
from livecam.studio.terms import Likeness, Mask, Step
from livecam.vision.template import Template, points_of

__all__ = ["Tell", "aligned", "from_pipeline", "sketch", "tell", "to_mask", "to_pipeline"]

Tell: TypeAlias = Callable[[object, int, object, Mapping[str, object]], Mapping[str, object]]
"""What diffusers calls ``callback_on_step_end``."""

_GREY: Final = 128


def to_pipeline(*images: Image) -> torch.Tensor:
    """(N, 3, H, W) f32 RGB 0..1 of `images`, each (H, W, 3) u8 BGR and of one size, as a pipeline takes them."""
    stacked = np.stack([image[:, :, ::-1] for image in images])
    return torch.from_numpy(np.ascontiguousarray(stacked)).permute(0, 3, 1, 2).float() / 255


def to_mask(mask: Mask) -> torch.Tensor:
    """(1, 1, H, W) f32 0..1 of `mask`, (H, W) u8, as a pipeline takes it."""
    return torch.from_numpy(np.array(mask))[None, None].float() / 255


def from_pipeline(picture: npt.NDArray[np.float32]) -> Image:
    """(H, W, 3) u8 BGR from a pipeline's ``np`` output, (H, W, 3) f32 RGB 0..1.

    Raises:
        StudioError: It holds no numbers, as happens where half precision does not suffice for a network.
    """
    if not np.isfinite(picture).all():
        raise StudioError("The picture holds values that are not numbers.", "Try another --seed, or --device cpu.")
    return np.ascontiguousarray((picture[:, :, ::-1] * 255).round().astype(np.uint8))


def tell(step: Step, total: int) -> Tell:
    """A pipeline's callback that tells `step` how many of `total` are done; what `step` raises ends the pipeline."""

    def told(_pipeline: object, index: int, _timestep: object, given: Mapping[str, object]) -> Mapping[str, object]:
        step(index + 1, total)
        return given

    return told


def aligned(likeness: Likeness, count: int, side: int) -> tuple[Image, ...]:
    """The best `count` photos, each upright, with the head filling it: (side, side, 3) u8 BGR."""
    target = points_of(Template.FFHQ_512, side)
    faces = zip(likeness.photos[:count], likeness.fives[:count], strict=True)
    return tuple(_warped(photo, similarity(five, target), side) for photo, five in faces)


def sketch(likeness: Likeness, five: Points, side: int) -> Image:
    """The best photo's head on grey where `five`, (5, 2) f32 px, says: (side, side, 3) u8 BGR.

    Where nobody looked what of the photo is head, all of the photo is there.

    It tells a base that has no landmark network where the head is to be, how large, and how inclined; not how turned,
    for a similarity cannot turn a head.
    """
    photo = likeness.photos[0]
    matrix = similarity(likeness.fives[0], five)
    shown = likeness.regions[0] if likeness.regions else np.full(photo.shape[:2], 255, np.uint8)
    inside = _warped(shown, matrix, side, cv2.BORDER_CONSTANT)
    head = _warped(photo, matrix, side)
    return np.where(inside[:, :, None] > 127, head, np.full_like(head, _GREY))


def _warped(image: Image, matrix: Matrix, side: int, border: int = cv2.BORDER_REPLICATE) -> Image:
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # Fewer pixels than half: what is not averaged first would alias.
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        across, down = (full / less for full, less in zip(image.shape[1::-1], small.shape[1::-1], strict=True))
        # Pixels are counted by their middles.
        grown = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
        return np.asarray(
            cv2.warpAffine(small, matrix @ grown, (side, side), flags=cv2.INTER_LINEAR, borderMode=border), np.uint8
        )
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=border), np.uint8)
