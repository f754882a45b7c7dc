"""The landmarker: its square, its merging, and real landmarks that follow a turned, scaled and mirrored picture."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.geometry import transform
from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import ContractError, ModelError
from livecam.vision.mesh.detect import ShortRangeDetector
from livecam.vision.mesh.landmarks import SIDE, MeshFit, MeshLandmarker, Roi
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.scenes import FakeEngine, clip_frames, placed, portrait, turned

REFINED = {"lips": 80, "left_eye": 71, "right_eye": 71, "left_iris": 5, "right_iris": 5}
ROUND_TRIP = 0.02
"""How far a landmark may be from where it should be after a round trip, on average, in heights of the face."""


def answer(value: float = 96.0) -> dict[str, Tensor]:
    """A mesh of which every point is at (value, value, 1), each finer part 1, 2, 3 ... px further right and down."""
    outputs: dict[str, Tensor] = {"mesh": np.full((468, 3), value, np.float32), "presence": np.array([0.7], np.float32)}
    outputs["mesh"][:, 2] = np.arange(468)
    for shift, (name, rows) in enumerate(REFINED.items(), start=1):
        outputs[name] = np.full((rows, 2), value + shift, np.float32)
    return outputs


def engine(outputs: Mapping[str, Tensor], seen: list[Image] | None = None) -> FakeEngine:
    def run(image: Image) -> Mapping[str, Tensor]:
        if seen is not None:
            seen.append(image[0].copy())
        return outputs

    specs = {name: TensorSpec(array.shape, "float32") for name, array in outputs.items()}
    return FakeEngine({"image": TensorSpec((1, SIDE, SIDE, 3), "uint8")}, specs, run)


def noise(height: int = 400, width: int = 500) -> Image:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_square_of_the_networks_size_is_cut_pixel_by_pixel(quarter_turns: int) -> None:
    seen: list[Image] = []
    image = noise()
    MeshLandmarker(engine(answer(), seen))(image, Roi(250, 200, SIDE, quarter_turns * math.pi / 2))
    expected = np.rot90(image[200 - 96 : 200 + 96, 250 - 96 : 250 + 96], quarter_turns)
    # A face turned clockwise by a quarter stands upright when its picture is turned back, anticlockwise.
    np.testing.assert_array_equal(seen[0], expected)


def test_beyond_the_image_its_edge_is_repeated() -> None:
    seen: list[Image] = []
    image = noise()
    MeshLandmarker(engine(answer(), seen))(image, Roi(0, 200, SIDE, 0))
    np.testing.assert_array_equal(seen[0][:, :96], np.repeat(image[104:296, :1], 96, axis=1))


@settings(deadline=None)
@given(st.floats(-100, 1400), st.floats(-100, 800), st.floats(20, 900), st.floats(-math.pi, math.pi))
def test_the_middle_of_the_square_is_where_the_roi_is(x: float, y: float, side: float, roll: float) -> None:
    matrix = Roi(x, y, side, roll).matrix(SIDE)
    middle, right = transform(matrix, np.array([[96, 96], [192, 96]], np.float32))
    np.testing.assert_allclose(middle, [x, y], atol=1e-2)
    np.testing.assert_allclose(right - middle, [side / 2 * math.cos(roll), side / 2 * math.sin(roll)], atol=1e-2)


def test_finer_parts_replace_rows_and_irises_get_the_depth_of_their_eye() -> None:
    roi = Roi(250, 200, SIDE, 0)
    fit = MeshLandmarker(engine(answer()))(noise(), roi)
    points = fit.points
    assert points.shape == (478, 3)
    assert points.dtype == np.float32
    assert fit.presence == pytest.approx(0.7)
    origin = np.array([250.0, 200.0]) - 0.5
    np.testing.assert_allclose(points[1, :2], origin)  # nose: coarse
    np.testing.assert_allclose(points[13, :2], origin + 1)  # lip
    np.testing.assert_allclose(points[[33, 263], :2], [origin + 2, origin + 3])  # eye corners
    np.testing.assert_allclose(points[[468, 473], :2], [origin + 4, origin + 5])  # irises
    assert points[1, 2] == 1
    for iris, eye in zip((slice(468, 473), slice(473, 478)), TOPOLOGY.eyes, strict=True):
        np.testing.assert_allclose(points[iris, 2], eye.mean(), rtol=1e-5)


def test_depth_grows_with_the_square() -> None:
    fits = [MeshLandmarker(engine(answer()))(noise(), Roi(250, 200, side, 0.3)) for side in (SIDE, 2 * SIDE)]
    np.testing.assert_allclose(fits[1].points[:468, 2], 2 * fits[0].points[:468, 2])


def test_the_points_are_the_callers_own() -> None:
    landmarker = MeshLandmarker(engine(answer()))
    first = landmarker(noise(), Roi(250, 200, SIDE, 0)).points
    kept = first.copy()
    landmarker(noise(), Roi(50, 60, SIDE, 1))
    np.testing.assert_array_equal(first, kept)


def test_roi_of_a_detection_is_level_with_the_eyes() -> None:
    five = np.array([[100, 100], [140, 140], [110, 130], [90, 140], [120, 170]], np.float32)
    roi = Roi.from_detection(Detection(Box(80, 90, 160, 190), Landmarks(five, Topology.FIVE), 0.9))
    assert (roi.x, roi.y, roi.side) == (120, 140, 150)
    assert roi.roll == pytest.approx(math.pi / 4)
    assert roi.face_size == 100


def test_roi_of_points_leaves_the_irises_out() -> None:
    points = np.zeros((478, 3), np.float32)
    points[:468, :2] = np.random.default_rng(0).uniform((50, 80), (150, 200), (468, 2))
    points[[33, 263], :2] = [[60, 100], [140, 100]]
    points[468:] = 900
    roi = Roi.from_points(points)
    assert (roi.x, roi.y) == pytest.approx((100, 140), abs=2)
    assert roi.face_size == pytest.approx(120, abs=2)
    assert roi.roll == 0


@pytest.mark.parametrize("name", ["mesh", "presence", *REFINED])
def test_another_network_is_refused(name: str) -> None:
    outputs = answer()
    del outputs[name]
    with pytest.raises(ModelError):
        MeshLandmarker(engine(outputs))
    other = engine(answer())
    other.inputs = {"image": TensorSpec((1, 256, 256, 3), "uint8")}
    with pytest.raises(ModelError):
        MeshLandmarker(other)


def settled(landmarker: MeshLandmarker, image: Image, roi: Roi) -> MeshFit:
    """The mesh after the region has been taken from the mesh a few times."""
    fit = landmarker(image, roi)
    for _ in range(3):
        fit = landmarker(image, Roi.from_points(fit.points))
    return fit


def apart(found: Points, expected: Points) -> float:
    """Mean distance in heights of the face."""
    return float(np.linalg.norm(found[:468, :2] - expected[:468, :2], axis=1).mean()) / face_height(expected)


def check_round_trips(landmarker: MeshLandmarker, detector: ShortRangeDetector, image: Image) -> None:
    """Landmarks follow the picture when it is turned, scaled, moved and mirrored."""
    start = settled(landmarker, image, Roi.from_detection(detector(image, 0.5)[0]))
    assert start.presence > 0.9
    scale = 300 / face_height(start.points)
    for factor, degrees, to in ((1, 0, (500, 300)), (1, 40, (700, 400)), (1, -130, (640, 360)), (0.5, 15, (900, 330))):
        matrix = turned(start.points, factor * scale, degrees, to)
        expected = transform(matrix, start.points[:, :2])
        fit = settled(landmarker, placed(image, matrix), Roi.from_points(expected))
        assert fit.presence > 0.9
        assert apart(fit.points, expected) < ROUND_TRIP, (factor, degrees)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    expected = start.points[TOPOLOGY.mirror]
    expected[:, 0] = image.shape[1] - 1 - expected[:, 0]
    assert apart(settled(landmarker, mirrored, Roi.from_points(expected)).points, expected) < ROUND_TRIP


def test_landmarks_follow_the_drawn_persona(landmarker: MeshLandmarker, short_range: ShortRangeDetector) -> None:
    check_round_trips(landmarker, short_range, portrait())


@pytest.mark.shared
@pytest.mark.parametrize("clip", ["d3", "s32"])
def test_landmarks_follow_a_real_face(
    clip: str, landmarker: MeshLandmarker, short_range: ShortRangeDetector, shared_data: Path
) -> None:
    (image,) = clip_frames(shared_data, clip, 1)
    check_round_trips(landmarker, short_range, image)


def test_there_is_no_face_in_a_picture_without_one(landmarker: MeshLandmarker) -> None:
    for side in (100, 200, 400):
        assert landmarker(noise(), Roi(250, 200, side, 0)).presence < 0.3


def test_values_that_are_no_numbers_are_refused() -> None:
    outputs = answer()
    outputs["mesh"][5, 1] = np.nan
    with pytest.raises(ContractError, match="values that are no numbers"):
        MeshLandmarker(engine(outputs))(noise(), Roi(200.0, 200.0, 100.0, 0.0))


@pytest.mark.parametrize("name", ["mesh", "lips", "left_iris"])
@pytest.mark.parametrize("count", [7, 2000])
def test_values_of_another_shape_are_refused(name: str, count: int) -> None:
    """Each part by itself: what one has too little, another may have too much."""
    outputs = answer()
    landmarker = MeshLandmarker(engine(outputs))
    outputs[name] = np.zeros(count, dtype=np.float32)
    with pytest.raises(ContractError, match="shape"):
        landmarker(noise(), Roi(200.0, 200.0, 100.0, 0.0))
