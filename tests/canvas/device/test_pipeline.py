"""A whole frame on the card: found there, swapped there, stored from there, or not published at all."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from livecam.canvas.device.detect import DeviceDetector
from livecam.canvas.device.swapper import DeviceSwapper
from livecam.core.cleared import How as Cleared
from livecam.core.device import DeviceImage
from livecam.core.face import Box, Face
from livecam.core.frame import Frame, Image, Size
from livecam.core.seams import Detector
from livecam.core.settings import Settings
from livecam.errors import DeviceError
from livecam.pipeline import Pipeline
from tests.canvas.device.chains import SIZE, How, Rig, apart, scene
from tests.canvas.host_device import HostDevice, HostEngine
from tests.canvas.host_kernels import HostKernels
from tests.vision.detect.planted import Planted, scrfd_outputs
from tests.vision.roles import SCRFD, PlantedEngine
from tests.vision.swap.conftest import face_of, five_at, persona_of, source_of

PICTURE = Size(320, 192)
SETTINGS = Settings(persona="ann")


def planted() -> Planted:
    """The face at (320, 180) of the frame, in px of the detector's picture, which is half as large."""
    five = tuple((float(x), float(y)) for x, y in five_at(320, 180, 200, 12) * 0.5)
    return Planted((115, 50, 205, 130), five, 0.9, 16, 10, 5)


class Found:
    """A follower of what the detector finds."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        return tuple(face_of(found.landmarks.five) for found in self._detector(image, 0.5))

    def reset(self) -> None:
        pass


class Alone:
    """A watch that sees nobody else."""

    def begin(self, image: Image) -> None:
        pass

    def copied(self) -> None:
        pass

    def finish(self, known: Sequence[Box]) -> tuple[Box, ...]:
        return ()

    def confirms(self, face: Box) -> bool:
        return True

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


class Whole:
    """The pipeline over a card, and the way of one frame through it."""

    def __init__(self, kernels: HostKernels, folder: Path) -> None:
        self.rig = Rig(HostDevice(kernels), folder, How())
        self.device = self.rig.device
        outputs = scrfd_outputs(PICTURE, [planted()])
        engine = HostEngine(self.device, PlantedEngine({"picture": (1, 3, PICTURE.height, PICTURE.width)}, outputs))
        self.detector = DeviceDetector(self.rig.canvas, engine, SCRFD)
        self.swapper: DeviceSwapper = self.rig.card()
        persona = persona_of(source_of(1, -0.4, 0.2))
        self.pipeline: Pipeline[DeviceImage] = Pipeline(
            self.rig.canvas, Found(self.detector), Alone(), self.swapper, lambda _: persona, (self.swapper,)
        )
        self.picture = np.zeros(SIZE.picture_shape, np.uint8)
        # As the two rings do, the same memory comes again and again.
        self.frames = [Frame(scene(), number, number) for number in range(1, 9)]

    def __call__(self, number: int) -> object:
        return self.pipeline.process(self.frames[number], self.picture, SETTINGS)


def test_a_frame_goes_through_the_card_and_comes_out_as_through_the_cpu(kernels: HostKernels, tmp_path: Path) -> None:
    whole = Whole(kernels, tmp_path)
    wanted = whole.rig.on_cpu(whole.rig.cpu(), scene())
    for number in range(4):
        assert whole(number) is Cleared.SWAPPED
        most, mean = apart(whole.picture, wanted)
        assert most <= 2
        assert mean < 0.1


def test_three_waits_and_two_graphs_make_a_frame(kernels: HostKernels, tmp_path: Path) -> None:
    """To find, to judge what was swapped, and to store."""
    whole = Whole(kernels, tmp_path)
    for number in range(3):
        whole(number)
    before = whole.device.calls.copy()
    whole(3)
    fresh = whole.device.calls - before
    assert (fresh["wait"], fresh["replay"]) == (3, 2)
    assert fresh["launch"] == 2  # paint, and the picture


@pytest.mark.parametrize("warm", [0, 1, 2], ids=["step by step", "noting", "replaying"])
def test_whatever_call_fails_the_frame_is_not_published(warm: int, kernels: HostKernels, tmp_path: Path) -> None:
    whole = Whole(kernels, tmp_path)
    for number in range(warm):
        whole(number)
    before = sum(whole.device.calls.values())
    whole(warm)
    calls = sum(whole.device.calls.values()) - before
    for failing in range(0, calls, 3):
        whole = Whole(kernels, tmp_path)
        for number in range(warm):
            whole(number)
        whole.device.fail(failing)
        with pytest.raises(DeviceError, match="the test wants it"):
            whole(warm)
