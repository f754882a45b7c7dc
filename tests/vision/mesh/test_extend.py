import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.vision.mesh.extend import extended
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.skin import skin_mask
from livecam.vision.mesh.source import prepare
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.drawn import SKIN, neutral, picture_of, points_of

HAIR = (30, 25, 20)
POINTS = points_of(neutral(), height=300.0, centre=(300.0, 240.0))


def with_hair() -> Image:
    """A drawn face whose temple, at the image's left, lies under dark hair."""
    image = picture_of(POINTS, shape=(520, 600, 3))
    edge = round(float(POINTS[TOPOLOGY.oval, 0].min() + 0.1 * face_height(POINTS)))
    image[:, :edge] = HAIR
    return image


def textured(image: Image) -> Image:
    return np.dstack([image, skin_mask(image, POINTS)])


def oval(points: Points, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(points[TOPOLOGY.oval, :2]).astype(np.int32)], 1)
    return mask > 0


def test_hair_over_the_face_becomes_skin_that_is_shown() -> None:
    before = textured(with_hair())
    after = extended(before, POINTS)
    inside = oval(POINTS, before.shape)
    covered = inside & (before[:, :, 3] == 0)
    assert covered.sum() > 2000
    assert (after[inside][:, 3] > 250).all()
    assert np.abs(after[covered][:, :3].astype(int) - SKIN).max() < 40


def test_what_shows_skin_is_left_alone() -> None:
    before = textured(with_hair())
    after = extended(before, POINTS)
    shown = before[:, :, 3] == 255
    assert shown.sum() > 10000
    np.testing.assert_array_equal(after[shown], before[shown])


def test_nothing_far_from_the_face_changes() -> None:
    before = textured(with_hair())
    after = extended(before, POINTS)
    grown = cv2.dilate(oval(POINTS, before.shape).astype(np.uint8), np.ones((61, 61), np.uint8)) > 0
    np.testing.assert_array_equal(after[~grown], before[~grown])


def test_brows_do_not_bleed_into_the_temples() -> None:
    """Skin is continued from skin: from cheek and forehead, not from the dark brow that lies nearer."""
    image = with_hair()
    brow = np.rint(POINTS[[70, 63, 105, 66, 107], :2]).astype(np.int32)
    cv2.polylines(image, [brow], False, HAIR, 9)
    before = textured(image)
    after = extended(before, POINTS)
    covered = oval(POINTS, before.shape) & (before[:, :, 3] == 0)
    assert np.abs(after[covered][:, :3].astype(int) - SKIN).max() < 40


def test_a_photo_without_any_skin_is_left_as_it_is() -> None:
    nothing = np.zeros((520, 600, 4), np.uint8)
    np.testing.assert_array_equal(extended(nothing, POINTS), nothing)


def test_a_prepared_persona_shows_all_of_its_face() -> None:
    for photos in ([(with_hair(), POINTS)], [(with_hair(), POINTS)] * 2):
        texture = prepare(photos).levels[0]
        inside = oval(texture.vertices, texture.image.shape)
        assert (texture.image[inside][:, 3] > 240).all()
