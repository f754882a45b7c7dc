"""Faces of a frame that is on the card are those that the processor finds, looked for once a frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.device.detect import DeviceDetector
from livecam.core.face import Detection
from livecam.core.frame import Frame, Image, Size
from livecam.core.seams import Detector, Tensor
from livecam.errors import ContractError, DeviceError
from livecam.vision.contract import DetectorContract
from livecam.vision.detect.choose import make_detector
from tests.canvas.device.chains import scene
from tests.canvas.host_device import HostDevice, HostEngine, host_library
from tests.vision.detect.planted import Planted, face, scrfd_outputs, yolo_outputs, yunet_outputs
from tests.vision.roles import SCRFD, YOLO, YUNET, PlantedEngine

SIZE = Size(320, 192)
FACES = (
    face(60.5, 50.2, 40, 0.9, 8),
    face(65, 51, 42, 0.7, 8),
    face(200, 90, 90, 0.55, 16),
    face(250, 30, 30, 0.35, 8),
)

Outputs = Mapping[str, Tensor]
Make = Callable[[Sequence[Planted]], Outputs]

FAMILIES: dict[str, tuple[DetectorContract, Make]] = {
    "scrfd": (SCRFD, lambda faces: scrfd_outputs(SIZE, faces)),
    "scrfd without a batch": (SCRFD, lambda faces: scrfd_outputs(SIZE, faces, rank=2)),
    "yunet": (YUNET, lambda faces: yunet_outputs(SIZE, faces)),
    "yolo": (YOLO, lambda faces: yolo_outputs(faces, 320)),
}


class Look:
    """A detector on a card, and what it is made of."""

    def __init__(self, device: HostDevice, contract: DetectorContract, outputs: Outputs, half: bool = False) -> None:
        self.device = device
        self.planted = PlantedEngine({"picture": (1, 3, SIZE.height, SIZE.width)}, dict(outputs))
        self.engine = HostEngine(device, self.planted, half=half)
        self.canvas = CudaCanvas(device, host_library(device))
        self.detector = DeviceDetector(self.canvas, self.engine, contract)

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        self.canvas.load(Frame(image, 1, 1))
        return self.detector(image, threshold)


def assert_same(found: Sequence[Detection], wanted: Sequence[Detection]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.box, other.box, rtol=1e-5, atol=0.01)
        np.testing.assert_allclose(one.landmarks.five, other.landmarks.five, rtol=1e-5, atol=0.01)
        assert one.score == pytest.approx(other.score, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [Size(640, 360), Size(300, 400), Size(64, 48)], ids=str)
def test_faces_are_those_that_the_cpu_finds(family: str, size: Size, device: HostDevice) -> None:
    """Step by step, noted and replayed, for frames that are larger, smaller and of another aspect."""
    contract, make = FAMILIES[family]
    look = Look(device, contract, make(FACES))
    engine = PlantedEngine({"picture": (1, 3, SIZE.height, SIZE.width)}, dict(make(FACES)))
    on_cpu: Detector = make_detector(engine, contract)
    for seed in range(3):
        image = cv2.resize(scene(seed), size).astype(np.uint8)
        for threshold in (0.5, 0.3, 0.8):
            assert_same(look(image, threshold), on_cpu(image, threshold))
        std = contract.picture.std[0]
        fed, wanted = look.planted.fed["picture"] * std, engine.fed["picture"] * std
        assert np.abs(fed - wanted).max() <= 2.5  # OpenCV averages in two steps, each rounded
        assert np.abs(fed - wanted).mean() < 0.6
    assert [len(look(scene(), threshold)) for threshold in (0.3, 0.5, 0.8)] == [3, 2, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_16_bit_networks_find_the_same(family: str, device: HostDevice) -> None:
    contract, make = FAMILIES[family]
    found = Look(device, contract, make(FACES), half=True)(scene(), 0.3)
    wanted = Look(device, contract, make(FACES))(scene(), 0.3)
    assert len(found) == len(wanted) == 3
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.box, other.box, atol=1.0)


def test_a_frame_is_looked_at_once_whoever_asks(device: HostDevice) -> None:
    look = Look(device, SCRFD, scrfd_outputs(SIZE, FACES))
    image = scene()
    look.canvas.load(Frame(image, 1, 1))
    many = [len(look.detector(image, threshold)) for threshold in (0.5, 0.3, 0.6, 0.5)]
    assert many == [2, 3, 1, 2]
    assert look.engine.runs == 1
    look.canvas.load(Frame(image, 2, 2))  # the same slot of the ring, another frame
    look.detector(image, 0.5)
    assert look.engine.runs == 2


def test_in_steady_state_one_wait_and_one_graph_do_it(device: HostDevice) -> None:
    look, image = Look(device, SCRFD, scrfd_outputs(SIZE, FACES)), scene()
    for _ in range(2):
        look(image, 0.5)
    look.canvas.load(Frame(image, 3, 3))
    before = device.calls.copy()
    look.detector(image, 0.5)
    assert device.calls - before == {"replay": 1, "wait": 1}
    assert len(look.detector._told) < 4096


def test_an_image_that_is_not_on_the_card_is_refused(device: HostDevice) -> None:
    look, image = Look(device, SCRFD, scrfd_outputs(SIZE, FACES)), scene()
    with pytest.raises(ContractError, match="not there"):
        look.detector(image, 0.5)
    look(image, 0.5)
    with pytest.raises(ContractError, match="not there"):
        look.detector(image.copy(), 0.5)


def test_a_threshold_below_the_lowest_is_refused(device: HostDevice) -> None:
    look = Look(device, SCRFD, scrfd_outputs(SIZE, FACES))
    with pytest.raises(ContractError, match=r"0\.3"):
        look(scene(), 0.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_that_are_not_finite_are_refused(family: str, device: HostDevice) -> None:
    contract, make = FAMILIES[family]
    outputs = {role: np.array(tensor) for role, tensor in make(FACES).items()}
    next(iter(outputs.values())).reshape(-1)[5] = np.nan
    look = Look(device, contract, outputs)
    for _ in range(3):
        with pytest.raises(ContractError, match="not finite"):
            look(scene(), 0.5)


def test_what_does_not_come_down_is_no_answer(device: HostDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look(device, SCRFD, scrfd_outputs(SIZE, FACES))
    look(scene(), 0.5)
    monkeypatch.setattr(device, "download", lambda *_: None)
    with pytest.raises(ContractError, match="not finite"):
        look(scene(), 0.5)


def test_a_frame_on_which_the_card_failed_is_looked_at_again(device: HostDevice) -> None:
    look, image = Look(device, SCRFD, scrfd_outputs(SIZE, FACES)), scene()
    look.canvas.load(Frame(image, 1, 1))
    for failing in range(6):
        device.fail(failing, forever=False)
        with pytest.raises(DeviceError, match="the test wants it"):
            look.detector(image, 0.5)
        device.mend()
    assert len(look.detector(image, 0.5)) == 2


def test_a_network_that_does_not_fit_is_refused_and_nothing_kept(device: HostDevice) -> None:
    right = scrfd_outputs(SIZE, FACES)
    canvas = CudaCanvas(device, host_library(device))
    cases: list[tuple[tuple[int, ...], Outputs, DetectorContract]] = [
        ((1, 3, SIZE.height, SIZE.width), {**right, "box_8": right["box_8"][:, :-1]}, SCRFD),
        ((1, 3, SIZE.height, SIZE.width), yolo_outputs(FACES, 320), SCRFD),
        ((1, 3, SIZE.height, SIZE.width), right, YUNET),
        ((1, 3, SIZE.height, SIZE.width), right, YOLO),
        ((1, 3, 100, SIZE.width), right, SCRFD),
        ((1, 1, SIZE.height, SIZE.width), right, SCRFD),
    ]
    for shape, outputs, contract in cases:
        engine = HostEngine(device, PlantedEngine({"picture": shape}, outputs))
        held = device.held()
        with pytest.raises(ContractError):
            DeviceDetector(canvas, engine, replace(contract))
        assert device.held() == held
        engine.close()


def test_it_gives_everything_back(device: HostDevice) -> None:
    look = Look(device, YOLO, yolo_outputs(FACES, 320))
    for _ in range(2):
        look(scene(), 0.5)
    look.detector.close()
    look.detector.close()
    look.canvas.close()
    look.engine.close()
    assert device.held() == {}
