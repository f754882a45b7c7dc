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
    grid = Grid.around(vertices[:468], 8, SHAPE, 256).by_px
    maker = MaskMaker(TOPOLOGY, Scratch())
    oval = maker.oval(vertices, grid)
    return oval, maker.soft(vertices, grid, oval, 220)


def over(height: float, grid: Grid, value: int = 255) -> Image:
    """The mask of a frontal face on `grid`, whose triangles are all trusted by `value`."""
    maker, vertices = MaskMaker(TOPOLOGY, Scratch()), TOPOLOGY.extend(points_of(neutral(), height=height))
    out, trusted = np.empty((grid.height, grid.width), np.uint8), np.full((grid.rows, grid.columns), value, np.uint8)
    maker.over(out, vertices, grid, maker.oval(vertices, grid), trusted, height)
    return out


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


@pytest.mark.parametrize("step", [1, 2])
def test_the_edge_of_a_small_face_is_as_fine_whatever_its_cells(step: int) -> None:
    fine, grid = Grid(120, 40, 240, 256, 1), Grid(120, 40, 240 // step, 256 // step, step)
    np.testing.assert_array_equal(over(220, grid), over(220, fine))
    assert np.abs(np.diff(over(220, grid)[128].astype(int))).max() < 60


@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_is_not_trusted_is_not_shown(step: int) -> None:
    grid = Grid(0, 0, -(-SHAPE[1] // step), -(-SHAPE[0] // step), step)
    assert over(220, grid).max() == 255
    assert over(220, grid, 51).max() == 51
    assert over(220, grid, 0).max() == 0


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
