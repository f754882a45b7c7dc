"""Decoding: planted faces come back to 1e-4 px, through every family, rank, shape and letterbox; rubbish is refused."""

from dataclasses import replace

import numpy as np
import pytest

from livecam.core.face import Detection
from livecam.core.frame import Image, Size
from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import ContractError, ModelError
from livecam.vision.contract import DetectorContract, DetectorFamily
from livecam.vision.detect.choose import make_detector
from tests.vision.detect.planted import Planted, face, scrfd_outputs, yolo_outputs, yunet_outputs
from tests.vision.roles import SCRFD, YOLO, YUNET, PlantedEngine

FACES = (
    face(100.3, 120.7, 60, 0.91, 8, second=True),
    face(300.6, 222.2, 110, 0.85, 16),
    face(420.9, 130.1, 190, 0.77, 32, second=True),
)
SQUARE = Size(640, 640)
FRAME = np.zeros((640, 640, 3), np.uint8)


def engine(outputs: dict[str, Tensor], size: Size = SQUARE) -> PlantedEngine:
    return PlantedEngine({"picture": (1, 3, size.height, size.width)}, outputs)


def outputs_of(contract: DetectorContract, faces: tuple[Planted, ...], size: Size = SQUARE) -> dict[str, Tensor]:
    if contract.family is DetectorFamily.SCRFD:
        return scrfd_outputs(size, faces)
    return yunet_outputs(size, faces) if contract.family is DetectorFamily.YUNET else yolo_outputs(faces)


def assert_found(found: list[Detection], wanted: tuple[Planted, ...], scale: tuple[float, float] = (1, 1)) -> None:
    assert len(found) == len(wanted)
    for detection, planted in zip(found, wanted, strict=True):
        np.testing.assert_allclose(detection.box, np.divide(planted.box, scale * 2), atol=1e-4)
        np.testing.assert_allclose(detection.landmarks.five, np.divide(planted.five, scale), atol=1e-4)
        assert detection.score == pytest.approx(planted.score, abs=1e-6)


CONTRACTS = pytest.mark.parametrize("contract", [SCRFD, YUNET, YOLO], ids=lambda contract: contract.family)


@CONTRACTS
def test_planted_faces_are_found_best_first(contract: DetectorContract) -> None:
    detector = make_detector(engine(outputs_of(contract, FACES[::-1])), contract)
    assert_found(detector(FRAME, 0.5), FACES)
    assert_found(detector(FRAME, 0.8), FACES[:2])
    assert detector(FRAME, 0.95) == []


@pytest.mark.parametrize("rank", [2, 3])
def test_scrfd_is_read_with_and_without_a_batch_axis(rank: int) -> None:
    assert_found(make_detector(engine(scrfd_outputs(SQUARE, FACES, rank)), SCRFD)(FRAME, 0.5), FACES)


@pytest.mark.parametrize("contract", [SCRFD, YUNET], ids=lambda contract: contract.family)
@pytest.mark.parametrize("size", [Size(640, 352), Size(320, 640)], ids=str)
def test_pictures_that_are_not_square_are_decoded(contract: DetectorContract, size: Size) -> None:
    faces = (face(100.3, 120.7, 60, 0.9, 8), face(250.5, 200.2, 90, 0.8, 16), face(290.9, 330.3, 120, 0.7, 32))
    detector = make_detector(engine(outputs_of(contract, faces, size), size), contract)
    assert_found(detector(np.zeros(size.image_shape, np.uint8), 0.5), faces)


@CONTRACTS
@pytest.mark.parametrize(
    ("shape", "scale"),
    [((720, 1280), (0.5, 0.5)), ((1080, 1920), (640 / 1920, 360 / 1080)), ((320, 320), (2.0, 2.0)),
     ((853, 481), (360 / 481, 640 / 853)), ((240, 426), (640 / 426, 360 / 240))],
    ids=str,
)  # fmt: skip
def test_faces_come_back_to_frames_of_any_size(
    contract: DetectorContract, shape: tuple[int, int], scale: tuple[float, float]
) -> None:
    detector = make_detector(engine(outputs_of(contract, FACES)), contract)
    assert_found(detector(np.zeros((*shape, 3), np.uint8), 0.5), FACES, scale)


@pytest.mark.parametrize("contract", [SCRFD, YUNET, YOLO], ids=lambda contract: contract.family)
def test_what_is_fed_is_the_letterboxed_frame(contract: DetectorContract) -> None:
    planted = engine(outputs_of(contract, ()))
    frame = np.full((360, 1280, 3), (10, 120, 250), np.uint8)
    make_detector(planted, contract)(frame, 0.5)
    fed = planted.fed["picture"]
    values = np.array((250, 120, 10) if contract is SCRFD else (10, 120, 250), np.float64)
    mean, std = contract.picture.mean[0], contract.picture.std[0]
    np.testing.assert_allclose(fed[0, :, :180], np.tile(((values - mean) / std)[:, None, None], (180, 640)), rtol=1e-6)
    np.testing.assert_allclose(fed[0, :, 180:], (0 - mean) / std, rtol=1e-6)


def test_what_an_earlier_frame_left_is_not_seen() -> None:
    planted = engine(scrfd_outputs(SQUARE, ()))
    detector = make_detector(planted, SCRFD)
    detector(np.full((640, 640, 3), 255, np.uint8), 0.5)
    detector(np.full((640, 160, 3), 255, np.uint8), 0.5)
    assert planted.fed["picture"][..., 160:].max() < 0


@CONTRACTS
def test_overlapping_boxes_are_one_face(contract: DetectorContract) -> None:
    near = face(303, 224, 112, 0.8, 8)
    detector = make_detector(engine(outputs_of(contract, (*FACES, near))), contract)
    assert_found(detector(FRAME, 0.5), FACES)


@pytest.mark.parametrize(("contract", "faces"), [(SCRFD, 1), (YUNET, 2), (YOLO, 2)], ids=["scrfd", "yunet", "yolo"])
def test_only_scrfd_counts_the_last_pixel(contract: DetectorContract, faces: int) -> None:
    """Two boxes of 10x10 px, 4.4 px apart, overlap by 0.39; counted as 11x11 px, by 0.43."""
    five = FACES[0].five
    near = (Planted((96, 96, 106, 106), five, 0.9, 8, 12, 12), Planted((100.4, 96, 110.4, 106), five, 0.8, 8, 13, 12))
    contract = replace(contract, iou=0.4)
    assert len(make_detector(engine(outputs_of(contract, near)), contract)(FRAME, 0.5)) == faces


@CONTRACTS
def test_the_halves_of_a_call_are_the_call(contract: DetectorContract) -> None:
    detector = make_detector(engine(outputs_of(contract, FACES)), contract)
    frame = np.zeros((720, 1280, 3), np.uint8)
    shrunk: Image = np.empty((detector.side, detector.side, 3), np.uint8)
    fit = detector.shrink(frame, shrunk)
    told = [(one.box, one.score, one.landmarks.five.tolist()) for one in detector.detect_shrunk(shrunk, fit, 0.5)]
    assert told == [(one.box, one.score, one.landmarks.five.tolist()) for one in detector(frame, 0.5)]


@CONTRACTS
def test_values_that_are_not_finite_are_refused(contract: DetectorContract) -> None:
    outputs = outputs_of(contract, FACES)
    detector = make_detector(engine(outputs), contract)
    for role, tensor in outputs.items():
        for place, value in ((0, np.nan), (tensor.size // 2, np.inf), (tensor.size - 1, -np.inf)):
            before, tensor.flat[place] = tensor.flat[place], value
            with pytest.raises(ContractError, match=f"{role} holds values that are not finite"):
                detector(FRAME, 0.5)
            tensor.flat[place] = before
    assert_found(detector(FRAME, 0.5), FACES)


def test_a_box_too_large_for_numbers_is_refused() -> None:
    outputs = yunet_outputs(SQUARE, FACES)
    index = int(np.argmax(outputs["obj_8"]))
    outputs["box_8"][0, index, 2] = 500
    with pytest.raises(ContractError, match="not finite"):
        make_detector(engine(outputs), YUNET)(FRAME, 0.5)


@pytest.mark.parametrize("contract", [SCRFD, YUNET], ids=lambda contract: contract.family)
def test_rows_that_do_not_fit_the_picture_are_refused(contract: DetectorContract) -> None:
    planted = engine(outputs_of(contract, FACES))
    detector = make_detector(planted, contract)
    whole = outputs_of(contract, FACES)
    for role, tensor in whole.items():
        planted.answer = {**whole, role: tensor[:, :-1]}
        with pytest.raises(ContractError, match=role):
            detector(FRAME, 0.5)


def test_a_network_with_free_sides_is_run_at_the_side_of_its_contract() -> None:
    planted = PlantedEngine({"picture": (1, 3, -1, -1)}, scrfd_outputs(SQUARE, FACES))
    assert make_detector(planted, SCRFD).size == (640, 640)
    planted = PlantedEngine({"picture": (1, 3, -1, -1)}, scrfd_outputs(Size(320, 192), ()))
    detector = make_detector(planted, SCRFD, Size(320, 192))
    assert detector(FRAME, 0.5) == []
    assert planted.fed["picture"].shape == (1, 3, 192, 320)


def test_rows_declared_by_a_file_with_free_sides_are_not_trusted() -> None:
    """insightface's det_10g takes any size, and declares the rows of 640 px."""
    planted = PlantedEngine({"picture": (1, 3, -1, -1)}, scrfd_outputs(Size(320, 320), ()))
    planted.outputs = {role: TensorSpec(t.shape, "float32") for role, t in scrfd_outputs(SQUARE, (), 2).items()}
    assert make_detector(planted, SCRFD, Size(320, 320))(FRAME, 0.5) == []


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((1, 3, 640, 600), None), ((1, 3, 640, 640), Size(320, 320)), ((1, 1, 640, 640), None), ((3, 640, 640), None),
     ((1, 3, -1, -1), Size(320, 300))],
    ids=str,
)  # fmt: skip
def test_a_picture_that_no_detector_takes_is_refused_at_load(shape: tuple[int, ...], wanted: Size | None) -> None:
    with pytest.raises(ModelError, match="picture"):
        make_detector(PlantedEngine({"picture": shape}, scrfd_outputs(SQUARE, ())), SCRFD, wanted)


@CONTRACTS
def test_a_network_of_another_family_is_refused_at_load(contract: DetectorContract) -> None:
    for other in (SCRFD, YUNET, YOLO):
        if other is not contract:
            with pytest.raises(ModelError, match="gives"):
                make_detector(engine(outputs_of(other, FACES)), contract)


def test_rows_of_another_size_are_refused_at_load() -> None:
    with pytest.raises(ModelError, match="score_8"):
        make_detector(engine(scrfd_outputs(Size(320, 320), ())), SCRFD)
