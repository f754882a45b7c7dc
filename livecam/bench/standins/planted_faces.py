"""Detectors and landmarkers that find what they are told to, whatever they are shown.

Their outputs are constants plus 0 times the mean of the input, so that the input is still needed and a picture with a
NaN in it gives NaN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from livecam.bench.standins.graph import Wire
from livecam.bench.standins.layers import Net
from livecam.bench.standins.scrfd import ANCHORS, KINDS, STRIDES
from livecam.bench.standins.width import PLANTED

Floats: TypeAlias = npt.NDArray[np.float32]
Pair: TypeAlias = tuple[float, float]

_NOWHERE: Final = 0.01
"""Score where no face is."""

_YOLO_ROWS: Final = 8400
_MESH_POINTS: Final = 468


@dataclass(frozen=True, slots=True)
class PlantedFace:
    """A face that a planted detector finds.

    Attributes:
        box: x1, y1, x2, y2 in px of the network's input.
        five: Eye on the image's left, eye on its right, nose tip, mouth corner left, mouth corner right; px, likewise.
        score: 0..1.
    """

    box: tuple[float, float, float, float]
    five: Sequence[Pair]
    score: float = 0.9


def plant_scrfd(faces: Sequence[PlantedFace], size: tuple[int, int] = (640, 640), rank: int = 3) -> ModelProto:
    """An SCRFD of `size` (width, height, multiples of 32) that finds `faces`; results (N, k) for `rank` 2.

    Each face stands on the anchor next to its box's centre, on the stride that suits its size.

    Raises:
        ValueError: Three faces share one anchor place, or a box's centre is outside.
    """
    tables = _scrfd_tables(faces, size)
    net = Net("planted_scrfd", PLANTED, opset=11)
    nothing = _nothing(net, net.input("input.1", (1, 3, size[1], size[0])))
    for kind, _ in KINDS:
        for stride in STRIDES:
            table = tables[kind, stride]
            _plant(net, f"{kind}_{stride}", table if rank == 2 else table[None], nothing)
    return net.finish().model()


def _scrfd_tables(faces: Sequence[PlantedFace], size: tuple[int, int]) -> dict[tuple[str, int], Floats]:
    tables = {
        (kind, stride): np.zeros(((size[0] // stride) * (size[1] // stride) * ANCHORS, values), np.float32)
        for kind, values in KINDS
        for stride in STRIDES
    }
    for stride in STRIDES:
        tables["score", stride][:] = _NOWHERE
    for face in faces:
        stride = _stride(face)
        row, anchor = _cell(face, stride, size)
        free = [a for a in range(ANCHORS) if tables["score", stride][row * ANCHORS + a, 0] < 2 * _NOWHERE]
        if not free:
            raise ValueError(f"There is no free anchor for {face}.")
        place = row * ANCHORS + free[0]
        x1, y1, x2, y2 = face.box
        ends = (anchor[0] - x1, anchor[1] - y1, x2 - anchor[0], y2 - anchor[1])
        tables["score", stride][place] = face.score
        tables["box", stride][place] = np.array(ends) / stride
        tables["kps", stride][place] = ((np.array(face.five) - anchor) / stride).reshape(-1)
    return tables


def plant_yunet(faces: Sequence[PlantedFace], size: tuple[int, int] = (640, 640)) -> ModelProto:
    """A YuNet of `size` (width, height, multiples of 32) that finds `faces`.

    Raises:
        ValueError: A box's centre is outside.
    """
    net = Net("planted_yunet", PLANTED, opset=11)
    nothing = _nothing(net, net.input("input", (1, 3, size[1], size[0])))
    tables = {stride: _yunet_table(faces, size, stride) for stride in STRIDES}
    for kind, first, last in (("cls", 0, 1), ("obj", 0, 1), ("bbox", 1, 5), ("kps", 5, 15)):
        for stride in STRIDES:
            _plant(net, f"{kind}_{stride}", tables[stride][None, :, first:last], nothing)
    return net.finish().model()


def _yunet_table(faces: Sequence[PlantedFace], size: tuple[int, int], stride: int) -> Floats:
    """(N, 15): score, box, points of every cell of one stride."""
    table = np.zeros(((size[0] // stride) * (size[1] // stride), 15), np.float32)
    table[:, 0] = _NOWHERE
    for face in (face for face in faces if _stride(face) == stride):
        row, anchor = _cell(face, stride, size)
        x1, y1, x2, y2 = face.box
        centre = (np.array([x1 + x2, y1 + y2]) / 2 - anchor) / stride
        sides = np.log(np.array([x2 - x1, y2 - y1]) / stride)
        points = (np.array(face.five) - anchor).reshape(-1) / stride
        table[row] = (face.score, *centre, *sides, *points)
    return table


def plant_yolo(faces: Sequence[PlantedFace]) -> ModelProto:
    """A YOLO-face of 640 px that finds `faces`; each stands in a column of its own."""
    table = np.zeros((1, 20, _YOLO_ROWS), np.float32)
    for column, face in enumerate(faces):
        x1, y1, x2, y2 = face.box
        points = [value for x, y in face.five for value in (x, y, face.score)]
        table[0, :, column * 7] = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, face.score, *points)
    net = Net("planted_yolo", PLANTED, opset=12)
    _plant(net, "output", table, _nothing(net, net.input("input", (1, 3, 640, 640))))
    return net.finish().model()


def plant_if106(points: Sequence[Pair] | Floats) -> ModelProto:
    """A 2d106det that finds the 106 `points`, px of its input of 192."""
    table = (np.asarray(points, np.float32) / np.float32(96) - np.float32(1)).reshape(1, 212)
    net = Net("planted_2d106det", PLANTED, opset=11)
    _plant(net, "fc1", table, _nothing(net, net.input("data", ("batch", 3, 192, 192))))
    return net.finish().model()


def plant_fan68(points: Sequence[Pair] | Floats, score: float = 0.8) -> ModelProto:
    """A 2dfan4 that finds the 68 `points`, px of its input of 256; each heat map's peak is `score`."""
    places = np.asarray(points, np.float32) / np.float32(4)
    heat = np.zeros((1, 68, 64, 64), np.float32)
    for number, (x, y) in enumerate(np.clip(places, 0, 63).astype(int)):
        heat[0, number, y, x] = score
    net = Net("planted_2dfan4", PLANTED, opset=11)
    nothing = _nothing(net, net.input("input", (1, 3, 256, 256)))
    rows = np.concatenate([places, np.full((68, 1), score, np.float32)], axis=1)
    _plant(net, "landmarks_xyscore", rows[None], nothing)
    _plant(net, "heatmaps", heat, nothing)
    return net.finish().model()


def plant_five68(seed: int = 0) -> ModelProto:
    """A fan_68_5 whose 68 points are fixed weighted means of the five, so that they move as the five do."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(5), 68).astype(np.float32)
    net = Net("planted_fan_68_5", PLANTED, opset=11)
    five = net.input("input", (1, 5, 2))
    net.output(net.op("MatMul", net.constant(shares[None]), five), "output", (1, 68, 2))
    return net.finish().model()


def plant_mesh468(points: Floats) -> ModelProto:
    """A FaceMesh that finds the `points`, (468, 3) px of its input of 192."""
    net = Net("planted_facemesh", PLANTED, opset=11)
    nothing = _nothing(net, net.input("input_1", (1, 192, 192, 3), channels=3))
    _plant(net, "conv2d_21", np.asarray(points, np.float32).reshape(1, 1, 1, _MESH_POINTS * 3), nothing)
    return net.finish().model()


def plant_constant(name: str, shape: tuple[int, ...], outputs: Mapping[str, Floats]) -> ModelProto:
    """A network with one float input ``input`` of `shape` whose `outputs` never change."""
    net = Net(name, PLANTED, opset=11)
    nothing = _nothing(net, net.input("input", shape))
    for key, values in outputs.items():
        _plant(net, key, values, nothing)
    return net.finish().model()


def _nothing(net: Net, x: Wire) -> Wire:
    """0 times the mean of `x`: a scalar."""
    return net.op("Mul", net.op("ReduceMean", x, keepdims=0), net.constant(0.0))


def _plant(net: Net, name: str, values: Floats, nothing: Wire) -> None:
    net.output(net.op("Add", net.constant(values), nothing), name, values.shape)


def _stride(face: PlantedFace) -> int:
    x1, y1, x2, y2 = face.box
    longer = max(x2 - x1, y2 - y1)
    return 8 if longer < 48 else 16 if longer < 128 else 32


def _cell(face: PlantedFace, stride: int, size: tuple[int, int]) -> tuple[int, npt.NDArray[np.float64]]:
    """Number of the cell next to the box's centre, and its corner in px."""
    x1, y1, x2, y2 = face.box
    column, line = math.floor((x1 + x2) / 2 / stride), math.floor((y1 + y2) / 2 / stride)
    if not (0 <= column < size[0] // stride and 0 <= line < size[1] // stride):
        raise ValueError(f"The centre of {face} is outside of {size[0]}x{size[1]}.")
    return line * (size[0] // stride) + column, np.array([column * stride, line * stride], np.float64)
