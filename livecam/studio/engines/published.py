"""Files as their authors publish them: read without pickle, and put into a network key by key."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from livecam.errors import StudioError

Tensors: TypeAlias = Mapping[str, torch.Tensor]
"""A network's weights by key."""


def read(path: Path) -> dict[str, torch.Tensor]:
    """All weights in the safetensors file `path`, on the CPU.

    Raises:
        StudioError: It is not there, or not safetensors. Nothing else is ever opened: a pickle can run programs.
    """
    if path.suffix != ".safetensors":
        raise StudioError(
            f"{path} is not a safetensors file, and the studio opens no other.",
            "Convert it: livecam studio convert.",
        )
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise StudioError(f"{path} cannot be read: {error}.", "Register the file again.") from None


def write(path: Path, tensors: Tensors) -> None:
    """Put `tensors` into the safetensors file `path`, for tests and conversions."""
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, path)


def below(tensors: Tensors, *prefixes: str) -> dict[str, torch.Tensor]:
    """What stands under one of `prefixes`, without it."""
    return {
        key[len(prefix) :]: value for prefix in prefixes for key, value in tensors.items() if key.startswith(prefix)
    }


def shape_of(tensors: Tensors, key: str, path: Path, count: int = 2) -> tuple[int, ...]:
    """The shape of `key`, by which a network's width is known.

    Raises:
        StudioError: `path` has no such key, or it has not `count` dimensions.
    """
    if key not in tensors:
        raise StudioError(f"{path} has no key {key!r}.", _hint(tensors))
    shape = tuple(tensors[key].shape)
    if len(shape) != count:
        raise StudioError(f"{key!r} in {path} has the shape {shape}, which should have {count} dimensions.")
    return shape


def count_of(keys: Iterable[str], pattern: str) -> int:
    """How many different numbers stand in `pattern`'s group over all keys: the depth of a network."""
    return len({match.group(1) for key in keys if (match := re.match(pattern, key))})


def fill(network: nn.Module, tensors: Tensors, path: Path) -> nn.Module:
    """`network`, built on the meta device, with `tensors` as its weights; in evaluation mode and without gradients.

    Raises:
        StudioError: A key is missing, left over, or of another shape; names file and key.
    """
    wanted = network.state_dict()
    for key, value in wanted.items():
        if key not in tensors:
            raise StudioError(f"{path} lacks the key {key!r}.", _hint(tensors))
        if tensors[key].shape != value.shape:
            found, should = tuple(tensors[key].shape), tuple(value.shape)
            raise StudioError(f"{key!r} in {path} has the shape {found}; it should be {should}.")
    left = sorted(set(tensors) - set(wanted))
    if left:
        raise StudioError(f"{path} has a key that this network has no place for: {left[0]!r}.", "Is it another model?")
    network.load_state_dict(dict(tensors), assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def _hint(tensors: Tensors) -> str:
    keys = sorted(tensors)
    return f"It begins with {keys[0]!r}." if keys else "It is empty."
