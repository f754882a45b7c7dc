import cv2
import numpy as np
import pytest

from livecam.core.frame import Points
from livecam.vision.mesh.raster import Grid, Rasteriser, TriangleMap
from livecam.vision.mesh.topology import TOPOLOGY, facing
from tests.vision.mesh.drawn import SHAPE, neutral, points_of


def draw(yaw: float) -> tuple[TriangleMap, Points, Grid]:
    vertices = TOPOLOGY.extend(points_of(neutral(), yaw=yaw))
    grid = Grid.around(vertices[:468], 8, SHAPE, 256).by_px
    return Rasteriser(TOPOLOGY)(vertices, grid, np.empty((grid.rows, grid.columns), dtype=np.int16)), vertices, grid


def test_frontal_face_shows_nearly_every_triangle() -> None:
    seen, vertices, _ = draw(0)
    x, y = vertices[TOPOLOGY.triangles[: TOPOLOGY.skin], :2].transpose(2, 1, 0)
    area = np.abs((x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])) / 2
    plain = np.flatnonzero((facing(TOPOLOGY, vertices)[: TOPOLOGY.skin] > 0.5) & (area > 6))
    assert len(plain) > 500
    assert np.isin(plain, np.unique(seen)).all()


@pytest.mark.parametrize("yaw", [-60, -40, -20, 20, 40, 60])
def test_no_back_face_is_seen_in_front_of_a_front_face(yaw: float) -> None:
    seen, vertices, grid = draw(yaw)
    cosines = facing(TOPOLOGY, vertices)
    front = np.flatnonzero(cosines[: TOPOLOGY.skin] > 0.3)
    hidden = 0
    for triangle in front.tolist():
        column, row = np.rint(grid.cells(vertices)[TOPOLOGY.triangles[triangle]].mean(axis=0)).astype(int)
        winner = int(seen[row, column])
        hidden += winner >= 0 and winner < TOPOLOGY.skin and cosines[winner] < 0
    assert hidden == 0


def test_nearer_triangles_win_on_a_turned_head() -> None:
    seen, vertices, grid = draw(50)
    depth = vertices[:, 2][TOPOLOGY.triangles].mean(axis=1)
    cells = grid.cells(vertices)
    nose = np.rint(cells[1]).astype(int)
    winner = int(seen[nose[1], nose[0]])
    assert depth[winner] < np.median(depth[: TOPOLOGY.skin])


def test_cells_are_centred_on_their_pixels() -> None:
    grid = Grid(10, 20, 4, 4, 2)
    np.testing.assert_allclose(grid.cells(np.array([[10.5, 20.5], [12.5, 20.5]], np.float32)), [[0, 0], [1, 0]])


@pytest.mark.parametrize(("low", "high"), [((-50, -50), (50, 50)), ((400, 300), (600, 500)), ((100, 100), (300, 250))])
def test_grid_stays_inside_the_frame(low: tuple[int, int], high: tuple[int, int]) -> None:
    grid = Grid.around(np.array([low, high], np.float32), 5, SHAPE, 64)
    assert grid.left >= 0
    assert grid.top >= 0
    assert max(grid.columns, grid.rows) <= 64
    assert grid.left + grid.width < SHAPE[1] + grid.step
    assert grid.top + grid.height < SHAPE[0] + grid.step


@pytest.mark.parametrize(("side", "step"), [(100, 1), (150, 1), (170, 2), (500, 2), (520, 3)])
def test_cells_are_one_px_of_a_small_face_and_more_of_others(side: int, step: int) -> None:
    grid = Grid.around(np.array([[10, 20], [10 + side / 2, 20 + side]], np.float32), 0, (1080, 1920, 3), 256)
    assert grid.step == step
    assert grid.rows == -(-side // step)
    assert grid.by_px == Grid(10, 20, grid.width, grid.height, 1)


def test_grid_of_a_face_outside_the_frame_is_empty() -> None:
    grid = Grid.around(np.array([[900, 100], [990, 200]], np.float32), 5, SHAPE, 64)
    assert grid.columns == 0


@pytest.mark.parametrize("yaw", [-35, 0, 35])
def test_the_face_has_no_holes(yaw: float) -> None:
    seen, vertices, grid = draw(yaw)
    inside = np.zeros(seen.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(grid.cells(vertices[TOPOLOGY.oval])).astype(np.int32)], 1)
    assert (seen[cv2.erode(inside, np.ones((3, 3), np.uint8)) > 0] >= 0).all()


def test_landmarks_far_outside_do_no_harm() -> None:
    vertices = np.random.default_rng(0).uniform(-3000, 3000, (TOPOLOGY.vertices, 3)).astype(np.float32)
    grid = Grid(0, 0, 40, 30, 4)
    seen = Rasteriser(TOPOLOGY)(vertices, grid, np.empty((30, 40), np.int16))
    assert seen.min() >= -1
    assert seen.max() < len(TOPOLOGY.triangles)
