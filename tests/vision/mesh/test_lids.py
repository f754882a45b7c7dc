from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Image, Points
from livecam.core.settings import Settings
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.lids import LidCloser, lids_of
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.source import MeshIdentity, prepare
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.drawn import SHAPE, SKIN, face_of, frame_of, neutral, persona_of, picture_of, points_of


def wide_eyed(lids: float = 0.03) -> Points:
    """The landmarks of a face whose lids lie so many face heights apart, less when negative: shut."""
    shape = neutral()
    for upper, lower in TOPOLOGY.lid_pairs:
        middle = (shape[upper] + shape[lower]) / 2
        half = np.maximum((shape[lower] - shape[upper])[:, 1:2], 0.02) * [0, lids / 0.03, 0] / 2
        shape[upper], shape[lower] = middle - half, middle + half
    return points_of(shape, height=260.0)


POINTS = wide_eyed()
IDENTITY = prepare([(picture_of(POINTS), POINTS)])
WITHOUT = replace(IDENTITY, levels=tuple(replace(level, lids=()) for level in IDENTITY.levels))


def worn(points: Points, identity: MeshIdentity) -> Image:
    image = picture_of(points)
    canvas = CpuCanvas()
    canvas.load(frame_of(image))
    MeshSwapper(grain=0.0)(canvas, face_of(points), persona_of(identity), Settings(shape=0.0))
    return image


def around_eyes(image: Image, points: Points) -> list[Image]:
    boxes = []
    for eye in TOPOLOGY.eyes:
        (left, top), (right, bottom) = points[eye, :2].min(axis=0) - 6, points[eye, :2].max(axis=0) + 6
        boxes.append(image[int(top) : int(bottom), int(left) : int(right)])
    return boxes


def test_a_closed_eye_shows_skin_and_lashes_and_fades_into_the_photo() -> None:
    texture = IDENTITY.levels[0]
    assert len(texture.lids) == 2
    for lid, eye in zip(texture.lids, TOPOLOGY.eyes, strict=True):
        share = lid.image[:, :, 3]
        middle = np.rint(texture.vertices[eye].mean(axis=0) - (lid.left, lid.top)).astype(int)
        assert share[middle[1], middle[0]] == 255
        assert max(share[0].max(), share[-1].max(), share[:, 0].max(), share[:, -1].max()) == 0
        shown = lid.image[share > 180][:, :3].astype(int)
        np.testing.assert_allclose(np.percentile(shown, 80, axis=0), SKIN, atol=20)
        assert shown.max() < 225, "no white of the eye"


@pytest.mark.parametrize("share", [0.0, 0.09])
def test_shut_eyes_show_no_white(share: float) -> None:
    points = wide_eyed(share * 0.03)
    brightest = [
        [float(np.percentile(box.min(axis=2), 99.5)) for box in around_eyes(worn(points, identity), points)]
        for identity in (IDENTITY, WITHOUT)
    ]
    assert max(brightest[0]) < 170
    assert min(brightest[1]) > 200, "without lids the white shines through"


def test_open_eyes_are_the_photos() -> None:
    np.testing.assert_array_equal(worn(POINTS, IDENTITY), worn(POINTS, WITHOUT))


def test_closing_eyes_go_over_from_one_to_the_other() -> None:
    texture = IDENTITY.levels[0]
    size = texture.image.shape[1::-1]
    where = np.stack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size)), axis=2)
    grid = Grid(0, 0, size[0], size[1], 1)
    shown = TOPOLOGY.extend(POINTS)
    shown[:, :2] = texture.vertices
    lid, (upper, lower) = texture.lids[0], TOPOLOGY.lid_pairs[0]
    spot = np.s_[lid.top + lid.image.shape[0] // 2, lid.left + lid.image.shape[1] // 2]
    levels, masks = [], []
    for share in (1.0, 0.12, 0.1, 0.0):
        closing = shown.copy()
        middle = (shown[upper] + shown[lower]) / 2
        closing[upper] = middle + (shown[upper] - middle) * share
        closing[lower] = middle + (shown[lower] - middle) * share
        warped = texture.image.copy()
        LidCloser(Scratch())(warped, where, closing, grid, texture.lids)
        levels.append(float(warped[spot][:3].astype(int).sum()))
        masks.append(warped[:, :, 3])
    assert levels[0] == texture.image[spot][:3].astype(int).sum()
    assert levels[1] > levels[0]
    colours = lid.image[lid.image.shape[0] // 2, lid.image.shape[1] // 2].astype(float)
    made_up = colours[3] / 255
    assert levels[-1] == pytest.approx(made_up * colours[:3].sum() + (1 - made_up) * levels[0], abs=4)
    assert levels == sorted(levels)
    for mask in masks:
        np.testing.assert_array_equal(mask, texture.image[:, :, 3])


def test_eyes_of_a_few_px_are_left() -> None:
    small = cv2.resize(IDENTITY.levels[0].image, (60, 72)).astype(np.uint8, copy=False)
    assert lids_of(small, (POINTS[:, :2] * (60 / SHAPE[1])).astype(np.float32)) == ()


@pytest.mark.parametrize("seed", range(6))
def test_vertices_that_are_no_face_do_no_harm(seed: int) -> None:
    """What is read from a file may be anything finite."""
    random = np.random.default_rng(seed)
    image = IDENTITY.levels[-1].image
    vertices = random.uniform(-1, 2, (TOPOLOGY.vertices, 2)) * (image.shape[1], image.shape[0]) * (1, 40)[seed % 2]
    for lid in lids_of(image, vertices.astype(np.float32)):
        assert lid.image.shape[2] == 4


@pytest.mark.parametrize("centre", [(35.0, 180.0), (445.0, 30.0)])
def test_eyes_cut_by_the_edge_of_the_frame_are_closed_too(centre: tuple[float, float]) -> None:
    points = wide_eyed(0.0)
    points[:, :2] += np.array(centre, np.float32) - (240, 180)
    assert worn(points, IDENTITY).shape == SHAPE
