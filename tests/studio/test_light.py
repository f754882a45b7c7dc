"""Colours, sharpness and grain of a new face."""

import cv2
import numpy as np
import pytest

from livecam.studio.light import light_apart, luma, matched, textured
from tests.studio.fakes import SIDE, picture

FACE = np.zeros((SIDE, SIDE), np.uint8)
cv2.ellipse(FACE, (64, 68), (34, 44), 0, 0, 360, (255,), -1)


def test_colours_come_back() -> None:
    crop = picture(SIDE, SIDE)
    tinted = np.clip(crop * 0.8 + np.array([40, 0, -25]), 0, 255).astype(np.uint8)
    apart = matched(tinted, crop, FACE).astype(int) - crop
    assert float(np.abs(apart[FACE > 0].mean(axis=0)).max()) < 2


def test_a_picture_of_anything_is_changed_within_bounds() -> None:
    crop = picture(SIDE, SIDE)
    for made in (np.zeros_like(crop), np.full_like(crop, 255), np.random.default_rng(1).integers(0, 256, crop.shape)):
        out = matched(np.asarray(made, np.uint8), crop, FACE)
        assert float(np.abs(out.astype(int) - made).mean()) < 80


def test_where_there_is_no_face_nothing_is_matched() -> None:
    made = picture(SIDE, SIDE, seed=9)
    np.testing.assert_array_equal(matched(made, picture(SIDE, SIDE), np.zeros_like(FACE)), made)


def test_light_is_that_of_the_face_alone() -> None:
    """Dark glasses, and a wall that is brighter, count for nothing."""
    crop = np.full((SIDE, SIDE, 3), 100, np.uint8)
    made = np.where(FACE[:, :, None] > 0, 110, 250).astype(np.uint8)
    face = FACE.copy()
    face[50:56] = 0
    made[50:56] = 0
    light = light_apart(made, crop, face)
    inside = np.asarray(cv2.resize(face, light.shape[1::-1], interpolation=cv2.INTER_AREA)) == 255
    np.testing.assert_allclose(light[inside], 10, atol=0.01)


def test_luma_is_that_of_the_standard() -> None:
    np.testing.assert_allclose(
        luma(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)), [[29.07, 149.685, 76.245]]
    )


def test_a_face_that_was_enlarged_is_sharpened_within_bounds() -> None:
    """Clean pictures of a few edges: no grain is added that could pass for sharpness."""
    sharp = np.full((SIDE, SIDE, 3), 80, np.uint8)
    cv2.rectangle(sharp, (16, 16), (112, 112), (170, 170, 170), -1)
    cv2.circle(sharp, (64, 64), 16, (60, 60, 60), -1)
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 2.5), np.uint8)
    whole = np.full((SIDE, SIDE), 255, np.uint8)

    def steepest(image: np.ndarray) -> float:
        return float(np.abs(np.diff(luma(image), axis=1)).max())

    assert steepest(textured(soft, sharp, whole, 1.0)) == steepest(soft)
    enlarged = steepest(textured(soft, sharp, whole, 2.0))
    assert 1.1 * steepest(soft) < enlarged < 2 * steepest(soft)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_a_face_as_fine_as_the_picture_stays_about_as_it_is(scale: float) -> None:
    image = picture(SIDE, SIDE)
    whole = np.full((SIDE, SIDE), 255, np.uint8)
    assert float(np.abs(textured(image, image, whole, scale).astype(int) - image).mean()) < 0.5


def test_too_little_to_judge_by_changes_nothing() -> None:
    image, other = picture(12, 12), picture(12, 12, seed=4)
    np.testing.assert_array_equal(textured(image, other, np.full((12, 12), 255, np.uint8), 3.0), image)
