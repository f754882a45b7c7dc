"""Real networks of a few kilobytes with the ports of published ones."""

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Axis = int | str


def small_swapper(path: Path, rows: Axis = 1, *, mixing: bool = False, stuck: bool = False) -> Path:
    """Colours ``target`` (rows, 3, 128, 128) by ``source`` (rows, 512) into ``output``.

    Args:
        path: The file that is written.
        rows: The first axis, as the file states it.
        mixing: Every picture gets something of the others.
        stuck: It reshapes to one picture, so that several do not run, whatever its axes say.
    """
    weights = np.random.default_rng(7).standard_normal((512, 3)).astype(np.float32)
    constants: dict[str, np.ndarray] = {
        "w": weights,
        "planes": np.array([2, 3], np.int64),
        "one": np.array([1, 3, 128, 128], np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["source", "w"], ["tint"]),
        helper.make_node("Unsqueeze", ["tint", "planes"], ["spread"]),
        helper.make_node("Add", ["target", "spread"], ["coloured"]),
    ]
    last = "coloured"
    if mixing:
        nodes += [
            helper.make_node("ReduceMean", ["target"], ["all"], axes=[0], keepdims=1),
            helper.make_node("Add", ["coloured", "all"], ["mixed"]),
        ]
        last = "mixed"
    if stuck:
        nodes.append(helper.make_node("Reshape", [last, "one"], ["reshaped"]))
        last = "reshaped"
    nodes.append(helper.make_node("Sigmoid", [last], ["output"]))
    shapes: dict[str, list[Axis]] = {"target": [rows, 3, 128, 128], "source": [rows, 512]}
    used = {name for node in nodes for name in node.input}
    return _saved(
        path, nodes, shapes, {"output": [rows, 3, 128, 128]}, {k: v for k, v in constants.items() if k in used}
    )


def small_detector(path: Path) -> Path:
    """Gives two outputs without a first axis of one, as SCRFD does, for any size of picture."""
    nodes = [
        helper.make_node("AveragePool", ["input.1"], ["cells"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Reshape", ["cells", "column"], ["448"]),
        helper.make_node("Sigmoid", ["448"], ["471"]),
    ]
    constants = {"column": np.array([-1, 3], np.int64)}
    outputs: dict[str, list[Axis]] = {"448": ["cells", 3], "471": ["cells", 3]}
    return _saved(path, nodes, {"input.1": [1, 3, "?", "?"]}, outputs, constants)


def _saved(
    path: Path,
    nodes: list[NodeProto],
    inputs: dict[str, list[Axis]],
    outputs: dict[str, list[Axis]],
    constants: dict[str, np.ndarray],
) -> Path:
    ins, outs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
        for shapes in (inputs, outputs)
    )
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", ins, outs, weights)
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
