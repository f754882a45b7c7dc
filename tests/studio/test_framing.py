"""The square around a face: level, centred, with room; and what is cut out of the picture for it."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Face, Landmarks, Topology
from livecam.core.geometry import transform
from livecam.errors import StudioError
from livecam.studio.framing import CONTEXT, Framing, framing_of, resampled
from tests.studio.fakes import mesh_face, picture


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(30, 900), st.sampled_from([64, 128, 1024]))
def test_a_face_is_level_in_the_middle_and_has_its_room(degrees: float, height: float, side: int) -> None:
    face = mesh_face(500, 400, height, degrees)
    framing = framing_of(face, side)
    inside = framing.moved(face).landmarks
    across = inside.five[1] - inside.five[0]
    assert abs(math.degrees(math.atan2(across[1], across[0]))) < 1
    low, high = inside.points.min(axis=0), inside.points.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, (side - 1) / 2, atol=side / 100)
    assert float((high - low).max()) * CONTEXT == pytest.approx(side, rel=0.02)


def test_the_way_back_is_the_inverse() -> None:
    framing = framing_of(mesh_face(degrees=30), 128)
    spots = np.array([[3, 7], [100, 50]], np.float32)
    there = transform(framing.back(10, 20), spots)
    np.testing.assert_allclose(transform(framing.matrix, there + np.array([10, 20], np.float32)), spots, atol=1e-3)


def test_of_a_mesh_and_of_its_five_points_alone_the_squares_are_much_alike() -> None:
    face = mesh_face(height=200, degrees=20)
    few = Face(face.box, Landmarks(face.landmarks.five, Topology.FIVE), np.zeros(5, np.float32), 1.0, 1)
    whole, guessed = framing_of(face, 256), framing_of(few, 256)
    assert guessed.scale == pytest.approx(whole.scale, rel=0.25)
    middle = transform(whole.matrix, transform(guessed.back(0, 0), np.array([[127.5, 127.5]], np.float32)))
    assert float(np.abs(middle - 127.5).max()) < 40


def test_beyond_the_edge_the_picture_goes_on_as_it_ends_and_is_not_mirrored() -> None:
    """Mirrored, half a face at the edge would become a whole one, whose landmarks are others."""
    image = picture()
    crop = Framing(np.array([[1.0, 0, 40], [0, 1.0, 30]]), 128).crop(image)
    np.testing.assert_array_equal(crop[30:, 40:], image[:98, :88])
    np.testing.assert_array_equal(crop[30:, 10], image[:98, 0])
    np.testing.assert_array_equal(crop[10, 40:], image[0, :88])


def test_a_large_picture_is_averaged_down_and_not_skipped() -> None:
    """Stripes of one px are grey from afar; a bare interpolation would see them as they happen to fall."""
    stripes = np.zeros((2160, 3840, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = framing_of(mesh_face(1900, 1000, 1500), 256).crop(stripes)
    assert float(np.abs(crop.astype(int) - 128).max()) < 25


def test_where_a_pixel_goes_when_a_picture_shrinks() -> None:
    dot = np.zeros((200, 200), np.uint8)
    dot[90:110, 130:150] = 255
    matrix = np.array([[0.25, 0, 3.0], [0, 0.25, 5.0]])
    small = resampled(dot, matrix, (64, 64), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    rows, columns = np.indices(small.shape)
    weight = small / small.sum()
    expected = transform(matrix, np.array([[139.5, 99.5]], np.float32))[0]
    np.testing.assert_allclose(((columns * weight).sum(), (rows * weight).sum()), expected, atol=0.1)


def test_the_part_that_the_square_reaches_is_inside_the_picture_and_holds_all_of_it() -> None:
    image = picture()
    framing = framing_of(mesh_face(20, 230, 100, 40), 128)
    left, top, right, bottom = framing.inside(image)
    assert 0 <= left < right <= 320
    assert 0 <= top < bottom <= 240
    spots = np.array([[x, y] for x in range(320) for y in range(240)], np.float32)
    seen = transform(framing.matrix, spots)
    within = ((seen > -0.5) & (seen < 127.5)).all(axis=1)
    x, y = spots[within].T
    assert left <= x.min() <= x.max() < right
    assert top <= y.min() <= y.max() < bottom


@pytest.mark.parametrize("height", [0.0, 3.0, 12.0])
def test_a_face_of_a_few_px_is_refused(height: float) -> None:
    with pytest.raises(StudioError, match=r"face"):
        framing_of(mesh_face(height=height), 128)
