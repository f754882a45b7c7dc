"""The graph under construction: TFLite tensors on one side, ONNX values on the other.

TFLite keeps pictures as NHWC, ONNX as NCHW: a value of four dimensions is held as NCHW here, any other as it is.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper

from livecam.inference.convert.flat import damaged
from livecam.inference.convert.tflite import Network, Operator, Tensor

Floats = npt.NDArray[np.float32]
Attribute = int | str | list[int]
Array = npt.NDArray[np.generic]

TO_NCHW: Final = (0, 3, 1, 2)
TO_NHWC: Final = (0, 2, 3, 1)


class Lowering:
    """Collects ONNX nodes while operators are converted one after the other.

    Args:
        network: What is being converted.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, Floats | npt.NDArray[np.int64]] = {}
        self._values: dict[int, str] = {}
        self._constants = {n: t.constant for n, t in enumerate(network.tensors) if t.constant is not None}

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Attribute) -> str:
        """Add a node with one output; returns the output's name, made up unless given."""
        name = output or f"v{len(self.nodes)}"
        made = helper.make_node(kind, inputs, [name])
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(made)
        return name

    def floats(self, values: npt.ArrayLike) -> str:
        """Add a float32 constant; returns its name."""
        return self._weight(np.asarray(values, np.float32))

    def integers(self, values: npt.ArrayLike) -> str:
        """Add an int64 constant, as ONNX wants for shapes and axes; returns its name."""
        return self._weight(np.asarray(values, np.int64))

    def _weight(self, values: Floats | npt.NDArray[np.int64]) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = values
        return name

    def tensor(self, operator: Operator, position: int) -> Tensor:
        """The description of an operator's input number `position`."""
        return self.network.tensors[_at(operator.inputs, position)]

    def result(self, operator: Operator) -> Tensor:
        """The description of an operator's first output."""
        return self.network.tensors[_at(operator.outputs, 0)]

    def constant(self, operator: Operator, position: int) -> Array:
        """The content of an operator's input, in TFLite's layout."""
        content = self._constants.get(_at(operator.inputs, position))
        if content is None:
            raise damaged(f"operator {operator.code} computes what must be a constant")
        return content

    def weight(self, operator: Operator, position: int) -> Floats:
        """The content of an operator's input as float32, in TFLite's layout."""
        return self.constant(operator, position).astype(np.float32)

    def numbers(self, operator: Operator, position: int) -> list[int]:
        """The content of an operator's input as integers."""
        return [int(value) for value in self.constant(operator, position).ravel()]

    def value(self, operator: Operator, position: int) -> str:
        """The ONNX value of an operator's input; constants are added to the graph."""
        number = _at(operator.inputs, position)
        if number in self._values:
            return self._values[number]
        content = self.weight(operator, position)
        rank = len(self.result(operator).shape)
        if rank == 4:
            content = content.reshape((1,) * (4 - content.ndim) + content.shape).transpose(TO_NCHW)
        return self.floats(content)

    def define(self, number: int, value: str) -> None:
        """TFLite tensor `number` is the ONNX `value` from now on."""
        self._values[number] = value

    def define_constant(self, number: int, content: Array) -> None:
        """TFLite tensor `number` turned out to be a constant."""
        self._constants[number] = content

    def defined(self, number: int) -> str:
        """The ONNX value of TFLite tensor `number`."""
        if number not in self._values:
            raise damaged(f"nothing computes tensor {number}")
        return self._values[number]


Rule = Callable[[Lowering, Operator], str | None]
"""Adds what one kind of operator does; gives the ONNX value of its first output, None if that is a constant."""


def _at(numbers: tuple[int, ...], position: int) -> int:
    if position >= len(numbers) or numbers[position] < 0:
        raise damaged(f"an operator lacks its tensor number {position}")
    return numbers[position]
