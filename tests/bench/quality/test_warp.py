"""Warp errors of textures whose motion is known."""

import cv2
import numpy as np
import pytest

from livecam.bench.quality.warp import WarpMeter, bgr_of, face_area, flow_in, warp_error
from livecam.core.frame import Image
from tests.bench.quality.meshes import mesh_at

FACE = mesh_at(160, 160, 150)


def texture(seed: int = 0, shift_px: float = 0.0) -> Image:
    """(320, 320, 3) u8: soft spots, moved to the right by `shift_px`."""
    noise = np.random.default_rng(seed).normal(0, 1, (320, 320)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    moved = cv2.warpAffine(soft, np.array([[1, 0, shift_px], [0, 1, 0]], np.float64), (320, 320), flags=cv2.INTER_CUBIC)
    grey = np.clip(128 + 400 * moved, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def test_what_moves_with_the_flow_is_no_error_and_what_does_not_is() -> None:
    area = face_area(FACE, (320, 320))
    last, now = texture(), texture(shift_px=3)
    where = WarpMeter().where(last, now, area.patch)
    assert flow_in(where, area) == pytest.approx(3, abs=0.3)
    assert warp_error(last, now, where, area) < 2
    # A texture that stays while the face moves slides over it.
    assert warp_error(last, last, where, area) > 5 * warp_error(last, now, where, area)


def test_flicker_counts_in_levels_inside_the_face_alone() -> None:
    area = face_area(FACE, (320, 320))
    image = texture()
    where = WarpMeter().where(image, image, area.patch)
    brighter = np.clip(image.astype(np.int16) + 10, 0, 255).astype(np.uint8)
    assert warp_error(image, brighter, where, area) == pytest.approx(10, abs=0.5)
    outside = image.copy()
    outside[:60] = 255
    assert warp_error(image, outside, where, area) == 0


def test_the_area_lies_inside_the_oval_and_the_image() -> None:
    area = face_area(mesh_at(20, 300, 150), (320, 320))
    assert (area.patch.x1, area.patch.y2) == (0, 320)
    assert area.inside.any()
    whole = face_area(FACE, (320, 320))
    rows, columns = np.nonzero(whole.inside)
    assert columns.min() + whole.patch.x1 > FACE[:468, 0].min()
    assert rows.max() + whole.patch.y1 < FACE[:468, 1].max()


def test_colour_is_the_mean_inside() -> None:
    image = np.zeros((320, 320, 3), np.uint8)
    image[100:220, 100:220] = (10, 20, 30)
    image[:50] = 255
    assert face_area(mesh_at(160, 160, 60), image.shape).colour(image).tolist() == [10, 20, 30]


def test_a_picture_is_read_as_it_is_written() -> None:
    image = np.full((64, 64, 3), (40, 120, 200), np.uint8)
    back = bgr_of(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False))
    assert np.abs(back.astype(int) - image).max() <= 3
