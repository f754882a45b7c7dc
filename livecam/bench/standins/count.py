"""What a network costs: multiply-adds, parameters and values passed on, counted node by node.

Counted as MODELS are compared in the field: one multiply-add for each weight of a convolution, transposed convolution,
Gemm or MatMul and each place it is applied to; everything else is free.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, shape_inference

from livecam.errors import ModelError

Shape: TypeAlias = tuple[int, ...]

_KEPT: Final = 4096
"""Tensors up to this many values may be shapes and scales, and stay for the inference of shapes."""

_FLOATS: Final = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}


@dataclass(frozen=True, slots=True)
class Totals:
    """A network's cost.

    Attributes:
        gmac: Thousand million multiply-adds of one run.
        parameters: Number of stored floating-point values.
        activations: Number of values that the nodes of one run pass on.
    """

    gmac: float
    parameters: int
    activations: int

    @property
    def gflop(self) -> float:
        """Thousand million floating-point operations of one run: two for a multiply-add."""
        return 2 * self.gmac


def count_file(path: Path, sizes: Mapping[str, Shape] | None = None) -> Totals:
    """As `count`, of a file.

    Raises:
        ModelError: It cannot be read, or its shapes cannot be told.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as a network.") from error
    return count(model, sizes)


def count(model: ModelProto, sizes: Mapping[str, Shape] | None = None) -> Totals:
    """Count `model` for inputs of the given `sizes`, which are needed where the graph leaves a dimension free.

    Of the weights only the shapes are looked at; they need have no values. Sizes that the graph works out for itself,
    such as those of a resize to another picture's size, cannot be told.

    Raises:
        ModelError: A shape that matters cannot be told.
    """
    slim = _slim(model)
    _fix(slim.graph, sizes or {})
    try:
        told = shape_inference.infer_shapes(slim, data_prop=True).graph
    except shape_inference.InferenceError as error:
        raise ModelError(f"The shapes inside {model.graph.name} cannot be told: {error}.") from error
    shapes = _shapes(told)
    passed = sum(math.prod(shapes.get(name, ())) for node in told.node for name in node.output)
    stored = sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.data_type in _FLOATS)
    return Totals(sum(_macs(node, shapes) for node in told.node) / 1e9, stored, passed)


def _slim(model: ModelProto) -> ModelProto:
    """`model` with large tensors as inputs without values."""
    slim = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    source, graph = model.graph, slim.graph
    graph.name = source.name
    graph.node.extend(source.node)
    graph.output.extend(source.output)
    stored = {tensor.name for tensor in source.initializer}
    graph.input.extend(value for value in source.input if value.name not in stored)
    for tensor in source.initializer:
        if math.prod(tensor.dims) <= _KEPT and _has_values(tensor):
            graph.initializer.append(tensor)
        else:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return slim


def _has_values(tensor: TensorProto) -> bool:
    fields = {field.name for field, _ in tensor.ListFields()}
    return bool(fields & {"raw_data", "float_data", "int32_data", "int64_data", "double_data"})


def _fix(graph: GraphProto, sizes: Mapping[str, Shape]) -> None:
    """Write `sizes` into the graph's inputs."""
    for value in graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, sizes.get(value.name, ()), strict=False):
            dim.dim_value = size
    for value in graph.output:
        # What was free may contradict the sizes just written.
        value.type.tensor_type.ClearField("shape")


def _shapes(graph: GraphProto) -> dict[str, Shape]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = _dims(value)
    return shapes


def _dims(value: onnx.ValueInfoProto) -> Shape:
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _macs(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Multiply-adds of one node.

    Raises:
        ModelError: A shape cannot be told.
    """
    if node.op_type not in {"Conv", "ConvTranspose", "Gemm", "MatMul"}:
        return 0
    first, second = (shapes.get(name, ()) for name in node.input[:2])
    result = shapes.get(node.output[0], ())
    match node.op_type:
        case "Conv":
            macs = math.prod(result) * math.prod(second[1:])
        case "ConvTranspose":
            macs = math.prod(first) * math.prod(second[1:])
        case "Gemm":
            macs = math.prod(result) * first[0 if _flag(node, "transA") else 1] if first else 0
        case _:
            macs = math.prod(result) * first[-1] if first else 0
    if macs == 0:
        raise ModelError(f"The size of node {node.name or node.output[0]} ({node.op_type}) cannot be told.")
    return macs


def _flag(node: NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)
