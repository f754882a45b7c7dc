"""Networks in 16-bit arithmetic, with what 16 bits cannot hold left in 32.

TensorRT takes the precision from the graph, so the graph is converted: every 32-bit value that an operator in 16 bit
makes or takes gets a twin of 16 bits, and a cast stands wherever the two kinds of operators meet. Inputs and outputs
stay in 32 bit. The names of 32-bit values stay too, so that graphs inside operators still find what they take from
outside; a twin has its original's name with `TWIN` behind it.

What stays in 32 bit (`Converted.wide` tells which nodes and why; the lists are in `livecam.inference.half_rules`):

- **Statistics**: means, sums, norms and normalisations, the squares they are taken of, and what is computed from their
  results until they meet the picture again: eps, square root, reciprocal, division. A square overflows 16 bits at 256,
  and an eps of 1e-8 is zero there. TensorRT itself warns of such chains in 16 bit.
- **Constants** that 16 bits cannot hold: larger than 65504, or so small that nothing is left.
- **Operators** that ONNX defines for 32 bit only, or whose types are not known: other vendors', control flow.
- **What the caller names**, such as what `overflowing` found on pictures like those to come.

Batch normalisation with fixed statistics becomes a multiplication and an addition, worked out in 64 bit beforehand:
a variance need not fit into 16 bits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from livecam.core.seams import Tensor
from livecam.errors import ModelError
from livecam.inference.half_graph import Facts, facts_of, fold_normalisations, replace_nodes, tidy, values_of
from livecam.inference.half_rules import ALWAYS_WIDE, LARGEST, touches, wide_nodes

CONVERTER: Final = "1"
"""Version; part of the key of every plan, and raised with every change of what comes out."""

TWIN: Final = ".half"

_HEADROOM: Final = 2.0
"""Left for pictures that were not seen when values were measured."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a network.

    Attributes:
        model: In 16 bit.
        wide: Why each node that stayed in 32 bit did, by its name.
        halved: How many nodes work in 16 bit.
    """

    model: ModelProto
    wide: Mapping[str, str]
    halved: int


def to_half(model: ModelProto, keep_wide: Iterable[str] = ()) -> Converted:
    """`model` in 16 bit, with inputs and outputs as they were; one that holds 16-bit weights comes back as it is.

    Args:
        model: With its weights inside. It is changed in place, since it can be half a gigabyte.
        keep_wide: Names of nodes, or of kinds of operators, that are to stay in 32 bit besides.

    Raises:
        ModelError: A name in `keep_wide` is none of the network's, or the network cannot be understood.
    """
    if any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer):
        return Converted(model, {}, 0)
    tidy(model.graph)
    fold_normalisations(model)
    named = frozenset(keep_wide)
    unknown = named - {name for node in model.graph.node for name in (node.name, node.op_type)}
    if unknown:
        raise ModelError(f"The network has no node and no operator '{min(unknown)}' that could stay in 32 bit.")
    facts = facts_of(model)
    wide = wide_nodes(list(model.graph.node), facts, named)
    halves = {node.name for node in model.graph.node if node.name not in wide and touches(node, facts)}
    _Rewriting(model, facts, halves).run()
    return Converted(model, wide, len(halves))


def overflowing(model: ModelProto, feeds: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of the nodes of a 32-bit network that give or take values near to what 16 bits can hold, for `keep_wide`.

    Args:
        model: Its nodes are named and its constants made weights in place, so that the names hold for `to_half`.
        feeds: Inputs like those to come, by name. The network is run on them, on the CPU, and every result looked at.
    """
    tidy(model.graph)
    facts = facts_of(model)
    named = [name for node in model.graph.node for name in node.output if name and facts.is_float(name)]
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in named)
    options = onnxruntime.SessionOptions()
    # Fused operators would have no results of their own.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = dict(zip(named, session.run(named, dict(feeds)), strict=True))
    # Written so that a result that is not a number counts too.
    large = {name for name, result in results.items() if not np.all(np.abs(result) <= LARGEST / _HEADROOM)}
    return tuple(node.name for node in model.graph.node if large.intersection([*node.output, *node.input]))


class _Rewriting:
    """Gives values their twins and puts casts where they are needed.

    Args:
        model: Changed in place.
        facts: About it.
        halves: Names of the nodes that are to work in 16 bit.
    """

    def __init__(self, model: ModelProto, facts: Facts, halves: set[str]) -> None:
        self._model = model
        self._facts = facts
        self._halves = halves
        self._made_half = {
            name
            for node in model.graph.node
            if node.name in halves
            for name in node.output
            if name and facts.is_float(name)
        }
        self._needed_half, self._needed_wide = self._needs()

    def run(self) -> None:
        """Change the model."""
        graph = self._model.graph
        nodes = [self._cast(value.name) for value in graph.input if self._is_fed(value.name)]
        for node in graph.node:
            outputs = list(node.output)
            if node.name in self._halves:
                self._halve(node)
            nodes.append(node)
            nodes += [self._cast(name) for name in outputs if self._meets(name)]
        replace_nodes(graph, nodes)
        self._halve_weights()
        del graph.value_info[:]

    def _needs(self) -> tuple[set[str], set[str]]:
        """Which 32-bit values are taken in 16 bit, and which as they are."""
        half, wide = set[str](), set(self._facts.held_wide)
        for node in self._model.graph.node:
            for place, name in enumerate(node.input):
                (half if self._takes_half(node, place, name) else wide).add(name)
        return half, wide

    def _takes_half(self, node: NodeProto, place: int, name: str) -> bool:
        spared = ALWAYS_WIDE.get(node.op_type, frozenset())
        return node.name in self._halves and place not in spared and self._facts.is_float(name)

    def _is_fed(self, name: str) -> bool:
        """Whether the input `name` of the network is taken in 16 bit. Old files list weights among the inputs."""
        return name in self._needed_half and name not in self._facts.weights

    def _meets(self, name: str) -> bool:
        """Whether it is made in one precision and taken in the other."""
        needed = self._needed_wide if name in self._made_half else self._needed_half
        return self._facts.is_float(name) and name in needed

    def _cast(self, name: str) -> NodeProto:
        if name in self._made_half:
            return helper.make_node("Cast", [name + TWIN], [name], name=f"{name}.widened", to=TensorProto.FLOAT)
        return helper.make_node("Cast", [name], [name + TWIN], name=f"{name}.halved", to=TensorProto.FLOAT16)

    def _halve(self, node: NodeProto) -> None:
        for place, name in enumerate(node.input):
            if self._takes_half(node, place, name):
                node.input[place] = name + TWIN
        for place, name in enumerate(node.output):
            if name in self._made_half:
                node.output[place] = name + TWIN
        for attribute in node.attribute if node.op_type == "Cast" else ():
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16

    def _halve_weights(self) -> None:
        graph, converted = self._model.graph, set[str]()
        for name in sorted(self._needed_half.intersection(self._facts.weights)):
            tensor = self._facts.weights[name]
            # Values beyond the range are not there, or their operator is wide: see `half_rules.fits`.
            half = numpy_helper.from_array(values_of(tensor).astype(np.float16), name + TWIN)
            if name in self._needed_wide:
                graph.initializer.append(half)
            else:
                tensor.CopyFrom(half)
                converted.add(name)
        kept = [value for value in graph.input if value.name not in converted]
        del graph.input[:]
        graph.input.extend(kept)
