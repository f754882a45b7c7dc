import numpy as np
import pytest

from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.skin import skin_mask
from livecam.vision.mesh.source import prepare
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY
from tests.vision.mesh.drawn import drawn_identity, neutral, picture_of, points_of

BIG = (520, 600, 3)


def test_levels_shrink_by_steps_and_the_right_one_is_chosen() -> None:
    identity = drawn_identity()
    heights = [level.face_px for level in identity.levels]
    assert heights == sorted(heights, reverse=True)
    assert identity.level(heights[1] * 0.9) is identity.levels[1]
    assert identity.level(10_000) is identity.levels[0]
    assert identity.level(1) is identity.levels[-1]


def test_texture_shows_the_photo_at_its_vertices() -> None:
    identity = drawn_identity()
    for level in identity.levels[:2]:
        x, y = np.rint(level.vertices[50]).astype(int)
        np.testing.assert_allclose(level.image[y, x, :3], (120, 150, 200), atol=12)
        assert level.image[y, x, 3] > 250


def test_small_faces_are_enlarged_once() -> None:
    points = points_of(neutral(), height=150)
    assert prepare([(picture_of(points), points)]).levels[0].face_px > 300


def test_a_face_at_the_edge_of_the_photo_is_continued() -> None:
    points = points_of(neutral(), height=300, centre=(160, 160))
    identity = prepare([(picture_of(points, shape=(320, 320, 3)), points)])
    assert identity.levels[0].vertices.min() > 0


def test_shape_has_no_pose() -> None:
    shapes = []
    for yaw in (0, 25):
        points = points_of(neutral(), yaw=yaw, height=250)
        shapes.append(prepare([(picture_of(points), points)]).shape)
    assert shapes[0].shape == (LANDMARKS, 3)
    np.testing.assert_allclose(shapes[0], shapes[1], atol=1e-4)


def test_skin_mask_leaves_background_out_and_features_in() -> None:
    points = points_of(neutral(), height=300, centre=(300, 240))
    mask = skin_mask(picture_of(points, shape=BIG), points)
    assert mask[20, 20] == 0
    for row in (50, 280, 468, 13, 9):
        x, y = np.rint(points[row, :2]).astype(int)
        assert mask[y, x] > 240


def test_several_photos_become_one_atlas_in_the_light_of_the_first() -> None:
    photos = []
    for yaw, skin in ((0, (120, 150, 200)), (30, (80, 100, 140)), (-30, (80, 100, 140))):
        points = points_of(neutral(), yaw=yaw, height=300, centre=(300, 240))
        photos.append((picture_of(points, skin, BIG), points))
    several, one = prepare(photos), prepare(photos[:1])
    assert (several.cosines >= np.clip(one.cosines, 0, 1) - 1e-6).all()
    texture = several.levels[0]
    assert face_height(texture.vertices) == texture.face_px
    for row in (50, 280, 151):
        x, y = np.rint(texture.vertices[row]).astype(int)
        np.testing.assert_allclose(texture.image[y, x, :3], (120, 150, 200), atol=20)


def test_no_photo_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        prepare([])


def test_inset_moves_only_the_edge() -> None:
    vertices = TOPOLOGY.extend(points_of(neutral()))
    moved = np.flatnonzero(np.abs(TOPOLOGY.inset(vertices) - vertices).max(axis=1) > 0)
    assert set(moved) <= {*TOPOLOGY.oval.tolist(), *range(LANDMARKS, LANDMARKS + 36)}
    assert len(moved) > 70
