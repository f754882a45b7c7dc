import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.mask.compose import MinimumMasker, minimum


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (16, 16)).astype(np.uint8)


class Fixed:
    def __init__(self, mask: Image) -> None:
        self._mask = mask

    def __call__(self, crop: Image, out: Image) -> Image:
        np.copyto(out, self._mask)
        return out


@pytest.mark.parametrize("count", [1, 2, 3])
def test_minimum_is_taken_element_by_element(count: int) -> None:
    masks = [noise(seed) for seed in range(count)]
    out = np.empty((16, 16), np.uint8)
    assert minimum(masks, out) is out
    np.testing.assert_array_equal(out, np.min(masks, axis=0))


def test_out_may_be_one_of_the_masks() -> None:
    masks = [noise(0), noise(1)]
    wanted = np.minimum(*masks)
    minimum(masks, masks[1])
    np.testing.assert_array_equal(masks[1], wanted)


def test_no_masks_and_unequal_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="no masks"):
        minimum([], noise(0))
    with pytest.raises(ValueError, match="fit"):
        minimum([noise(0), noise(1)], np.empty((8, 8), np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        MinimumMasker([])


@pytest.mark.parametrize("count", [1, 3])
def test_maskers_are_combined(count: int) -> None:
    masks = [noise(seed) for seed in range(count)]
    out = MinimumMasker([Fixed(mask) for mask in masks])(np.zeros((16, 16, 3), np.uint8), np.empty((16, 16), np.uint8))
    np.testing.assert_array_equal(out, np.min(masks, axis=0))
