"""Pictures and people of the tests: noise, smooth enough to have large shapes."""

from functools import cache

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.studio.terms import Conditions, Likeness, Mask, Slot

SIDE = 64
FIVE = np.array([[22, 25], [42, 25], [32, 35], [25, 45], [39, 45]], np.float32)
ALL = dict.fromkeys(Slot, 1.0)


def photo(seed: int, side: int = SIDE) -> Image:
    """(side, side, 3) u8."""
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (side, side)), np.uint8)


@cache
def person(seed: int, views: int = 1) -> Likeness:
    """Somebody with `views` vectors and one photo."""
    vectors = np.random.default_rng(seed).normal(size=(views, 512)).astype(np.float32)
    return Likeness(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), (photo(seed),), (FIVE,))


def middle() -> Mask:
    """The middle quarter is made anew."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[16:48, 16:48] = 255
    return mask


def of(seed: int, *slots: Slot, views: int = 1) -> Conditions:
    """Somebody by `slots` at full scale."""
    return Conditions(person(seed, views), FIVE, dict.fromkeys(slots, 1.0))
