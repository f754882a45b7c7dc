"""What the paste changes, and above all what it does not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Image
from livecam.studio.framing import Framing, framing_of, resampled
from livecam.studio.paste import paste, paste_light, stamped
from livecam.studio.region import Region, shaped
from livecam.studio.terms import Mask
from livecam.vision.grain import noise_of
from tests.studio.fakes import SIDE, Planned, mesh_face, picture

Spot = tuple[float, float, float, float]
"""x, y, height and turn of a face."""


def scene(width: int, height: int, spot: Spot) -> tuple[Image, Framing, Region]:
    image = picture(width, height)
    face = mesh_face(*spot)
    faces = Planned(face, hole=np.s_[50:54, 20:108])
    framing = faces.framing
    return image, framing, shaped(faces.region(framing.crop(image), framing.moved(face)))


def reached(mask: Mask, framing: Framing, shape: tuple[int, ...]) -> np.ndarray:
    """Where any of `mask`, widened by rounding, can lie in the picture."""
    size, back = (shape[1], shape[0]), framing.back(0, 0)
    return resampled(mask, back, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) > 0


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(64, 401), st.integers(64, 301)),
    st.tuples(st.floats(-40, 440), st.floats(-40, 340), st.floats(17, 500), st.floats(-180, 180)),
    st.integers(0, 2**32 - 1),
)
def test_outside_the_mask_every_bit_stays(size: tuple[int, int], spot: Spot, seed: int) -> None:
    """Wherever the face lies, however large or turned it is, whatever a model made of it, in pictures of any side."""
    image, framing, region = scene(*size, spot)
    before = image.copy()
    made = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    outside = ~reached(region.face, framing, image.shape)
    light = np.random.default_rng(seed).normal(0, 30, (SIDE, SIDE)).astype(np.float32)
    for after in (paste(image, made, framing, region), paste_light(image, light, framing, region)):
        assert after.shape == image.shape
        assert after.dtype == np.uint8
        np.testing.assert_array_equal(after[outside], image[outside])
    np.testing.assert_array_equal(image, before, "the picture is only read")


def test_inside_the_face_is_the_new_one() -> None:
    image, framing, region = scene(320, 240, (160, 120, 100, 15))
    made = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    whole = reached((region.light == 255).astype(np.uint8) * 255, framing, image.shape)
    changed = (paste(image, made, framing, region) != image).any(axis=2)
    assert changed[whole].mean() > 0.95


def test_glasses_stay_to_the_bit() -> None:
    image, framing, region = scene(320, 240, (160, 120, 100, 0))
    frame = np.zeros((SIDE, SIDE), np.uint8)
    frame[51:53, 22:106] = 255
    glasses = resampled(frame, framing.back(0, 0), (320, 240), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) == 255
    made = np.full((SIDE, SIDE, 3), 255, np.uint8)
    assert glasses.sum() > 50
    np.testing.assert_array_equal(paste(image, made, framing, region)[glasses], image[glasses])


def test_what_was_not_changed_looks_unchanged() -> None:
    image, framing, region = scene(320, 240, (160, 120, 100, 10))
    after = paste(image, framing.crop(image), framing, region)
    assert float(np.abs(after.astype(int) - image).mean()) < 0.5


def test_a_face_in_other_colours_takes_on_the_pictures_and_leaves_no_seam() -> None:
    image, framing, region = scene(320, 240, (160, 120, 120, 0))
    tinted = np.clip(framing.crop(image) + np.array([-30, 10, 40]), 0, 255).astype(np.uint8)
    apart = paste(image, tinted, framing, region).astype(int) - image
    assert float(np.abs(apart).mean(axis=(0, 1)).max()) < 1.5
    assert int(np.abs(apart).max()) < 20


def test_light_goes_over_slowly_at_the_edge() -> None:
    """The picture's light comes from the left, the new face's from the right: nowhere is there a step."""
    falls = np.linspace(160, 80, 300)
    image = np.asarray(np.broadcast_to(falls[None, :, None], (300, 300, 3)), np.uint8)
    face = mesh_face(150, 150, 160)
    framing = Planned(face).framing
    region = shaped(Planned(face).region(framing.crop(image), framing.moved(face)))
    made = np.ascontiguousarray(framing.crop(image)[:, ::-1])
    steps = []
    for each in (region, replace(region, light=region.texture)):
        row = paste(image, made, framing, each)[150, :, 0].astype(int)
        assert np.abs(row - image[150, :, 0]).max() > 15
        steps.append(int(np.abs(np.diff(row)).max()))
    assert steps[0] <= 0.6 * steps[1]


@pytest.mark.parametrize("height", [150.0, 400.0])
def test_the_grain_of_the_picture_goes_on_over_the_face(height: float) -> None:
    clean = cv2.GaussianBlur(picture(640, 640), (0, 0), 6)
    noisy = np.clip(clean + np.random.default_rng(5).normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    framing = framing_of(mesh_face(320, 320, height), SIDE)
    face = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(face, (64, 64), 40, 255, -1)
    region = shaped(face)
    after = paste(noisy, framing.crop(np.asarray(clean, np.uint8)), framing, region)
    inside = resampled(region.light, framing.back(0, 0), (640, 640), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    full = np.where(inside >= 254, 255, 0).astype(np.uint8)
    own, new = noise_of(noisy, full), noise_of(after, full)
    assert own is not None
    assert new is not None
    assert new == pytest.approx(own, rel=0.3)


def test_a_face_of_4k_keeps_the_pictures_size_and_is_sharpened_towards_it() -> None:
    image = picture(1600, 1200)
    framing = framing_of(mesh_face(800, 600, 900), SIDE)
    assert framing.scale < 0.1
    face = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(face, (64, 64), 40, 255, -1)
    after = paste(image, framing.crop(image), framing, shaped(face))
    assert after.shape == image.shape
    assert (after[600, 700:900] != image[600, 700:900]).any()


def test_what_lies_wholly_outside_the_picture_changes_nothing() -> None:
    image, framing, region = scene(100, 100, (-900, -900, 100, 0))
    np.testing.assert_array_equal(paste(image, np.zeros((SIDE, SIDE, 3), np.uint8), framing, region), image)
    np.testing.assert_array_equal(paste_light(image, np.ones((SIDE, SIDE), np.float32), framing, region), image)


def test_light_alone_leaves_the_colours() -> None:
    image, framing, region = scene(320, 240, (160, 120, 100, 10))
    after = paste_light(image, np.full((SIDE, SIDE), 9, np.float32), framing, region)
    apart = after.astype(int) - image
    assert apart.max() == 9
    assert (np.ptp(apart, axis=2) == 0).all()


@pytest.mark.parametrize("side", [64, 128, 512])
def test_the_word_test_is_large_and_about_the_face(side: int) -> None:
    grey = np.full((side, side, 3), 128, np.uint8)
    five = framing_of(mesh_face(), side).moved(mesh_face()).landmarks.five
    rows, columns = np.nonzero((stamped(grey, five) != grey).any(axis=2))
    assert columns.max() - columns.min() > 0.3 * side
    assert abs((rows.min() + rows.max()) / 2 - five[:, 1].mean()) < 0.05 * side
    at_the_edge = stamped(grey, np.zeros((5, 2), np.float32))
    assert at_the_edge.shape == grey.shape
