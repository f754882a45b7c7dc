import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.mesh.mask import MaskMaker, confidence
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY, facing
from tests.vision.mesh.drawn import SHAPE, neutral, points_of


def soft_of(yaw: float, centre: tuple[float, float] = (240, 180)) -> tuple[Image, Image]:
    vertices = TOPOLOGY.extend(points_of(neutral(), yaw=yaw, centre=centre))
    grid = Grid.around(vertices[:468], 8, SHAPE, 256)
    maker = MaskMaker(TOPOLOGY, Scratch())
    oval = maker.oval(vertices, grid)
    return oval, maker.soft(vertices, grid, oval, 220)


@pytest.mark.parametrize("yaw", [0, 25, -40])
def test_soft_mask_is_zero_outside_the_oval_and_full_in_the_middle(yaw: float) -> None:
    oval, soft = soft_of(yaw)
    assert (soft[oval == 0] == 0).all()
    middle = cv2.erode(oval, np.ones((31, 31), np.uint8)) == 255
    assert middle.any()
    assert (soft[middle] == 255).all()


def test_soft_mask_has_no_hard_edge() -> None:
    _, soft = soft_of(0)
    row = soft[soft.shape[0] // 2].astype(int)
    assert np.abs(np.diff(row)).max() < 60


def test_the_edge_of_the_frame_does_not_soften() -> None:
    _, soft = soft_of(0, centre=(240, 300))
    assert soft[-1, soft.shape[1] // 2] == 255


def test_confidence_is_full_for_the_same_view_and_falls_for_a_slanted_photo() -> None:
    front = facing(TOPOLOGY, TOPOLOGY.extend(points_of(neutral())))
    turned = facing(TOPOLOGY, TOPOLOGY.extend(points_of(neutral(), yaw=50)))
    skin = TOPOLOGY.skin
    same = confidence(front, front, skin)
    assert (same[:skin][front[:skin] > 0.2] == 255).all()
    assert (confidence(turned, front, skin)[:skin] == 0).any()
    assert (confidence(turned, front, skin)[skin:] == 255).all()


def test_what_a_turned_face_hides_fades_before_it_vanishes() -> None:
    front = facing(TOPOLOGY, TOPOLOGY.extend(points_of(neutral())))
    turned = facing(TOPOLOGY, TOPOLOGY.extend(points_of(neutral(), yaw=45)))
    skin = TOPOLOGY.skin
    plain, half, faded = (confidence(front, turned, skin, turn).astype(int) for turn in (30, 38, 45))
    grazing, plainly_seen = turned[:skin] < 0.1, turned[:skin] > 0.35
    np.testing.assert_array_equal(plain, confidence(front, turned, skin))
    assert (plain[:skin][grazing] == 255).any()
    assert (faded[:skin][grazing] < 70).all()
    assert ((half > faded) & (half < plain))[:skin].any()
    np.testing.assert_array_equal(faded[:skin][plainly_seen], plain[:skin][plainly_seen])
    assert (faded[skin:] == 255).all()
