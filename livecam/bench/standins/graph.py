"""An ONNX graph in the making: nodes now, weights when they are written.

Weights are drawn from seeded generators one tensor at a time, so that a network of a gigabyte can be counted without
any weights, and written without ever being in memory whole.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Attribute: TypeAlias = int | float | str | Sequence[int] | Sequence[float]
Dims: TypeAlias = Sequence[int | str]
Array: TypeAlias = npt.NDArray[np.generic]

MARK: Final = "livecam.stand_in"
"""Key of the metadata that every stand-in carries, with the value ``1``."""

DIVISOR: Final = f"{MARK}.divisor"
"""Key of what its widths are divided by."""

_TYPES: Final = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
}
_IR_VERSION: Final = 8
_TOLD: Final = (
    "A stand-in made by livecam: random or planted weights with the shapes of a published network. "
    "It is not that network and gives no usable faces."
)


@dataclass(frozen=True, slots=True)
class Wire:
    """A value that flows between nodes.

    Attributes:
        name: In the graph.
        channels: Its length along axis 1 of a picture, or along the last axis of a vector.
    """

    name: str
    channels: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """A weight to be drawn later: normal with mean `centre` and standard deviation `spread`.

    Attributes:
        name: In the graph.
        shape: Of the tensor.
        spread: Standard deviation; 0 for a constant.
        centre: Mean.
        dtype: As it is stored.
    """

    name: str
    shape: tuple[int, ...]
    spread: float
    centre: float
    dtype: str

    def draw(self, generator: np.random.Generator) -> TensorProto:
        """The tensor, drawn from `generator`."""
        if self.spread == 0.0:
            values = np.full(self.shape, self.centre, np.float32)
        else:
            values = generator.standard_normal(self.shape, np.float32)
            values *= np.float32(self.spread)
            values += np.float32(self.centre)
        return numpy_helper.from_array(values.astype(self.dtype, copy=False), self.name)

    @property
    def outline(self) -> TensorProto:
        """What it looks like, without values."""
        return TensorProto(name=self.name, dims=self.shape, data_type=_TYPES[self.dtype])


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished graph whose weights are not drawn yet.

    Attributes:
        skeleton: Everything but the initializers.
        weights: In the order in which they stand in the file.
    """

    skeleton: ModelProto
    weights: tuple[Parameter | TensorProto, ...]

    def outline(self) -> ModelProto:
        """The graph with weights of the right shapes and no values: enough for `count`, and not to be run."""
        model = ModelProto()
        model.CopyFrom(self.skeleton)
        drawn = (weight.outline if isinstance(weight, Parameter) else weight for weight in self.weights)
        model.graph.initializer.extend(drawn)
        return model

    def model(self, seed: int = 0) -> ModelProto:
        """The whole network in memory; use `write` for large ones."""
        model = ModelProto()
        for piece in self._pieces(seed):
            model.MergeFrom(piece)
        return model

    def write(self, path: Path, seed: int = 0) -> None:
        """Write the network to `path`, one tensor at a time; `path` is either whole or not there.

        Raises:
            OSError: It cannot be written.
        """
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                # Serialized messages written one after another are read as one merged message: a rule of protobuf.
                for piece in self._pieces(seed):
                    file.write(piece.SerializeToString())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _pieces(self, seed: int) -> Iterator[ModelProto]:
        yield self.skeleton
        for index, weight in enumerate(self.weights):
            tensor = weight.draw(np.random.default_rng((seed, index))) if isinstance(weight, Parameter) else weight
            yield ModelProto(graph=GraphProto(initializer=[tensor]))


class Graph:
    """Collects nodes. Tensors and nodes are numbered, since some loaders judge a network by the names of its nodes.

    Args:
        name: Of the network; with `about` it goes into the metadata.
        about: What else is to be known, such as the divisor.
        opset: Version of the operators.
        half: Whether weights and work are 16-bit floats; inputs and outputs stay 32-bit.
    """

    def __init__(self, name: str, about: dict[str, str], opset: int = 17, half: bool = False) -> None:
        self.dtype: Final = "float16" if half else "float32"
        self._name = name
        self._about = about
        self.opset: Final = opset
        self._nodes: list[NodeProto] = []
        self._weights: list[Parameter | TensorProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def input(self, name: str, shape: Dims, dtype: str = "float32", channels: int = 0) -> Wire:
        """An input of the network. `channels` is needed where axis 1 of a picture is not the channels."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], shape))
        wire = Wire(name, channels or int(shape[1]))
        return self.cast(wire, self.dtype) if dtype != self.dtype else wire

    def output(self, wire: Wire, name: str, shape: Dims, dtype: str = "float32") -> None:
        """Make `wire` an output of the network."""
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], shape))
        if dtype == self.dtype:
            self._add("Identity", [wire.name], name)
        else:
            self._add("Cast", [wire.name], name, to=_TYPES[dtype])

    def cast(self, wire: Wire, dtype: str) -> Wire:
        """`wire` in another type."""
        return self.op("Cast", wire, to=_TYPES[dtype])

    def weight(self, shape: Sequence[int], spread: float, centre: float = 0.0) -> str:
        """Name of a new weight in the graph's own type."""
        name = f"w{len(self._weights)}"
        self._weights.append(Parameter(name, tuple(shape), spread, centre, self.dtype))
        return name

    def named_weight(self, name: str, shape: Sequence[int], spread: float) -> None:
        """A 32-bit weight under a name that loaders look for; no node needs to use it."""
        self._weights.append(Parameter(name, tuple(shape), spread, 0.0, "float32"))

    def constant(self, values: Array | float) -> str:
        """Name of a new constant: floats in the graph's own type, integers as they are."""
        array = np.asarray(values)
        if array.dtype.kind == "f":
            array = array.astype(self.dtype)
        return self.raw(array)

    def raw(self, values: Array) -> str:
        """Name of a new constant in the type it has."""
        name = f"c{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def op(self, kind: str, *inputs: Wire | str, channels: int = 0, **attributes: Attribute) -> Wire:
        """A node's first output; it has the first input's channels unless `channels` are given."""
        name = f"t{len(self._nodes)}"
        self._add(kind, [value if isinstance(value, str) else value.name for value in inputs], name, **attributes)
        first = inputs[0]
        return Wire(name, channels or (0 if isinstance(first, str) else first.channels))

    def finish(self) -> Draft:
        """The graph as it is now."""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs)
        opset = helper.make_opsetid("", self.opset)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="livecam")
        model.doc_string = _TOLD
        helper.set_model_props(model, {MARK: "1", f"{MARK}.name": self._name, **self._about})
        return Draft(model, tuple(self._weights))

    def _add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> None:
        node = helper.make_node(kind, inputs, [output], f"n{len(self._nodes)}")
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self._nodes.append(node)
