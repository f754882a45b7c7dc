"""Files that both livecam and insightface load: exact ports, arithmetic that can be followed, no weights of anybody.

insightface decides how a file is fed by the names of its first nodes (MODELS.md B.1); these are named on purpose.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from livecam.core.frame import Image, Points, Size
from livecam.core.seams import Engine, Tensor
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.vision.template import Template, points_of

EMAP = (np.random.default_rng(5).standard_normal((512, 512)) * 0.1723).astype(np.float32)
GRID = 8
"""What an identity adds to a picture varies over so many squares a side."""


class Session:
    """A session that keeps what it was fed."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.fed: dict[str, npt.NDArray[np.float32]] = {}

    def get_inputs(self) -> Any:
        return self._session.get_inputs()

    def get_outputs(self) -> Any:
        return self._session.get_outputs()

    def run(self, names: Sequence[str], feeds: Mapping[str, Tensor]) -> Any:
        self.fed = {name: tensor.astype(np.float32) for name, tensor in feeds.items()}
        return self._session.run(names, feeds)


class Recorded:
    """An engine that keeps what it was fed."""

    def __init__(self, engine: Engine) -> None:
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self._engine = engine
        self.fed: dict[str, npt.NDArray[np.float32]] = {}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed = {name: tensor.astype(np.float32) for name, tensor in feeds.items()}
        return self._engine.run(feeds)

    def close(self) -> None:
        self._engine.close()


def recipe(name: str) -> Model:
    """A shipped recipe."""
    return load_model(name, catalogue_folders(None))


def engine(name: str, path: Path) -> Engine:
    """The file `path` loaded as the shipped recipe `name` says, as livecam does."""
    return load_model_engine(recipe(name), path)


def scrfd(path: Path, size: Size, outputs: Mapping[str, Tensor]) -> Path:
    """Gives `outputs` whatever it sees: each a constant plus nothing of the picture."""
    nodes = [
        helper.make_node("ReduceMean", ["input.1"], ["seen"], "shrink", keepdims=0),
        helper.make_node("Mul", ["seen", "zero"], ["nothing"], "forget"),
    ]
    weights: dict[str, npt.NDArray[Any]] = {"zero": np.array(0, np.float32)}
    results = []
    for role, tensor in outputs.items():
        weights[f"planted_{role}"] = tensor
        nodes.append(helper.make_node("Add", [f"planted_{role}", "nothing"], [role], f"give_{role}"))
        results.append(_value(role, tensor.shape))
    return _save(path, nodes, [_value("input.1", (1, 3, size.height, size.width))], results, weights)


def arcface(path: Path) -> Path:
    """Embeds a face by a fixed projection of its 16x16 means."""
    projection = np.random.default_rng(1).standard_normal((3 * 256, 512)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input.1"], ["means"], "shrink", kernel_shape=[7, 7], strides=[7, 7]),
        helper.make_node("Flatten", ["means"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "projection"], ["683"], "project"),
    ]
    inputs, outputs = [_value("input.1", (1, 3, 112, 112))], [_value("683", (1, 512))]
    return _save(path, nodes, inputs, outputs, {"projection": projection})


def landmarks(path: Path) -> Path:
    """106 points that depend on what is seen; its first node makes insightface feed values 0..255."""
    projection = np.random.default_rng(2).standard_normal((3 * 256, 212)).astype(np.float32) / 40000
    nodes = [
        helper.make_node("Identity", ["data"], ["same"], "bn_data"),
        helper.make_node("AveragePool", ["same"], ["means"], "shrink", kernel_shape=[12, 12], strides=[12, 12]),
        helper.make_node("Flatten", ["means"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "projection"], ["fc1"], "project"),
    ]
    return _save(path, nodes, [_value("data", (1, 3, 192, 192))], [_value("fc1", (1, 212))], {"projection": projection})


def inswapper(path: Path, whole: bool = False) -> Path:
    """``clip(target + latent @ small)``, what is added varying over the picture; emap is its last tensor.

    With `whole`, what is added is a whole number of 8-bit steps and a tenth, so that rounding and cutting agree.
    """
    small = np.random.default_rng(3).standard_normal((512, 3 * GRID * GRID)).astype(np.float32) * 0.3
    weights: dict[str, npt.NDArray[Any]] = {
        "small": small,
        "shape": np.array([1, 3, GRID, GRID]),
        "none": np.array([], np.float32),
        "scales": np.array([1, 1, 128 / GRID, 128 / GRID], np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(1, np.float32),
        "full": np.array(255, np.float32),
        "tenth": np.array(0.1, np.float32),
        "buff2fs": EMAP,
    }
    nodes = [
        helper.make_node("MatMul", ["source", "small"], ["flat"], "project"),
        helper.make_node("Reshape", ["flat", "shape"], ["coarse"], "fold"),
        helper.make_node("Resize", ["coarse", "none", "scales"], ["shift"], "widen", mode="linear"),
        helper.make_node("Mul", ["shift", "full"], ["levels"], "count"),
        helper.make_node("Round", ["levels"], ["steps"], "step"),
        helper.make_node("Add", ["steps", "tenth"], ["more"], "exceed"),
        helper.make_node("Div", ["more", "full"], ["stepped"], "uncount"),
        helper.make_node("Add", ["target", "stepped" if whole else "shift"], ["raw"], "shift"),
        helper.make_node("Clip", ["raw", "low", "high"], ["output"], "cut"),
    ]
    inputs = [_value("target", (1, 3, 128, 128)), _value("source", (1, 512))]
    return _save(path, nodes, inputs, [_value("output", (1, 3, 128, 128))], weights)


def frame(width: int = 1280, height: int = 720, seed: int = 0) -> Image:
    """A frame with edges, as soft as a camera's, and gradients in all colours."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    rows, columns = np.arange(height) // 16, np.arange(width) // 16
    steps = coarse[rows][:, columns].astype(np.int64)
    slope = np.add.outer(np.arange(height), np.arange(width))[..., None] % 64
    sharp = ((steps * 3 + slope) // 4).astype(np.uint8)
    image: Image = cv2.GaussianBlur(sharp, (0, 0), 1.0).astype(np.uint8, copy=False)
    return image


def fives(many: int, seed: int = 0, width: int = 1280, height: int = 720) -> list[Points]:
    """Five points of faces of any size and turn, a little out of shape, whole inside a frame."""
    random = np.random.default_rng(seed)
    found: list[Points] = []
    for _ in range(many):
        size, angle = random.uniform(60, 260), random.normal(0, 0.3)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * size
        shape = points_of(Template.ARCFACE_112_V2, 1) - 0.5 + random.normal(0, 0.02, (5, 2))
        place = random.uniform((size, size), (width - size, height - size))
        found.append((shape @ turn.T + place).astype(np.float32))
    return found


def _value(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _save(
    path: Path,
    nodes: list[NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: Mapping[str, npt.NDArray[Any]],
) -> Path:
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "standin", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
