"""Masks put together: what is replaced is what all of them agree on (MODELS.md F.6)."""

from collections.abc import Sequence

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.mask.masker import Masker
from livecam.vision.mesh.scratch import Scratch


def minimum(masks: Sequence[Image], out: Image) -> Image:
    """Write the element-wise minimum of `masks` into `out` and return it.

    Args:
        masks: At least one, (S, S) u8; `out` may be one of them.
        out: (S, S) u8.

    Raises:
        ValueError: There is no mask.
    """
    if not masks:
        raise ValueError("The minimum of no masks is not defined.")
    least = masks[0]
    for mask in masks[1:]:
        least = cv2.min(least, mask, dst=out)  # type: ignore[assignment]
        if least is not out:
            raise ValueError(f"Masks of {mask.shape} do not fit an out of {out.shape}.")
    if least is not out:
        np.copyto(out, least)
    return out


class MinimumMasker:
    """Several maskers as one: the minimum of what they say. Owns its working memory; one thread.

    Args:
        maskers: At least one.

    Raises:
        ValueError: There is none.
    """

    def __init__(self, maskers: Sequence[Masker]) -> None:
        if not maskers:
            raise ValueError("A minimum needs at least one masker.")
        self._first, *self._rest = maskers
        self._scratch = Scratch()

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`."""
        self._first(crop, out)
        if self._rest:
            other = self._scratch("other", out.shape, np.uint8)
            for masker in self._rest:
                cv2.min(out, masker(crop, other), dst=out)
        return out
