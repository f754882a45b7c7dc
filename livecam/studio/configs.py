"""Whether a model's folder is what a backend takes: its configurations, its parts, its keys and shapes. No torch."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from livecam.errors import StudioError
from livecam.studio.folders import LARGEST_SMALL, WEIGHTS
from livecam.studio.layouts import Component, Form, Layout, closest, fitting
from livecam.studio.tensors import Tensor, read_header

INDEX: Final = "model_index.json"

_CODE: Final = ("auto_map", "trust_remote_code", "custom_pipelines")
"""Keys by which a configuration asks for code of its own."""

_KERNELS: Final = ("attn_implementation", "_attn_implementation", "experts_implementation")
"""Keys whose value may name a repository of compiled code, with a slash, which transformers would load."""

_ADAPTER: Final = "adapter_config.json"
"""Where there is one, transformers puts another model on top, from wherever it says."""


def check_base(layout: Layout, root: Path) -> None:
    """See that `root` holds the base of `layout`, in diffusers' layout.

    Raises:
        StudioError: It does not; the sentence names the file, and the key or shape.
    """
    _check_index(layout, root / INDEX)
    for component in layout.components:
        check_folder(component, root / component.folder)


def check_folder(component: Component, folder: Path) -> tuple[str, ...]:
    """See that `folder` holds what `component` says; gives the extras that it does not work without.

    Raises:
        StudioError: It does not.
    """
    for group in component.needs:
        if not any((folder / name).is_file() for name in group):
            raise StudioError(f"{folder} has no {' or '.join(group)}.", "Fetch all of the model.")
    if (folder / _ADAPTER).exists():
        raise StudioError(f"{folder} has a file {_ADAPTER}, which asks for another model.", "Move it away.")
    for path in sorted(folder.glob("*config.json")):
        _check_config(path, component)
    return _check_weights(component, folder) if component.stem else ()


def check_file(forms: tuple[Form, ...], path: Path) -> tuple[str, ...]:
    """See that the safetensors file `path` has one of `forms`; gives the extras that it does not work without.

    Raises:
        StudioError: It has not; the sentence names the key that is missing or the shape that differs.
    """
    return _needs(forms, read_header(path).tensors, path)


def _needs(forms: tuple[Form, ...], tensors: Mapping[str, Tensor], path: Path) -> tuple[str, ...]:
    form = fitting(forms, tensors)
    if form is None:
        told = f"{path} is not {forms[0].name}: {closest(forms, tensors)}."
        raise StudioError(told, forms[0].hint or "See what each slot takes: livecam studio models")
    return form.needs


def _check_index(layout: Layout, path: Path) -> None:
    held = read_json(path)
    _refuse_code(held, path)
    pipeline = held.get("_class_name")
    if not isinstance(pipeline, str) or pipeline not in layout.pipelines:
        shown = repr(pipeline)[:80]
        raise StudioError(
            f"{path} says {shown}, and {layout.name} takes {' or '.join(sorted(layout.pipelines))}.",
            "A list there would be code of its own, which is never run."
            if isinstance(pipeline, list)
            else f"Name the folder of {layout.base.what}, in diffusers' layout.",
        )
    known = {component.folder: component for component in layout.components}
    for name, entry in held.items():
        if isinstance(entry, list) and entry != [None, None]:
            _check_entry(name, entry, known.get(name), path)
    lacking = [folder for folder in known if not isinstance(held.get(folder), list)]
    if lacking:
        raise StudioError(f"{path} does not name {', '.join(lacking)}.", "Fetch all of the model.")


def _check_entry(name: str, entry: list[object], component: Component | None, path: Path) -> None:
    """See that what the index names is read by a class of diffusers or transformers that belongs there."""
    if component is None:
        raise StudioError(
            f"{path} names a part {name!r}, which this backend has not.", "Write [null, null] there if it is optional."
        )
    if len(entry) != 2 or entry[0] != component.library or entry[1] not in component.classes:
        told = f"{component.library}: {' or '.join(sorted(component.classes))}"
        raise StudioError(f"{path} wants {str(entry)[:80]} for {name!r}; it must be {told}.", "Fetch the model again.")


def _check_config(path: Path, component: Component) -> None:
    held = read_json(path)
    _refuse_code(held, path)
    if "quantization_config" in held:
        raise StudioError(f"{path} is of a quantised model, which the studio does not read.", "Take the one in 16 bit.")
    if component.library != "diffusers" or path.name not in ("config.json", "scheduler_config.json"):
        return
    if held.get("_class_name") not in component.classes:
        shown = repr(held.get("_class_name"))[:80]
        raise StudioError(
            f"{path} says {shown}, and must say {' or '.join(sorted(component.classes))}.", "Fetch the model again."
        )


def _refuse_code(held: Mapping[str, object], path: Path) -> None:
    asked = [key for key in _CODE if held.get(key)] + [key for key in _KERNELS if "/" in str(held.get(key))]
    if asked:
        raise StudioError(
            f"{path} asks for code of its own ({asked[0]!r}). The studio runs no code that comes with a model.",
            "Take a model that needs none.",
        )


def _check_weights(component: Component, folder: Path) -> tuple[str, ...]:
    """See that the weights are there, sound, and of the right form; gives what they need besides."""
    tensors: dict[str, Tensor] = {}
    for path in _weights(component, folder):
        tensors |= read_header(path).tensors
    for path in sorted(folder.glob(f"*{WEIGHTS}")):
        read_header(path)
    return _needs((component.form,), tensors, folder) if component.form else ()


def _weights(component: Component, folder: Path) -> Iterator[Path]:
    """The file or files that the loaders will read: an index goes before a single file, 32 bit before 16."""
    stem = component.stem
    single, index = f"{stem}{WEIGHTS}", f"{stem}{WEIGHTS}.index.json"
    names = [path.name for path in folder.glob(f"*{WEIGHTS}")]
    if names and all(".fp16" in name for name in names):
        single, index = f"{stem}.fp16{WEIGHTS}", f"{stem}{WEIGHTS}.index.fp16.json"
    if (folder / index).is_file():
        yield from _shards(folder / index)
    elif (folder / single).is_file():
        yield folder / single
    else:
        raise StudioError(f"{folder} has no {single}.", "Fetch all of the model, with its .safetensors.")


def _shards(index: Path) -> Iterator[Path]:
    """The files that `index` names, all of which are beside it."""
    parts = read_json(index).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise StudioError(f"{index} names no files.", "Fetch the model again.")
    for name in sorted({str(value) for value in parts.values()}):
        # A name, not a path: it must not lead elsewhere.
        if not name.endswith(WEIGHTS) or name.startswith(".") or set(name) & set('/\\:"') or not name.isprintable():
            raise StudioError(f"{index} names {name[:80]!r}, which is not a file beside it.", "Fetch the model again.")
        if not (index.parent / name).is_file():
            raise StudioError(f"{index.parent} has no {name}, which {index.name} names.", "Fetch all of the model.")
        yield index.parent / name


def read_json(path: Path) -> Mapping[str, object]:
    """The object in `path`.

    Raises:
        StudioError: It cannot be read, is too large, or is none.
    """
    try:
        if path.stat().st_size > LARGEST_SMALL:
            raise ValueError("it is too large")
        held: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {error.strerror or error}.", "Fetch all of the model.") from error
    except (ValueError, RecursionError) as error:
        raise StudioError(f"{path} is not JSON.", "Fetch it again.") from error
    if not isinstance(held, dict):
        raise StudioError(f"{path} holds no JSON object.", "Fetch it again.")
    return held
