"""The label on stills: read as on live pictures, and no other px is touched."""

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image, Size
from livecam.privacy.label import Label
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.label_still import TEST, labelled, marked_test

SIZES = [Size(1280, 720), Size(720, 1280), Size(513, 385), Size(128, 128)]


def still(size: Size) -> Image:
    noise = np.random.default_rng(2).integers(0, 256, size.image_shape).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)


@pytest.mark.parametrize("size", SIZES[:3], ids=str)
def test_the_label_is_read_on_a_still(size: Size) -> None:
    seen = LabelReader(["AI MODIFIED"])(np.asarray(cv2.cvtColor(labelled(still(size), "AI MODIFIED"), 6), np.uint8))
    assert seen is not None
    assert seen.text == "AI MODIFIED"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_only_its_box_changes_and_the_still_that_was_given_does_not(size: Size) -> None:
    before = still(size)
    kept = before.copy()
    left, top, width, height = Label(size, "KI").box
    outside = np.ones(size.image_shape[:2], bool)
    outside[top : top + height, left : left + width] = False
    after = labelled(before, "KI")
    assert np.array_equal(before, kept)
    assert np.array_equal(after[outside], before[outside])
    assert (after[~outside] != before[~outside]).mean() > 0.5


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_test_plate_lies_at_the_bottom_left_beside_the_label(size: Size) -> None:
    before = still(size)
    changed = np.argwhere((marked_test(before) != before).any(axis=2))
    (first_y, first_x), (last_y, last_x) = changed.min(axis=0), changed.max(axis=0)
    assert first_x < size.width * 0.1
    assert last_y >= size.height * 0.9
    assert last_x < size.width * 0.7
    assert first_y > size.height * 0.5
    assert not np.array_equal(marked_test(before), labelled(before, TEST))
