"""Reads a TFLite network into plain data: tensors, constants, operators.

Field numbers are those of TensorFlow's schema.fbs (Apache-2.0), version 3 of the format.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.inference.convert.flat import Table, damaged
from livecam.inference.convert.sparse import dense

IDENTIFIER: Final = b"TFL3"
DTYPES: Final = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}
MAX_ELEMENTS: Final = 1 << 26
"""Larger than any tensor of the networks this reader is for; a shape beyond it is a lie."""

Constant = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph.

    Attributes:
        name: As the file has it.
        shape: NHWC for four dimensions.
        dtype: NumPy's name of the element type.
        constant: Its content if the file holds it (weights), else None.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: Constant | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of the graph.

    Attributes:
        code: TFLite's number of the operator; 32 for custom ones.
        custom: The name of a custom operator, else "".
        inputs: Tensor numbers; -1 for an optional input left out.
        outputs: Tensor numbers.
        options: The table of built-in options, if there is one.
        custom_options: The bytes of custom options, maybe none.
    """

    code: int
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    custom_options: bytes

    def option(self, index: int, code: str = "b", default: int = 0) -> int:
        """Built-in option number `index`, read as `struct` format `code`."""
        return default if self.options is None else self.options.number(index, code, default)


@dataclass(frozen=True, slots=True)
class Network:
    """The main graph of a TFLite file; operators stand in the order in which they can run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def parse(data: bytes) -> Network:
    """Read the first graph of the TFLite file `data`.

    Raises:
        ModelError: `data` is no TFLite file, is cut off, or contradicts itself.
    """
    if data[4:8] != IDENTIFIER:
        raise damaged("it is not a TFLite file")
    model = Table.root(data)
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise damaged(f"it holds {len(graphs)} graphs instead of one")
    buffers = [table.array(0, "u1") for table in model.tables(4)]
    tensors = tuple(_tensor(table, buffers) for table in graphs[0].tables(0))
    codes = [(max(table.number(0, "b"), table.number(3, "i")), table.text(1)) for table in model.tables(1)]
    operators = tuple(_operator(table, codes) for table in graphs[0].tables(3))
    network = Network(tensors, operators, graphs[0].integers(1), graphs[0].integers(2))
    _check(network)
    return network


def _tensor(table: Table, buffers: list[npt.NDArray[np.generic]]) -> Tensor:
    shape = table.integers(0)
    if any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise damaged(f"a tensor has the shape {shape}")
    kind, buffer, name = table.number(1), table.number(2, "I"), table.text(3)
    if kind not in DTYPES:
        raise damaged(f"tensor {name} has the unknown element type {kind}")
    if buffer >= len(buffers):
        raise damaged(f"tensor {name} names buffer {buffer} of {len(buffers)}")
    dtype, raw = DTYPES[kind], buffers[buffer]
    return Tensor(name, shape, dtype, _constant(name, shape, dtype, raw, table.table(6)) if raw.size else None)


def _constant(name: str, shape: tuple[int, ...], dtype: str, raw: Constant, sparsity: Table | None) -> Constant:
    if raw.size % np.dtype(dtype).itemsize:
        raise damaged(f"the content of tensor {name} is cut off")
    values = np.frombuffer(raw.tobytes(), dtype)
    if sparsity is not None:
        return dense(values, shape, sparsity)
    if values.size != math.prod(shape):
        raise damaged(f"tensor {name} of shape {shape} has {values.size} elements")
    return values.reshape(shape)


def _operator(table: Table, codes: list[tuple[int, str]]) -> Operator:
    index = table.number(0, "I")
    if index >= len(codes):
        raise damaged(f"an operator has the kind {index} of {len(codes)}")
    code, custom = codes[index]
    custom_options = table.array(5, "u1").tobytes()
    return Operator(code, custom, table.integers(1), table.integers(2), table.table(4), custom_options)


def _check(network: Network) -> None:
    """Every tensor number exists and is computed before it is used."""
    known = {number for number, tensor in enumerate(network.tensors) if tensor.constant is not None}
    known |= {-1, *network.inputs}
    for operator in network.operators:
        if not known.issuperset(operator.inputs):
            raise damaged("an operator uses a tensor that nothing computes")
        known.update(operator.outputs)
    numbers = {*network.inputs, *network.outputs, *(n for op in network.operators for n in op.outputs)}
    if not network.inputs or not network.outputs or not known.issuperset(network.outputs):
        raise damaged("an input or output is missing")
    if min(numbers) < 0 or max(numbers) >= len(network.tensors):
        raise damaged("a tensor number is out of range")
