"""Converts a TFLite network to ONNX, with the preparation of its picture inside.

The result takes the picture as cameras and warps give it, (1, H, W, 3) uint8 BGR: the order of colours is turned in the
first convolution's weights, and the conversion to float costs less in the graph than in NumPy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from livecam.errors import ModelError
from livecam.inference.convert.attention import CUSTOM
from livecam.inference.convert.flat import damaged
from livecam.inference.convert.lowering import TO_NCHW, TO_NHWC, Lowering
from livecam.inference.convert.ops import BUILT_IN
from livecam.inference.convert.tflite import Network, Operator, parse

OPSET: Final = 17
IR_VERSION: Final = 8
_CUSTOM_CODE: Final = 32


@dataclass(frozen=True, slots=True)
class Picture:
    """What the source network wants done to a picture of RGB values 0..255: `(value - mean) / std`."""

    name: str
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the converted network.

    Attributes:
        name: Its new name.
        shape: Its new shape; of as many elements as the old one.
        sigmoid: Whether the network gives a logit, to be turned into a probability.
    """

    name: str
    shape: tuple[int, ...]
    sigmoid: bool


def to_onnx(data: bytes, picture: Picture, outputs: Mapping[str, Output]) -> bytes:
    """The ONNX file of a TFLite network.

    Args:
        data: The TFLite file; it has one input, an RGB picture.
        picture: How that input is prepared, and its new name.
        outputs: What becomes of the source's outputs, by their old names; the others are left out.

    Raises:
        ModelError: `data` is damaged, uses an operator that is not converted, or lacks an output of such a name.
    """
    network = parse(data)
    graph = Lowering(network)
    shape = _read_picture(graph, picture)
    for operator in network.operators:
        _lower(graph, operator)
    _fold_colours(graph, graph.defined(network.inputs[0]), picture.std)
    specs = [_write_output(graph, number, output) for number, output in _chosen(network, outputs)]
    source = helper.make_tensor_value_info(picture.name, TensorProto.UINT8, shape)
    weights = [numpy_helper.from_array(np.ascontiguousarray(w).reshape(w.shape), n) for n, w in graph.weights.items()]
    body = helper.make_graph(graph.nodes, "livecam", [source], specs, weights)
    return _checked(helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION))


def _read_picture(graph: Lowering, picture: Picture) -> tuple[int, ...]:
    """Adds the conversion of the picture, but for colours and scale; returns the shape of the input."""
    number = graph.network.inputs[0]
    shape = graph.network.tensors[number].shape
    if len(graph.network.inputs) != 1 or len(shape) != 4 or shape[3] != 3:
        raise ModelError(f"The network's input is not one picture of three colours: its shape is {shape}.")
    value = graph.node("Cast", [picture.name], to=TensorProto.FLOAT)
    value = graph.node("Transpose", [value], perm=list(TO_NCHW))
    if picture.mean:
        value = graph.node("Sub", [value, graph.floats(picture.mean)])
    graph.define(number, value)
    return shape


def _fold_colours(graph: Lowering, value: str, std: float) -> None:
    """Makes the convolutions that read `value` want BGR, `std` times as large."""
    for node in [node for node in graph.nodes if value in node.input]:
        if node.op_type == "Conv":
            name = node.input[1]
            graph.weights[name] = (graph.weights[name][:, ::-1] / std).astype(np.float32)
        elif node.op_type == "Pad":
            _fold_colours(graph, node.output[0], std)
        else:
            raise ModelError(
                f"The network begins with {node.op_type} instead of a convolution, which is not converted."
            )


def _lower(graph: Lowering, operator: Operator) -> None:
    rule = CUSTOM.get(operator.custom) if operator.code == _CUSTOM_CODE else BUILT_IN.get(operator.code)
    if rule is None:
        raise ModelError(f"The network uses operator {operator.custom or operator.code}, which is not converted.")
    try:
        value = rule(graph, operator)
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        raise damaged(f"operator {operator.custom or operator.code} contradicts its tensors ({error})") from error
    if value is not None:
        graph.define(operator.outputs[0], value)


def _chosen(network: Network, outputs: Mapping[str, Output]) -> list[tuple[int, Output]]:
    """The tensor of each output that is wanted."""
    numbers = {network.tensors[number].name: number for number in network.outputs}
    missing = sorted(outputs.keys() - numbers.keys())
    if missing:
        raise ModelError(f"The network has no output {missing[0]}; it has {', '.join(numbers)}.")
    return [(numbers[name], output) for name, output in outputs.items()]


def _write_output(graph: Lowering, number: int, output: Output) -> ValueInfoProto:
    """Gives TFLite tensor `number` its new shape and name."""
    shape = graph.network.tensors[number].shape
    if math.prod(shape) != math.prod(output.shape):
        raise ModelError(f"Output {output.name} has the shape {shape}, which does not fit {output.shape}.")
    value = graph.defined(number)
    if len(shape) == 4:
        value = graph.node("Transpose", [value], perm=list(TO_NHWC))
    if output.sigmoid:
        value = graph.node("Sigmoid", [value])
    graph.node("Reshape", [value, graph.integers(output.shape)], output.name)
    return helper.make_tensor_value_info(output.name, TensorProto.FLOAT, output.shape)


def _checked(model: ModelProto) -> bytes:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise damaged(f"its operators do not fit together ({str(error).splitlines()[0]})") from error
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized
