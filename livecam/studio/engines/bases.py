"""Base models in diffusers' layout, loaded from a folder: offline, safetensors only, every weight accounted for."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

import diffusers
import torch
import transformers

from livecam.errors import StudioError
from livecam.studio.engines.placing import dtype_of, refusing_memory
from livecam.studio.terms import Device

__all__ = ["load_network", "load_pipeline", "networks_of"]

P = TypeVar("P", bound=diffusers.DiffusionPipeline)
N = TypeVar("N", bound=torch.nn.Module)

_INDEX: Final = "model_index.json"
_LIBRARIES: Final = {"diffusers": diffusers, "transformers": transformers}
"""Classes come from these alone: an index may not name code of its own."""


def load_pipeline(
    kind: type[P], folder: Path, device: Device, without: Collection[str] = (), optional: Collection[str] = ()
) -> P:
    """A pipeline of `kind` with the networks in `folder`, in ordinary memory and in evaluation mode.

    Args:
        kind: One of diffusers' pipelines.
        folder: In diffusers' layout, with its ``model_index.json``.
        device: Says the dtype.
        without: Parts that are not wanted; they are None in the pipeline.
        optional: Parts that may be missing from the folder; they are None then.

    Raises:
        StudioError: A part is missing, or a weight of it, or one has another shape; names folder and key.
        StudioMemory: It does not fit.
    """
    _quiet()
    left = {*without, *(name for name in optional if not (folder / name).is_dir())}
    parts: dict[str, object] = dict.fromkeys(left)
    for name, (library, word) in _index(folder).items():
        if name in left:
            continue
        part = _class_of(library, word, folder)
        if issubclass(part, torch.nn.Module):
            parts[name] = load_network(part, folder / name, device)
    try:
        pipeline = kind.from_pretrained(folder, **parts, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StudioError(f"{folder} cannot be loaded: {_first(error)}", "Register the base model again.") from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _quiet() -> None:
    """No bars of the libraries' own, for the command line has one; and no warnings: what matters is an error here."""
    for library in _LIBRARIES.values():
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()


def load_network(kind: type[N], folder: Path, device: Device) -> N:
    """A network of `kind` from its folder, in ordinary memory, in evaluation mode and without gradients.

    Raises:
        StudioError: It is not there, or a weight is missing or has another shape; names folder and key.
        StudioMemory: It does not fit.
    """
    if not folder.is_dir():
        raise StudioError(f"There is no folder {folder}.", "Register the model again: livecam studio register.")
    _quiet()
    # Where a folder holds the half-precision files alone, as many bases are published, these are read.
    half = not [path for path in folder.glob("*.safetensors") if ".fp16" not in path.name]
    try:
        with refusing_memory(device):
            network, told = kind.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                torch_dtype=dtype_of(device),
                output_loading_info=True,
                variant="fp16" if half else None,
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise StudioError(f"{folder} cannot be loaded: {_first(error)}", "Register the model again.") from None
    _complete(folder, told)
    return network.eval().requires_grad_(requires_grad=False)


def networks_of(pipeline: diffusers.DiffusionPipeline) -> tuple[torch.nn.Module, ...]:
    """Every network in a diffusers pipeline."""
    return tuple(part for part in pipeline.components.values() if isinstance(part, torch.nn.Module))


def _complete(folder: Path, told: Mapping[str, Collection[object]]) -> None:
    """What the libraries only warn of is an error here: a weight that no file holds would be drawn at random."""
    missing = sorted(str(key) for key in told["missing_keys"])
    if missing:
        raise StudioError(f"{folder} lacks the key {missing[0]!r}.", "Is it another model, or half of one?")
    other = list(told["mismatched_keys"])
    if other:
        raise StudioError(f"A weight in {folder} has another shape than its config.json says: {other[0]}.")


def _index(folder: Path) -> dict[str, tuple[str, str]]:
    """Name of each part with its library and class."""
    path = folder / _INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudioError(f"{path} cannot be read: {error}", "The base must be in diffusers' layout.") from None
    return {
        name: (entry[0], entry[1])
        for name, entry in index.items()
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(word, str) for word in entry)
    }


def _class_of(library: str, word: str, folder: Path) -> type[object]:
    found = getattr(_LIBRARIES.get(library), word, None)
    if not isinstance(found, type):
        raise StudioError(
            f"{folder / _INDEX} names {library}.{word}, which is not a part of diffusers or transformers."
        )
    return found


def _first(error: Exception) -> str:
    """The first line of an error of the libraries; some are pages long."""
    return str(error).strip().partition("\n")[0][:300]
