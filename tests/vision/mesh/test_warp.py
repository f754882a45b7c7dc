import numpy as np

from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mesh.warp import Warper, affines_between, affines_to
from tests.vision.mesh.drawn import neutral, points_of


def test_affines_map_every_corner_to_its_place() -> None:
    shown = TOPOLOGY.extend(points_of(neutral(), yaw=25))
    sampled = TOPOLOGY.extend(points_of(neutral(), height=400))
    along_x, along_y, origin = affines_between(shown, sampled, TOPOLOGY.corners)
    for rows in TOPOLOGY.corners:
        place = along_x * shown[rows, :1] + along_y * shown[rows, 1:2] + origin
        np.testing.assert_allclose(place, sampled[rows, :2], atol=0.05)


def test_affines_to_several_places_are_those_to_each() -> None:
    shown, *sampled = (TOPOLOGY.extend(points_of(neutral(), yaw=yaw)) for yaw in (25, 0, -10))
    for affines, place in zip(affines_to(shown, sampled, TOPOLOGY.corners), sampled, strict=True):
        np.testing.assert_array_equal(affines, affines_between(shown, place, TOPOLOGY.corners))


def test_affines_of_a_triangle_without_area_are_finite() -> None:
    shown = np.zeros((3, 2), np.float32)
    corners = tuple(np.array([k], np.int32) for k in range(3))
    assert np.isfinite(affines_between(shown, shown + 1, (corners[0], corners[1], corners[2]))).all()


def test_affines_to_itself_are_the_identity() -> None:
    shown = TOPOLOGY.extend(points_of(neutral()))
    along_x, along_y, origin = affines_between(shown, shown, TOPOLOGY.corners)
    inner = slice(0, TOPOLOGY.skin)
    np.testing.assert_allclose(along_x[inner], np.broadcast_to([1, 0], along_x[inner].shape), atol=1e-4)
    np.testing.assert_allclose(along_y[inner], np.broadcast_to([0, 1], along_y[inner].shape), atol=1e-4)
    np.testing.assert_allclose(origin[inner], 0, atol=1e-2)


def test_coarse_evaluates_the_map_of_the_triangle_seen() -> None:
    affines = np.zeros((3, 2, 2), np.float32)
    affines[:, 0] = [[2, 0], [0, 3], [10, 20]]
    affines[:, 1] = [[0, 1], [1, 0], [5, 5]]
    seen = np.array([[0, 1], [1, 0]])
    out = Warper(8, Scratch()).coarse("m", affines, seen)
    np.testing.assert_allclose(out, [[[10, 20], [5, 6]], [[6, 5], [12, 23]]])


def test_coarse_of_a_window_equals_the_window_of_the_whole() -> None:
    rng = np.random.default_rng(1)
    affines = rng.random((3, 5, 2), np.float32)
    seen = rng.integers(0, 5, (9, 8))
    warper = Warper(16, Scratch())
    whole = warper.coarse("whole", affines, seen).copy()
    part = warper.coarse("part", affines, seen[3:7, 2:6], (2, 3))
    np.testing.assert_allclose(part, whole[3:7, 2:6], rtol=1e-6)


def test_places_between_cells_sample_between() -> None:
    affines = np.random.default_rng(2).random((3, 4, 2), np.float32)
    seen, x, y = np.array([[2, 1], [0, 3]]), np.array([5.5, 2.0], np.float32), np.array([7.25, 1.0], np.float32)
    out = Warper(8, Scratch()).sampled("m", affines, seen, x, y)
    for row, column in np.ndindex(2, 2):
        along_x, along_y, origin = affines[:, seen[row, column]]
        np.testing.assert_allclose(out[row, column], along_x * x[column] + along_y * y[row] + origin, rtol=1e-5)


def test_fine_continues_a_linear_map_at_pixel_centres() -> None:
    columns = np.arange(6, dtype=np.float32) * 4 + 1.5
    coarse = np.dstack(np.meshgrid(columns, columns))
    fine = Warper(8, Scratch()).fine("f", np.ascontiguousarray(coarse), 4)
    np.testing.assert_allclose(fine[10, 4:20, 0], np.arange(4, 20), atol=1e-3)


def test_scratch_lends_the_same_memory_until_it_must_grow() -> None:
    scratch = Scratch()
    first = scratch("a", (10, 10), np.float32)
    again = scratch("a", (11, 11), np.float32)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(scratch("b", (10, 10), np.float32), again)
    assert scratch("a", (100, 100), np.float32).shape == (100, 100)
