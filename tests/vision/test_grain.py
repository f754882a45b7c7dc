import math

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision import grain as grain_module
from livecam.vision.grain import LARGEST, Grain, GrainPattern, noise_of
from livecam.vision.step import Step

PATTERN = GrainPattern()
SHAPE = (320, 260, 3)
FULL = np.full(SHAPE[:2], 255, np.uint8)
RANDOM = np.random.default_rng(4)


def skin() -> Image:
    """Shaded, and without any grain."""
    x = np.linspace(110, 150, SHAPE[1])
    return np.broadcast_to(x[None, :, None], SHAPE).astype(np.uint8).copy()


def seen_by_camera(sigma: float) -> Image:
    noise = cv2.GaussianBlur(RANDOM.normal(0, sigma, SHAPE[:2]), (0, 0), 0.8)[:, :, None]
    seen: Image = np.clip(skin() + noise, 0, 255).astype(np.uint8)
    return seen


def noise(image: Image) -> float:
    found = noise_of(image, FULL)
    assert found is not None
    return found


def grained(sigma: float, share: float = 1.0, left: int = 30, top: int = 20) -> Image:
    painted = skin()
    Grain(PATTERN, share)(painted, seen_by_camera(sigma), FULL, left, top)
    return painted


@pytest.mark.parametrize("sigma", [6.0, 12.0])
def test_a_smooth_face_gets_the_cameras_grain(sigma: float) -> None:
    wanted, got = noise(seen_by_camera(sigma)), noise(grained(sigma))
    assert got == pytest.approx(wanted, rel=0.15)
    assert noise(skin()) < 0.3 * wanted


def test_half_of_it_when_half_is_asked_for_and_none_for_none() -> None:
    whole, half = noise(grained(12.0)), noise(grained(12.0, 0.5))
    assert half == pytest.approx(whole / 2, rel=0.2)
    np.testing.assert_array_equal(grained(12.0, 0.0), skin())


def test_what_has_grain_enough_gets_none() -> None:
    painted = seen_by_camera(9.0)
    before = painted.copy()
    Grain(PATTERN, 1.0)(painted, seen_by_camera(5.0), FULL, 0, 0)
    np.testing.assert_array_equal(painted, before)


def test_grain_that_nobody_sees_is_left_out() -> None:
    np.testing.assert_array_equal(grained(12.0, 0.1), skin())


def test_the_colour_stays() -> None:
    np.testing.assert_allclose(grained(12.0).mean(axis=(0, 1)), skin().mean(axis=(0, 1)), atol=0.3)


def test_grain_stands_still_in_the_frame() -> None:
    """Nothing of it changes from frame to frame, and it does not travel with the face's box."""
    grain = Grain(PATTERN, 1.0)
    first, second = skin(), skin()
    grain(first, seen_by_camera(9.0), FULL, 30, 20)
    for _ in range(20):
        second = skin()
        grain(second, seen_by_camera(9.0), FULL, 30, 20)
    np.testing.assert_array_equal(first, second)
    aside = np.full(SHAPE, 128, np.uint8)
    plain = aside.copy()
    grain(plain, seen_by_camera(9.0), FULL, 30, 20)
    grain(aside, seen_by_camera(9.0), FULL, 37, 23)
    np.testing.assert_array_equal(aside[:-3, :-7], plain[3:, 7:])


def test_another_face_is_measured_anew() -> None:
    grain = Grain(PATTERN, 1.0)
    grain(skin(), seen_by_camera(12.0), FULL, 0, 0)
    grain.reset()
    painted = skin()
    grain(painted, skin(), FULL, 0, 0)
    np.testing.assert_array_equal(painted, skin())


def test_the_first_frames_of_another_face_are_not_measured_and_the_third_is(monkeypatch: pytest.MonkeyPatch) -> None:
    grain, measured = Grain(PATTERN, 1.0), list[int]()
    first = skin()
    grain(first, seen_by_camera(12.0), FULL, 0, 0)
    grain.renew()

    def counted(image: Image, inside: Image) -> float | None:
        measured.append(number)
        return noise_of(image, inside)

    monkeypatch.setattr(grain_module, "noise_of", counted)
    for number in range(4):
        painted = skin()
        grain(painted, skin(), FULL, 0, 0)
        np.testing.assert_array_equal(painted, first if number < 2 else skin())
    assert measured == [2, 2]


def test_too_little_face_and_too_large_a_face_are_left_alone() -> None:
    painted = skin()
    Grain(PATTERN, 1.0)(painted, seen_by_camera(12.0), np.zeros_like(FULL), 0, 0)
    np.testing.assert_array_equal(painted, skin())
    large = np.full((LARGEST + 8, 64, 3), 99, np.uint8)
    Grain(PATTERN, 1.0)(large, large.copy(), np.full(large.shape[:2], 255, np.uint8), 0, 0)
    assert (large == 99).all()


def test_a_face_cut_by_the_frame_is_grained_too() -> None:
    painted = skin()
    Grain(PATTERN, 1.0)(painted, seen_by_camera(12.0)[:-5, :-3], FULL, 600, 900)
    assert noise(painted) > 3 * noise(skin())


def grains_at(fps: int, looks: int, step: Step | None = None) -> list[float]:
    """How strong the grain is by the end of each stretch of 8 / 15 s, after the picture's own became stronger."""
    grain, (weak, strong) = Grain(PATTERN, 1.0), (seen_by_camera(sigma) for sigma in (8.0, 30.0))
    found, per_stretch = [], 8 * fps // 15
    for frame in range(11 + looks * per_stretch):
        painted = skin()
        # It is measured in the third frame, and in every eighth from there on.
        grain(painted, weak if frame < 11 else strong, FULL, 0, 0, step or Step(30 / fps))
        found.append(noise(painted))
    return [found[10 + stretch * per_stretch] for stretch in range(1, looks + 1)]


@pytest.mark.parametrize("fps", [15, 60])
def test_grain_is_followed_in_the_same_time_at_every_frame_rate(fps: int) -> None:
    """Found now and then, and left as it is for as long as it is nearly right."""
    got, wanted = (grains_at(each, 4) for each in (fps, 30))
    assert wanted[-1] > 1.3 * wanted[0] > 1.3 * noise(grained(8.0))
    np.testing.assert_allclose(got, wanted, rtol=0.16)


def test_grain_after_a_gap_is_as_measured_and_a_frame_that_came_twice_changes_nothing() -> None:
    still, once = grains_at(30, 1, Step(0.0)), grains_at(30, 1, Step(math.inf))
    assert still == pytest.approx([noise(grained(8.0))], rel=0.05)
    assert once == pytest.approx([noise(grained(30.0))], rel=0.05)
