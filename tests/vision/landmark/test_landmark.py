"""Landmarkers: what they look at is the crop their training used, and planted answers come back to the frame."""

import itertools
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Topology
from livecam.core.frame import Image, Points
from livecam.core.seams import Tensor
from livecam.errors import ContractError, ModelError
from livecam.vision.contract import LandmarkerContract, LandmarkerFamily
from livecam.vision.landmark.choose import make_landmarker
from livecam.vision.landmark.fan68 import Fan68Landmarker, quarter_turns, roll_quarters
from livecam.vision.landmark.fit import Landmarker
from livecam.vision.landmark.five68 import Five68Landmarker
from livecam.vision.landmark.if106 import If106Landmarker
from livecam.vision.landmark.mesh468 import Mesh468Landmarker
from livecam.vision.template import Template, points_of
from tests.vision.roles import MESH_PICTURE, PlantedEngine, picture

IF106 = picture(192, 0.0, 1.0)
FAN68 = picture(256, 0.0, 255.0)
BOX = Box(200.0, 150.0, 320.0, 300.0)
FIVE = np.array([[230, 200], [290, 204], [262, 232], [235, 262], [285, 264]], np.float32)
CENTRE = np.array([260.0, 225.0])


def painted() -> Image:
    """A frame in which the colour of a pixel tells where it is."""
    rows, columns = np.mgrid[:480, :640]
    return np.dstack([columns % 256, rows % 256, (rows + columns) // 8]).astype(np.uint8)


FRAME = painted()


def random_places(rows: int, columns: int) -> Points:
    return np.random.default_rng(rows).random((rows, columns), np.float32)


def if106(points: Tensor) -> tuple[Landmarker, PlantedEngine]:
    engine = PlantedEngine({"picture": (1, 3, 192, 192)}, {"points": points})
    return If106Landmarker(engine, IF106), engine


def fan68(points: Tensor, heatmaps: Tensor) -> tuple[Landmarker, PlantedEngine]:
    engine = PlantedEngine({"picture": (1, 3, 256, 256)}, {"points": points, "heatmaps": heatmaps})
    return Fan68Landmarker(engine, FAN68), engine


def mesh468(points: Tensor) -> tuple[Landmarker, PlantedEngine]:
    engine = PlantedEngine({"picture": (1, 192, 192, 3)}, {"points": points})
    return Mesh468Landmarker(engine, MESH_PICTURE), engine


def heat(value: float) -> Tensor:
    """Heatmaps whose maxima have the mean `value`, each at another place."""
    maps = np.zeros((1, 68, 64, 64), np.float32)
    for row in range(68):
        maps[0, row, row % 64, (7 * row) % 64] = value + (0.05 if row % 2 else -0.05)
    return maps


def test_if106_comes_back_from_an_upright_square() -> None:
    places = random_places(106, 2) * 2 - 1
    landmarker, engine = if106(places.reshape(1, 212))
    fit = landmarker(FRAME, BOX, FIVE)
    scale = 192 / (1.5 * 150)
    np.testing.assert_allclose(fit.landmarks.points, CENTRE + places * 96 / scale, atol=1e-3)
    assert (fit.landmarks.topology, fit.score) == (Topology.IF106, 1.0)
    wanted = cv2.warpAffine(FRAME, np.array([[scale, 0, 96 - 260 * scale], [0, scale, 96 - 225 * scale]]), (192, 192))
    np.testing.assert_array_equal(engine.fed["picture"][0], wanted[..., ::-1].transpose(2, 0, 1))


def test_if106_sees_black_beyond_the_frame() -> None:
    landmarker, engine = if106(np.zeros((1, 212), np.float32))
    landmarker(np.full((480, 640, 3), 200, np.uint8), Box(-50, -50, 50, 50), None)
    assert engine.fed["picture"][0, :, 0, 0].max() == 0
    assert engine.fed["picture"][0, :, -1, -1].min() == 200


def test_fan68_comes_back_from_an_upright_square() -> None:
    places = random_places(68, 3) * 64
    landmarker, engine = fan68(places[None], heat(0.45))
    fit = landmarker(FRAME, BOX, None)
    scale = 195 / 150
    np.testing.assert_allclose(fit.landmarks.points, CENTRE + (places[:, :2] * 4 - 128) / scale, atol=1e-3)
    assert fit.landmarks.topology is Topology.FAN68
    assert fit.score == pytest.approx(0.5, abs=1e-5)
    wanted = cv2.warpAffine(FRAME, np.array([[scale, 0, 128 - 260 * scale], [0, scale, 128 - 225 * scale]]), (256, 256))
    np.testing.assert_allclose(engine.fed["picture"][0] * 255, wanted[..., ::-1].transpose(2, 0, 1), atol=1e-4)


@pytest.mark.parametrize(("value", "score"), [(-0.2, 0.0), (0.0, 0.0278), (0.9, 1.0), (3.0, 1.0)])
def test_fan68_is_as_sure_as_its_heatmaps(value: float, score: float) -> None:
    landmarker, _ = fan68(np.zeros((1, 68, 3), np.float32), heat(value))
    assert landmarker(FRAME, BOX, None).score == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(("turns", "degrees"), [(0, 0), (0, 40), (1, 90), (1, 50), (2, 180), (2, -170), (3, -90)])
def test_fan68_sees_a_turned_face_upright(turns: int, degrees: float) -> None:
    """A face turned by quarters is the same crop as upright, and the points are turned with it."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    five = ((FIVE - CENTRE) @ turn.T + CENTRE).astype(np.float32)
    assert roll_quarters(five) == turns
    places = random_places(68, 3) * 64
    landmarker, engine = fan68(places[None], heat(0.9))
    points = landmarker(FRAME, BOX, five).landmarks.points
    quarters = np.round(np.array([[np.cos(turns * np.pi / 2), -np.sin(turns * np.pi / 2)],
                                  [np.sin(turns * np.pi / 2), np.cos(turns * np.pi / 2)]]))  # fmt: skip
    wanted = CENTRE + ((places[:, :2] * 4 - 128) / (195 / 150)) @ quarters.T
    np.testing.assert_allclose(points, wanted, atol=1e-3)
    # The colour at a landmark in the crop is the colour at the landmark in the frame.
    crop = engine.fed["picture"][0]
    for (x, y), point in zip((places[:, :2] * 4).tolist(), points, strict=True):
        if 2 < x < 253 and 2 < y < 253:
            seen = cv2.getRectSubPix(np.ascontiguousarray(crop[0]), (1, 1), (x, y))[0, 0] * 255
            there = cv2.getRectSubPix(np.ascontiguousarray(FRAME[..., 2]), (1, 1), tuple(point.tolist()))[0, 0]
            assert abs(float(seen) - float(there)) <= 2


@pytest.mark.parametrize("turns", range(8))
def test_quarter_turns_keep_the_middle_and_come_round(turns: int) -> None:
    matrix = quarter_turns(turns, 256)
    np.testing.assert_array_equal(matrix @ (128, 128, 1), (128, 128))
    np.testing.assert_array_equal(matrix, quarter_turns(turns + 4, 256))


@pytest.mark.parametrize(("value", "raised"), [(8, True), (40, False)])
def test_fan68_raises_the_contrast_of_dark_crops_only(value: int, raised: bool) -> None:
    """Lightness 30 of 255 lies at about 27 of 255 in grey."""
    landmarker, engine = fan68(np.zeros((1, 68, 3), np.float32), heat(0.9))
    frame = (value + np.random.default_rng(0).integers(0, 8, (480, 640, 1)) + np.zeros(3)).astype(np.uint8)
    landmarker(frame, Box(300, 200, 400, 300), None)
    plain = cv2.warpAffine(frame, np.array([[1.95, 0, 128 - 350 * 1.95], [0, 1.95, 128 - 250 * 1.95]]), (256, 256))
    contrast = engine.fed["picture"].std() * 255 / plain.std()
    assert contrast > 1.2 if raised else contrast == pytest.approx(1, abs=1e-3)


def test_five68_works_in_the_space_of_its_template() -> None:
    places = random_places(68, 2)
    engine = PlantedEngine({"five": (1, 5, 2)}, {"points": places[None]})
    five = points_of(Template.FFHQ_512, 1) * 300 + np.array([40, 70], np.float32)
    fit = Five68Landmarker(engine)(FRAME, BOX, five)
    np.testing.assert_allclose(engine.fed["five"][0], points_of(Template.FFHQ_512, 1), atol=1e-5)
    np.testing.assert_allclose(fit.landmarks.points, places * 300 + (40, 70), atol=1e-3)
    assert fit.landmarks.topology is Topology.FAN68


@pytest.mark.parametrize("five", [None, np.full((5, 2), 7, np.float32)], ids=["none", "coincident"])
def test_five68_needs_five_points(five: Points | None) -> None:
    engine = PlantedEngine({"five": (1, 5, 2)}, {"points": np.zeros((1, 68, 2), np.float32)})
    with pytest.raises(ContractError, match="five points"):
        Five68Landmarker(engine)(FRAME, BOX, five)


def test_mesh468_comes_back_from_a_square_level_with_the_eyes() -> None:
    places = random_places(468, 3) * 192
    landmarker, engine = mesh468(places.reshape(1, 1, 1, 1404))
    five = FIVE.copy()
    five[1] = five[0] + (60, 60 * np.tan(np.radians(20)))
    points = landmarker(FRAME, BOX, five).landmarks.points
    angle, scale = np.radians(20), 150 * 1.5 / 192
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    np.testing.assert_allclose(points, CENTRE - 0.5 + (places[:, :2] - 96) @ turn.T, atol=1e-3)
    crop = np.ascontiguousarray(engine.fed["picture"][0, :, :, 0])
    for (x, y), point in itertools.islice(zip(places[:, :2].tolist(), points, strict=True), 60):
        if 2 < x < 189 and 2 < y < 189:
            seen = cv2.getRectSubPix(crop, (1, 1), (x - 0.5, y - 0.5))[0, 0] * 255
            there = cv2.getRectSubPix(np.ascontiguousarray(FRAME[..., 2]), (1, 1), tuple(point.tolist()))[0, 0]
            assert abs(float(seen) - float(there)) <= 2


def test_mesh468_is_upright_without_points_and_repeats_the_edge() -> None:
    landmarker, engine = mesh468(np.full((1, 1, 1, 1404), 96, np.float32))
    frame = np.full((480, 640, 3), 200, np.uint8)
    points = landmarker(frame, Box(-50, -50, 50, 50), None).landmarks.points
    np.testing.assert_allclose(points, -0.5, atol=1e-4)
    assert engine.fed["picture"].min() == pytest.approx(200 / 255)


MAKERS: Mapping[str, Callable[[], tuple[Landmarker, PlantedEngine]]] = {
    "if106": lambda: if106(np.zeros((1, 212), np.float32)),
    "fan68": lambda: fan68(np.zeros((1, 68, 3), np.float32), heat(0.5)),
    "mesh468": lambda: mesh468(np.zeros((1, 1, 1, 1404), np.float32)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_an_empty_box_is_refused(name: str) -> None:
    with pytest.raises(ContractError, match="empty box"):
        MAKERS[name]()[0](FRAME, Box(5, 5, 5, 5), FIVE)


@pytest.mark.parametrize("name", MAKERS)
def test_rubbish_is_refused(name: str) -> None:
    landmarker, engine = MAKERS[name]()
    assert isinstance(engine.answer, dict)
    for role, tensor in list(engine.answer.items()):
        for wrong in (np.full_like(tensor, np.nan), tensor[:, :-1] if tensor.ndim < 4 else tensor[..., :-1]):
            engine.answer[role] = wrong
            with pytest.raises(ContractError, match=role):
                landmarker(FRAME, BOX, FIVE)
        engine.answer[role] = tensor
    landmarker(FRAME, BOX, FIVE)


@given(st.floats(10, 600), st.floats(10, 400), st.floats(8, 300), st.floats(8, 300))
@settings(max_examples=40, deadline=None)
def test_the_middle_of_the_crop_is_the_middle_of_the_box(x: float, y: float, width: float, height: float) -> None:
    """The mesh tells a pixel's place by its centre, half a px from where a box counts."""
    box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    points = if106(np.zeros((1, 212), np.float32))[0](FRAME, box, None).landmarks.points
    np.testing.assert_allclose(points, np.tile([x, y], (106, 1)), atol=1e-3)
    points = mesh468(np.full((1, 1, 1, 1404), 96, np.float32))[0](FRAME, box, None).landmarks.points
    np.testing.assert_allclose(points, np.tile([x - 0.5, y - 0.5], (468, 1)), atol=1e-3)


@pytest.mark.parametrize(
    ("family", "kind"),
    [(LandmarkerFamily.IF106, If106Landmarker), (LandmarkerFamily.FAN68, Fan68Landmarker),
     (LandmarkerFamily.MESH468, Mesh468Landmarker)],
)  # fmt: skip
def test_a_landmarker_is_made_by_family(family: LandmarkerFamily, kind: type) -> None:
    engine = PlantedEngine({}, {})
    assert isinstance(make_landmarker(engine, LandmarkerContract(family, FAN68)), kind)
    assert isinstance(make_landmarker(engine, LandmarkerContract(LandmarkerFamily.FIVE68, None)), Five68Landmarker)
    with pytest.raises(ModelError, match="looks at"):
        make_landmarker(engine, LandmarkerContract(family, None))
