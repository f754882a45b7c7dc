"""Scene cuts: pictures that differ as scenes do, and pictures that differ otherwise."""

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.scene import SceneCut


def scene(seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 1, (90, 160, 3)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 12) * 900
    return np.clip(128 + cv2.resize(blobs, (1280, 720)), 0, 255).astype(np.uint8)


def is_cut(before: Image, after: Image) -> bool:
    cut = SceneCut()
    assert not cut(before)
    return cut(after)


def test_another_scene_is_a_cut() -> None:
    assert all(is_cut(scene(seed), scene(seed + 1)) for seed in range(8))


def test_another_size_is_a_cut_and_a_reset_forgets() -> None:
    assert is_cut(scene(1), scene(1)[:360])
    cut = SceneCut()
    cut(scene(1))
    cut.reset()
    assert not cut(scene(2))


def test_pictures_of_any_size_are_told_apart() -> None:
    for size in ((30, 50), (60, 20), (719, 1279), (1080, 1920)):
        one, other = (cv2.resize(scene(seed), size[::-1]).astype(np.uint8) for seed in (1, 2))
        assert is_cut(one, other)
        assert not is_cut(one, one)


def test_noise_light_and_motion_are_none() -> None:
    image = scene(1)
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    dark = (image * 0.4).astype(np.uint8)
    assert not is_cut(image, noisy)
    assert not is_cut(image, dark)
    assert not is_cut(image, np.roll(image, 60, axis=1))


def test_somebody_who_walks_past_an_even_wall_is_none() -> None:
    wall = np.full((720, 1280, 3), 90, np.uint8)
    cut, cuts = SceneCut(), []
    for x in range(0, 1280, 60):
        image = wall.copy()
        cv2.circle(image, (x, 360), 160, (200, 180, 160), -1)
        cuts.append(cut(image))
    assert not any(cuts)


def test_flat_pictures_are_none() -> None:
    assert not is_cut(np.zeros((720, 1280, 3), np.uint8), np.full((720, 1280, 3), 255, np.uint8))
