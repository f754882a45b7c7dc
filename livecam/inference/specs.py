"""Inputs and outputs of a network: read from a session, and compared."""

from collections.abc import Mapping
from typing import Final

import onnxruntime

from livecam.core.seams import TensorSpec
from livecam.inference.graph import FREE

_DTYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}

Specs = Mapping[str, TensorSpec]
"""By name."""


def specs_of(arguments: list[onnxruntime.NodeArg]) -> dict[str, TensorSpec]:
    """Shape and dtype of what a session takes or gives, by name, in the graph's order; a free dimension is -1."""
    return {
        argument.name: TensorSpec(_shape(argument.shape), _DTYPES.get(argument.type, argument.type))
        for argument in arguments
    }


def _shape(shape: list[int | str | None]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in shape)


def all_fixed(specs: Specs) -> bool:
    """Whether no dimension is free, and none is left unsaid."""
    return all(spec.shape and FREE not in spec.shape for spec in specs.values())


def agree(found: Mapping[str, TensorSpec], expected: Mapping[str, TensorSpec]) -> bool:
    """Whether names and dtypes are the same, and shapes where both say one."""
    return found.keys() == expected.keys() and all(
        found[name].dtype == spec.dtype and _fits(found[name].shape, spec.shape) for name, spec in expected.items()
    )


def _fits(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(found) == len(expected) and all(
        -1 in pair or pair[0] == pair[1] for pair in zip(found, expected, strict=True)
    )


def told(specs: Mapping[str, TensorSpec]) -> str:
    """For a sentence."""
    return ", ".join(f"{name} {spec.dtype}{list(spec.shape)}" for name, spec in specs.items())
