"""Tiny networks with the exact ports of real ones, and arithmetic that a test can follow.

A picture becomes ``clip(gain * picture + bias + shift)``, by plane, where the shift comes from the other input.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model

FLOAT = TensorProto.FLOAT
SMALL = np.zeros((512, 3), np.float32)
SMALL[0, 0], SMALL[1, 1], SMALL[2, 2] = 0.2, 0.2, 0.2
"""What a source adds to red, green and blue: 0.2 for each of the first three numbers."""

EMAP = (np.random.default_rng(5).standard_normal((512, 512)) * 0.1723).astype(np.float32)


def model(name: str) -> Model:
    """A shipped recipe."""
    return load_model(name, catalogue_folders(None))


def value(name: str, shape: list[int | str], dtype: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def save(
    path: Path,
    nodes: list[NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: dict[str, np.ndarray],
) -> Path:
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "planted", inputs, outputs, tensors)
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(network.SerializeToString())
    return path


def swapper(
    path: Path,
    side: int = 128,
    gain: float = 1.0,
    bias: float = 0.0,
    low: float = 0.0,
    mask: np.ndarray | None = None,
    emap: np.ndarray | None = EMAP,
    source: int = 512,
    weight: float = 1.0,
) -> Path:
    """``target`` and ``source``, times `weight`, to ``output`` (and ``mask``): (1, 3, S, S), values `low` to 1."""
    weights = {
        "small": SMALL[:source] * np.float32(weight),
        "gain": np.array(gain, np.float32),
        "bias": np.array(bias, np.float32),
        "low": np.array(low, np.float32),
        "high": np.array(1, np.float32),
        "shape": np.array([-1, 3, 1, 1]),
    }
    nodes = [
        helper.make_node("MatMul", ["source", "small"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["shift"]),
        helper.make_node("Mul", ["target", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["moved"]),
        helper.make_node("Add", ["moved", "shift"], ["raw"]),
        helper.make_node("Clip", ["raw", "low", "high"], ["output"]),
    ]
    outputs = [value("output", [1, 3, side, side])]
    if mask is not None:
        weights["planted_mask"] = mask.reshape(1, 1, side, side).astype(np.float32)
        nodes.append(helper.make_node("Identity", ["planted_mask"], ["mask"]))
        outputs.append(value("mask", [1, 1, side, side]))
    if emap is not None:
        weights["buff2fs"] = emap
    inputs = [value("target", [1, 3, side, side]), value("source", [1, source])]
    return save(path, nodes, inputs, outputs, weights)


def enhancer(path: Path, side: int = 512, gain: float = 1.0, bias: float = 0.0, weighted: bool = False) -> Path:
    """``input`` (and ``weight``, f64, which is added) to ``output``: (1, 3, S, S), values -1 to 1."""
    weights = {
        "gain": np.array(gain, np.float32),
        "bias": np.array(bias, np.float32),
        "low": np.array(-1, np.float32),
        "high": np.array(1, np.float32),
    }
    nodes = [
        helper.make_node("Mul", ["input", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["moved"]),
        helper.make_node("Clip", ["total" if weighted else "moved", "low", "high"], ["output"]),
    ]
    inputs = [value("input", [1, 3, side, side])]
    if weighted:
        inputs.append(value("weight", [1], TensorProto.DOUBLE))
        nodes[2:2] = [
            helper.make_node("Cast", ["weight"], ["single"], to=FLOAT),
            helper.make_node("Add", ["moved", "single"], ["total"]),
        ]
    return save(path, nodes, inputs, [value("output", [1, 3, side, side])], weights)
