"""Writes networks into a model repository of NVIDIA Triton: ``NAME/config.pbtxt`` and ``NAME/1/model.onnx``.

What is stated was measured: the network is loaded as livecam loads it and run, the shapes of its outputs are read off,
and it is offered for several requests at once only where several rows gave what each gives alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from onnx import ModelProto, TensorProto

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import EngineError, ModelError
from livecam.inference.bind import bind
from livecam.inference.graph import FREE, fitting_for, input_shapes, read_graph, with_shapes
from livecam.inference.model import Model
from livecam.inference.onnx import Fitting, OnnxEngine
from livecam.inference.plan_file import read_sealed
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import Entry, PlanCache
from livecam.inference.specs import Specs
from livecam.inference.trial import try_engine
from livecam.inference.triton_config import TYPES, Platform, TritonModel, config_text
from livecam.inference.triton_folder import appearing, link_or_copy, write_flushed

MOST: Final = 8
"""Requests that Triton may put together, unless told otherwise."""

_PICTURE_AXES: Final = 4
_TRIED_ROWS: Final = 3
_SEED: Final = 1
# Of the largest value. 16-bit arithmetic differs by less from one batch to another.
_SAME: Final = 0.01


@dataclass(frozen=True, slots=True)
class Terms:
    """What is wanted of an export.

    Attributes:
        gpus: Each gets every network; 0 for the processor.
        most: Requests that may be put together; 1 or less for none.
    """

    gpus: int = 1
    most: int = MOST


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        folder: Of the network.
        how: ``linked``, ``copied``, or ``rewritten`` where sizes had to be fixed or freed.
        most: Requests that may be put together; 0 for none.
        about: What else a user should know; "" for nothing.
    """

    folder: Path
    how: str
    most: int
    about: str = ""


def export_onnx(model: Model, path: Path, folder: Path, terms: Terms) -> Exported:
    """Write the network of `model`, whose file is `path`, into the repository `folder`.

    Raises:
        ConfigError: There is something else of that name.
        ModelError: The network does not work, keeps its weights in other files, or the disk refused.
        EngineError: It does not run here.
    """
    graph, fitting = read_graph(path), fitting_for(model, path)
    _refuse_scattered(graph, path)
    alone, results = _measured(model, path, fitting)
    shown = alone, results
    many, most = _freed(fitting), 0
    if terms.most > 1 and _rows_are_free(path, many, alone):
        fitting, most, shown = many, terms.most, (_without_rows(alone), _without_rows(results))
    served = TritonModel(model.name, Platform.ONNX, *shown, most, terms.gpus)
    changed = fitting(graph)
    with appearing(folder, model.name) as fresh:
        place = _place(fresh, served)
        if changed:
            write_flushed(place, graph.SerializeToString())
        how = "rewritten" if changed else link_or_copy(path, place)
    return Exported(folder / model.name, how, most)


def export_plan(model: Model, path: Path, weights: str, plans: PlanCache, folder: Path, terms: Terms) -> Exported:
    """Write the plan that full TensorRT has made of the file `path` of `model`; its SHA-256 is `weights`.

    Triton runs a plan with the TensorRT that made it, and on the card that it was made on.

    Raises:
        ConfigError: As `export_onnx`.
        ModelError: As `export_onnx`.
        EngineError: There is no such plan, or it must not be used.
    """
    entry = _plan_of(model, weights, plans)
    payload, fields = read_sealed(entry.path).payload, entry.header.fields if entry.header else {}
    inputs, outputs = _measured(model, path, fitting_for(model, path))
    wide = [name for name, spec in (*inputs.items(), *outputs.items()) if spec.dtype == "float64"]
    if wide:
        raise ModelError(f"The plan of {model.name} has other types than the network ('{wide[0]}' is 64 bit wide).")
    rows = _most_rows(fields.get("shapes"))
    if rows > 1:
        inputs, outputs = ({name: _with_rows(spec) for name, spec in specs.items()} for specs in (inputs, outputs))
    served = TritonModel(model.name, Platform.TENSORRT, inputs, outputs, 0, terms.gpus)
    with appearing(folder, model.name) as fresh:
        write_flushed(_place(fresh, served), payload)
    return Exported(folder / model.name, "copied", 0, f"TensorRT {fields.get('version')}, {fields.get('target')}")


def _measured(model: Model, path: Path, fitting: Fitting) -> tuple[Specs, Specs]:
    """Inputs and outputs under the graph's own names, with the shapes they have when it runs for one picture.

    Raises:
        ModelError: It is not what the recipe says, or does not work.
        EngineError: As `OnnxEngine`.
    """
    engine = OnnxEngine(path, fitting=fitting)
    try:
        try_engine(bind(model, engine), path)
        results = engine.run(_noise(engine.inputs, 1))
        outputs = {name: TensorSpec(result.shape, str(result.dtype)) for name, result in results.items()}
        inputs = {name: TensorSpec(_closed(spec.shape, 1), spec.dtype) for name, spec in engine.inputs.items()}
    finally:
        engine.close()
    strange = [spec.dtype for spec in (*inputs.values(), *outputs.values()) if spec.dtype not in TYPES]
    if strange:
        raise ModelError(f"{path} has an input or output of the type {strange[0]}, which cannot be exported.")
    return inputs, outputs


def _freed(fitting: Fitting) -> Fitting:
    """As `fitting`, and the first axis of every input is free. Where the file has it so, the file itself serves."""

    def free(graph: ModelProto) -> bool:
        before = input_shapes(graph)
        fitting(graph)
        shapes = input_shapes(graph)
        if all(before[name] == (FREE, *shape[1:]) for name, shape in shapes.items()):
            return False
        with_shapes(graph, {name: (1, *shape[1:]) for name, shape in shapes.items()})
        for value in (value for value in graph.graph.input if value.name in shapes):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        return True

    return free


def _rows_are_free(path: Path, many: Fitting, alone: Specs) -> bool:
    """Whether several rows at once give what each row gives alone."""
    if any(spec.shape[:1] != (1,) for spec in alone.values()):
        return False
    try:
        engine = OnnxEngine(path, fitting=many)
    except (EngineError, ModelError):
        return False
    try:
        return _same_rows(engine)
    except EngineError:
        return False
    finally:
        engine.close()


def _same_rows(engine: Engine) -> bool:
    feeds = _noise(engine.inputs, _TRIED_ROWS)
    together = {name: result.copy() for name, result in engine.run(feeds).items()}
    if any(result.shape[:1] != (_TRIED_ROWS,) for result in together.values()):
        return False
    for row in range(_TRIED_ROWS):
        single = engine.run({name: feed[row : row + 1] for name, feed in feeds.items()})
        if not all(_alike(together[name][row : row + 1], result) for name, result in single.items()):
            return False
    return True


def _alike(one: Tensor, other: Tensor) -> bool:
    first, second = one.astype(np.float64), other.astype(np.float64)
    same = first.shape == second.shape
    return same and float(np.abs(first - second).max(initial=0)) <= _SAME * max(
        float(np.abs(second).max(initial=0)), 1e-6
    )


def _noise(inputs: Specs, rows: int) -> dict[str, Tensor]:
    """0..1 for pictures and points, of length 1 for vectors; each row another."""
    noise = np.random.default_rng(_SEED)
    feeds: dict[str, Tensor] = {}
    for name, spec in inputs.items():
        values = noise.random(_closed(spec.shape, rows))
        if values.ndim == 2:
            values -= 0.5
            values /= np.linalg.norm(values, axis=1, keepdims=True)
        feeds[name] = values.astype(spec.dtype)
    return feeds


def _closed(shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """`shape` with a number for what is free: `rows` for its first axis, else one."""
    return tuple(size if size != FREE else (1 if axis else rows) for axis, size in enumerate(shape))


def _without_rows(specs: Specs) -> dict[str, TensorSpec]:
    return {name: TensorSpec(spec.shape[1:], spec.dtype) for name, spec in specs.items()}


def _with_rows(spec: TensorSpec) -> TensorSpec:
    """A picture may be several; a vector is one for all."""
    several = len(spec.shape) == _PICTURE_AXES and spec.shape[0] == 1
    return TensorSpec((FREE, *spec.shape[1:]), spec.dtype) if several else spec


def _refuse_scattered(graph: ModelProto, path: Path) -> None:
    apart = [tensor for tensor in graph.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    if apart:
        raise ModelError(f"{path} keeps weights in other files ('{apart[0].name}' is one), which is not exported.")


def _place(fresh: Path, served: TritonModel) -> Path:
    """Where the network's file goes, beside its configuration, which is written."""
    write_flushed(fresh / "config.pbtxt", config_text(served).encode())
    (fresh / "1").mkdir()
    return fresh / "1" / served.platform.file


def _plan_of(model: Model, weights: str, plans: PlanCache) -> Entry:
    """The plan last used of those that full TensorRT made of this very file.

    Raises:
        EngineError: There is none.
    """
    wanted: Mapping[str, object] = {"model": model.name, "weights": weights, "flavour": str(Flavour.TENSORRT)}
    for entry in plans.entries():
        fields = entry.header.fields if entry.header is not None else {}
        if entry.path.suffix == ".plan" and all(fields.get(key) == value for key, value in wanted.items()):
            return entry
    raise EngineError(
        f"There is no plan of {model.name} by full TensorRT, the only one that Triton runs.",
        f"Build it on its card: livecam engines build --with tensorrt {model.name}. Or export without --plans.",
    )


def _most_rows(shapes: object) -> int:
    """Most pictures at once, from the shapes in a key: name, least, usual and most of each input."""
    largest = [entry[-1] for entry in shapes] if isinstance(shapes, list) else []
    return max((shape[0] for shape in largest if len(shape) == _PICTURE_AXES), default=1)
