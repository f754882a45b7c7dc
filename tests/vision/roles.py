"""Networks bound by role, for tests: planted answers, and the real ones kept beside a checkout."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.inference.onnx import OnnxEngine
from livecam.vision.contract import Colour, DetectorContract, DetectorFamily, Layout, PictureIn
from livecam.vision.tensor import Floats

STRIDES = (8, 16, 32)
SCRFD_ROLES = tuple(f"{part}_{stride}" for part in ("score", "box", "kps") for stride in STRIDES)
YUNET_ROLES = tuple(f"{part}_{stride}" for part in ("cls", "obj", "box", "kps") for stride in STRIDES)


def picture(side: int, mean: float, std: float, colour: Colour = Colour.RGB, layout: Layout = Layout.NCHW) -> PictureIn:
    return PictureIn(side, colour, layout, (mean,) * 3, (std,) * 3)


SCRFD = DetectorContract(DetectorFamily.SCRFD, picture(640, 127.5, 128.0), 0.5, 0.4)
YUNET = DetectorContract(DetectorFamily.YUNET, picture(640, 0.0, 1.0, Colour.BGR), 0.6, 0.3)
YOLO = DetectorContract(DetectorFamily.YOLO, picture(640, 0.0, 255.0, Colour.BGR), 0.5, 0.4)
MESH_PICTURE = picture(192, 0.0, 255.0, layout=Layout.NHWC)


class PlantedEngine:
    """Gives what it is told to, and keeps what it was fed.

    Args:
        inputs: Shape of each input by role.
        answer: What it gives, or how that is made of the feeds.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[int, ...]],
        answer: Mapping[str, Tensor] | Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    ) -> None:
        self.inputs = {role: TensorSpec(shape, "float32") for role, shape in inputs.items()}
        self.answer = answer
        zeros = {role: np.zeros([max(side, 1) for side in shape], np.float32) for role, shape in inputs.items()}
        self.outputs = {role: TensorSpec(t.shape, str(t.dtype)) for role, t in self._given(zeros).items()}
        self.fed: dict[str, Floats] = {}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed = {role: tensor.astype(np.float32) for role, tensor in feeds.items()}
        return self._given(feeds)

    def _given(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self.answer(feeds) if callable(self.answer) else self.answer

    def close(self) -> None:
        return None


class RealEngine:
    """The network of a file, its ports called by `inputs` and `outputs`, in the file's order."""

    def __init__(self, path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self._engine = OnnxEngine(path)
        self._inputs = dict(zip(inputs, self._engine.inputs, strict=True))
        self._outputs = dict(zip(outputs, self._engine.outputs, strict=True))
        self.inputs = {role: self._engine.inputs[name] for role, name in self._inputs.items()}
        self.outputs = {role: self._engine.outputs[name] for role, name in self._outputs.items()}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        results = self._engine.run({self._inputs[role]: tensor for role, tensor in feeds.items()})
        return {role: results[name] for role, name in self._outputs.items()}

    def close(self) -> None:
        self._engine.close()


def real_scrfd(shared_data: Path, size: str) -> Engine:
    """SCRFD ``500m`` or ``2.5g``."""
    return RealEngine(shared_data / "networks" / f"scrfd_{size}_kps.onnx", ["picture"], SCRFD_ROLES)


def real_yunet(shared_data: Path) -> Engine:
    return RealEngine(shared_data / "networks" / "yunet_n_640_640.onnx", ["picture"], YUNET_ROLES)


def real_facemesh(shared_data: Path) -> Engine:
    return RealEngine(shared_data / "networks" / "facemesh_192.onnx", ["picture"], ["points"])


def spread_frames(shared_data: Path, clip: str, many: int) -> Iterator[Image]:
    """So many frames of a clip, evenly spread."""
    capture = cv2.VideoCapture(str(shared_data / "clips" / f"{clip}.mp4"))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    for index in range(many):
        capture.set(cv2.CAP_PROP_POS_FRAMES, index * (total - 1) // many)
        ok, image = capture.read()
        assert ok, (clip, index)
        yield image.astype(np.uint8, copy=False)
