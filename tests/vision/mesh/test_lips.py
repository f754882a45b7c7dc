import cv2
import numpy as np
import pytest

from livecam.core.frame import Image, Points
from livecam.vision.mesh.lips import line_between, parted
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.drawn import neutral, points_of

UPPER, LOWER = TOPOLOGY.lip_pair
HEIGHT = 220.0
NOWHERE = np.zeros((36, 2), np.float32)
EDGE = np.array((146, 91, 181, 84, 17, 314, 405, 321, 375))
OTHERS = np.setdiff1d(np.arange(TOPOLOGY.vertices), np.concatenate(TOPOLOGY.lip_pair))


def face(gap: float) -> Points:
    """Vertices of a face whose inner lips lie so many face heights apart."""
    shape = neutral()
    shape[UPPER] = shape[LOWER] = (shape[UPPER] + shape[LOWER]) / 2
    points = points_of(shape)
    points[LOWER, 1] += gap * HEIGHT
    return TOPOLOGY.extend(points)


def gap_left_out(gap: float) -> float:
    """Px of the texture of a shut mouth between the lips that are drawn around one that is open by `gap`."""
    texture = face(0.0)[:, :2]
    moved = parted(texture, NOWHERE, face(gap), HEIGHT)
    return float((moved[LOWER, 1] - moved[UPPER, 1]).mean())


def test_a_shut_mouth_shows_where_its_lips_meet() -> None:
    texture = face(0.0)[:, :2]
    assert parted(texture, NOWHERE, face(0.003), HEIGHT) is texture


def test_an_open_mouth_shows_lips_without_the_line_between_them_and_the_more_the_wider() -> None:
    left_out = [gap_left_out(gap) for gap in (0.0, 0.008, 0.014, 0.05)]
    assert left_out[0] == 0
    assert left_out == sorted(left_out)
    assert left_out[3] > 0.01 * HEIGHT
    assert gap_left_out(0.1) == pytest.approx(left_out[3])


def test_nothing_else_of_the_texture_moves_nor_does_the_persona_itself() -> None:
    texture = face(0.0)[:, :2]
    before = texture.copy()
    moved = parted(texture, NOWHERE, face(0.1), HEIGHT)
    np.testing.assert_array_equal(texture, before)
    np.testing.assert_array_equal(moved[OTHERS], before[OTHERS])


def test_each_lip_stays_within_itself() -> None:
    """No row is drawn beyond the middle of its own lip: 0 and 17 are the outer edges, 13 and 14 the inner ones."""
    texture = face(0.0)[:, :2]
    moved = parted(texture, NOWHERE, face(0.1), HEIGHT)
    assert texture[0, 1] < moved[13, 1] < texture[13, 1]
    assert texture[14, 1] < moved[14, 1] < texture[17, 1]


def pictured(texture: Points, share: float) -> Image:
    """(H, W, 3) u8: a lower lip that is dark from its inner landmarks on, for `share` of the way to its edge."""
    inner, edge = texture[LOWER], texture[EDGE]
    image = np.full((360, 480, 3), 140, np.uint8)
    dark = np.concatenate([inner - (0, 8), (inner + share * (edge - inner))[::-1]])
    cv2.fillPoly(image, [np.rint(dark).astype(np.int32)], (30, 30, 30))
    return image


def test_a_wide_mouth_shows_the_lower_lip_from_where_it_begins_in_the_photo() -> None:
    texture = face(0.0)[:, :2]
    away = line_between(pictured(texture, 0.5), texture)
    moved = parted(texture, away, face(0.2), HEIGHT)
    middle = slice(2, 7)
    beyond = (moved[LOWER] - texture[LOWER])[middle, 1] / (texture[EDGE] - texture[LOWER])[middle, 1]
    assert (beyond > 0.45).all()
    assert (beyond < 0.7).all()
    np.testing.assert_allclose(moved[EDGE[middle]], texture[EDGE[middle]], atol=1e-3)
    order = moved[[14, 15, 16, 17], 1]
    assert (np.diff(order) > 0).all()


def test_a_mouth_that_is_little_open_keeps_what_is_seen_between_the_lips() -> None:
    texture = face(0.0)[:, :2]
    away = line_between(pictured(texture, 0.5), texture)
    np.testing.assert_array_equal(
        parted(texture, away, face(0.04), HEIGHT), parted(texture, NOWHERE, face(0.04), HEIGHT)
    )


def test_a_lip_without_a_dark_line_loses_no_more_of_it_than_a_little() -> None:
    texture = face(0.0)[:, :2]
    away = line_between(np.full((360, 480, 3), 140, np.uint8), texture)
    moved = parted(texture, away, face(0.2), HEIGHT)
    beyond = (moved[14, 1] - texture[14, 1]) / (texture[17, 1] - texture[14, 1])
    assert beyond == pytest.approx(0.27, abs=0.01)
