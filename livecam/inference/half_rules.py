"""Which operators stay in 32 bit when a network is converted to 16, and why."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from onnx import NodeProto, TensorProto

from livecam.inference.half_graph import Facts, has_graphs, values_of

LARGEST: Final = float(np.finfo(np.float16).max)
_SMALLEST: Final = float(np.finfo(np.float16).tiny)

_REDUCTIONS: Final = frozenset(
    {
        *("ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"),
        *("ReduceProd", "GlobalAveragePool", "GlobalLpPool"),
    }
)
"""They add up many values, and what they give is a statistic."""

_NORMALISATIONS: Final = frozenset(
    {
        *("InstanceNormalization", "LayerNormalization", "GroupNormalization", "MeanVarianceNormalization"),
        *("LpNormalization", "LRN", "BatchNormalization", "RMSNormalization", "CumSum"),
    }
)
"""They add up many values too, and give a picture."""

_WIDE_ONLY: Final = frozenset(
    {
        *("NonMaxSuppression", "RoiAlign", "MaxRoiPool", "Range", "EyeLike", "ConstantOfShape", "OneHot", "Bernoulli"),
        *("Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Det", "CastLike"),
        *("DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "DFT", "STFT", "GridSample", "Constant"),
        *("SequenceConstruct", "SequenceAt", "ConcatFromSequence", "SplitToSequence", "Optional"),
    }
)
"""Defined for 32 bit only, or their type stands in an attribute."""

_OF_STATISTICS: Final = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal", "Max", "Min", "Clip", "Abs", "Neg", "Exp", "Log"),
        *("Reshape", "Squeeze", "Unsqueeze", "Expand", "Identity", "Transpose", "Flatten"),
    }
)
"""What is done with a statistic."""

_MEETINGS: Final = frozenset({"Sub", "Div", "Mul"})
"""Where a statistic meets the picture: the mean is taken off, and the deviation divided by."""

ALWAYS_WIDE: Final[Mapping[str, frozenset[int]]] = {
    "Resize": frozenset({1, 2}),
    "Upsample": frozenset({1}),
}
"""Inputs that are 32 bit whatever the others are, by operator."""


def wide_nodes(nodes: list[NodeProto], facts: Facts, named: frozenset[str]) -> dict[str, str]:
    """Why each node that must stay in 32 bit must, by its name.

    Args:
        nodes: Of the graph, in its order.
        facts: About it.
        named: Nodes and kinds of operators that the caller wants to stay.
    """
    wide: dict[str, str] = {}
    floats = [node for node in nodes if touches(node, facts)]
    for node in floats:
        reason = _own_reason(node, facts, named)
        if reason:
            wide[node.name] = reason
    for node in floats:
        if node.op_type in _REDUCTIONS:
            for square in _squares_before(node, facts):
                wide.setdefault(square.name, "what a statistic is taken of")
    for node in _after_statistics(floats, facts):
        wide.setdefault(node.name, "computed from a statistic")
    return wide


def touches(node: NodeProto, facts: Facts) -> bool:
    """Whether it has to do with 32-bit values at all."""
    return any(facts.is_float(name) for name in (*node.input, *node.output))


def fits(tensor: TensorProto) -> bool:
    """Whether 16 bits can hold it: nothing too large, and not everything too small."""
    values = np.abs(values_of(tensor).astype(np.float32, copy=False))
    largest = float(values.max(initial=0.0))
    return largest == 0.0 or _SMALLEST <= largest <= LARGEST


def _own_reason(node: NodeProto, facts: Facts, named: frozenset[str]) -> str:
    if node.name in named or node.op_type in named:
        return "named by the caller"
    if node.op_type in _REDUCTIONS or node.op_type in _NORMALISATIONS:
        return "a statistic"
    if node.domain not in {"", "ai.onnx"} or node.op_type in _WIDE_ONLY or has_graphs(node):
        return "not defined in 16 bit"
    if any(name and name not in facts.types for name in (*node.input, *node.output)):
        return "its types are not known"
    spared = ALWAYS_WIDE.get(node.op_type, frozenset())
    weights = (facts.weights.get(name) for place, name in enumerate(node.input) if place not in spared)
    if any(weight.data_type == TensorProto.FLOAT and not fits(weight) for weight in weights if weight is not None):
        return "a constant that 16 bits cannot hold"
    return ""


def _squares_before(reduction: NodeProto, facts: Facts) -> Iterator[NodeProto]:
    """The square that `reduction` adds up, and the difference that is squared."""
    square = facts.producers.get(reduction.input[0])
    if square is None or not _is_square(square):
        return
    yield square
    difference = facts.producers.get(square.input[0])
    if difference is not None and difference.op_type in {"Sub", "Abs"}:
        yield difference


def _is_square(node: NodeProto) -> bool:
    return node.op_type == "Pow" or (node.op_type == "Mul" and node.input[0] == node.input[1])


def _after_statistics(nodes: list[NodeProto], facts: Facts) -> Iterator[NodeProto]:
    """What is computed from statistics alone, up to where they meet the picture, in the graph's order."""
    statistics = {name for node in nodes if node.op_type in _REDUCTIONS for name in node.output}
    for node in nodes:
        taken = [name for name in node.input if facts.is_float(name) and name not in facts.weights]
        if not statistics.intersection(taken) or node.op_type not in _OF_STATISTICS:
            continue
        if statistics.issuperset(taken):
            statistics.update(node.output)
            yield node
        elif node.op_type in _MEETINGS:
            yield node
