"""What the converter to 16 bit must know of a graph, and what it tidies before it begins."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from livecam.errors import ModelError

_SMALL: Final = 1024
"""Values; smaller weights may be shapes or axes, which shape inference needs to know."""

Values = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the values of a graph, by their names.

    Attributes:
        types: Element type, a number of `TensorProto.DataType`; values of an unknown one are missing.
        ranks: Number of axes; values of an unknown one are missing.
        weights: The initializers.
        producers: The node that makes a value.
        consumers: The nodes that take it.
        held_wide: What graphs inside operators take from outside, and the outputs of the network.
    """

    types: dict[str, int]
    ranks: Mapping[str, int]
    weights: Mapping[str, TensorProto]
    producers: Mapping[str, NodeProto]
    consumers: Mapping[str, Sequence[NodeProto]]
    held_wide: frozenset[str]

    def is_float(self, name: str) -> bool:
        """Whether it is a 32-bit value."""
        return self.types.get(name) == TensorProto.FLOAT


def facts_of(model: ModelProto) -> Facts:
    """What is known of `model`.

    Raises:
        ModelError: Its types contradict each other.
    """
    graph = model.graph
    consumers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    outside = {name for node in graph.node for inner in _graphs_in(node) for name in _names_in(inner)}
    types, ranks = _inferred(model)
    return Facts(
        types,
        ranks,
        {tensor.name: tensor for tensor in graph.initializer},
        {name: node for node in graph.node for name in node.output},
        consumers,
        frozenset(outside | {value.name for value in graph.output}),
    )


def tidy(graph: GraphProto) -> None:
    """Give every node a name of its own, and turn constants that hold a tensor into weights."""
    numbers, seen, kept = count(), set[str](), []
    for node in graph.node:
        held = [attribute.t for attribute in node.attribute if attribute.name == "value"]
        if node.op_type == "Constant" and held:
            held[0].name = node.output[0]
            graph.initializer.append(held[0])
            continue
        while not node.name or node.name in seen:
            node.name = f"{node.op_type}_{next(numbers)}"
        seen.add(node.name)
        kept.append(node)
    replace_nodes(graph, kept)


def replace_nodes(graph: GraphProto, nodes: Sequence[NodeProto]) -> None:
    """Put `nodes`, which may be the graph's own, in the place of all nodes."""
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def fold_normalisations(model: ModelProto) -> None:
    """Batch normalisation with fixed statistics becomes a multiplication and an addition, worked out in 64 bit.

    (x - mean) / sqrt(variance + eps) * scale + bias = x * factor + offset
    """
    facts, nodes = facts_of(model), list[NodeProto]()
    for node in model.graph.node:
        foldable = node.op_type == "BatchNormalization" and len(node.output) == 1 and node.input[0] in facts.ranks
        if not (foldable and all(name in facts.weights for name in node.input[1:])):
            nodes.append(node)
            continue
        names = [f"{node.output[0]}.{what}" for what in ("factor", "offset", "scaled")]
        # Channels are the axis behind the batch: a picture's factor is (channels, 1, 1).
        shape = (-1, *(1,) * max(0, facts.ranks[node.input[0]] - 2))
        for name, values in zip(names, _normalisation(node, facts.weights), strict=False):
            model.graph.initializer.append(numpy_helper.from_array(values.reshape(shape).astype(np.float32), name))
        nodes.append(helper.make_node("Mul", [node.input[0], names[0]], [names[2]], name=f"{node.name}.factor"))
        nodes.append(helper.make_node("Add", [names[2], names[1]], [node.output[0]], name=f"{node.name}.offset"))
    replace_nodes(model.graph, nodes)


def values_of(tensor: TensorProto) -> Values:
    """The values of a weight.

    Raises:
        ModelError: They are not in the file, or are not what it says of them.
    """
    if tensor.external_data:
        raise ModelError(f"The weight '{tensor.name}' is kept outside the network's file and was not read with it.")
    try:
        values: Values = numpy_helper.to_array(tensor)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The weight '{tensor.name}' cannot be read: {error}.") from error
    return values


def _normalisation(node: NodeProto, weights: Mapping[str, TensorProto]) -> tuple[Values, Values]:
    """Factor and offset, (channels,) f64."""
    scale, bias, mean, variance = (values_of(weights[name]).astype(np.float64) for name in node.input[1:])
    eps = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + eps)
    return factor, bias - mean * factor


def _inferred(model: ModelProto) -> tuple[dict[str, int], dict[str, int]]:
    """Element types and ranks; worked out without the weights, which would be copied several times."""
    light = ModelProto(ir_version=max(model.ir_version, 4), opset_import=model.opset_import, functions=model.functions)
    graph, given = light.graph, {value.name for value in model.graph.input}
    graph.name = "light"
    graph.node.extend(model.graph.node)
    graph.output.extend(helper.make_empty_tensor_value_info(value.name) for value in model.graph.output)
    graph.input.extend(model.graph.input)
    for tensor in model.graph.initializer:
        if int(np.prod(tensor.dims)) <= _SMALL and not tensor.external_data:
            graph.initializer.append(tensor)
        elif tensor.name not in given:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    try:
        graph = onnx.shape_inference.infer_shapes(light).graph
    except (onnx.shape_inference.InferenceError, DecodeError) as error:
        raise ModelError(f"The types of the network cannot be worked out: {error}") from error
    values = [*graph.input, *graph.value_info, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in values
        if value.type.tensor_type.HasField("shape")
    }
    return {name: kind for name, kind in types.items() if kind != TensorProto.UNDEFINED}, ranks


def has_graphs(node: NodeProto) -> bool:
    """Whether it holds graphs of its own, such as the branches of a condition."""
    return any(attribute.type in {AttributeProto.GRAPH, AttributeProto.GRAPHS} for attribute in node.attribute)


def _graphs_in(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        yield from [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs


def _names_in(graph: GraphProto) -> Iterator[str]:
    """Everything a graph inside an operator, and those inside it, take or give."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for inner in _graphs_in(node):
            yield from _names_in(inner)
