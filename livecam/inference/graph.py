"""ONNX files before they run: what is refused, what is taken out first, and which sizes are fixed."""

import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto, numpy_helper
from onnx.checker import ValidationError

from livecam.core.frame import Size
from livecam.errors import ModelError
from livecam.inference.model import Model
from livecam.vision.contract import Contract, ConverterContract, IdentityKind, SwapperContract

log = logging.getLogger(__name__)

Emap = npt.NDArray[np.float32]
"""(512, 512): what an embedding is multiplied by before inswapper's ``source``."""

FREE: Final = -1
"""A dimension of any size."""

_RANDOM: Final = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
_EMAP_NAME: Final = "buff2fs"
_EMAP_SHAPE: Final = (512, 512)
# The real matrix has 0.1723 (MODELS.md D.2); another one would give another person's face.
_EMAP_DEVIATION: Final = (0.15, 0.20)
_AGAIN: Final = "Fetch it again; see: livecam models list"


def read_graph(path: Path) -> ModelProto:
    """The network in the file `path`, with what must never run refused.

    It takes 0.5 s and twice the file's size in memory for a file of 500 MB; so a file is read once, and what is wanted
    of it is taken from the result.

    Raises:
        ModelError: It holds a random operator or external data outside its folder, or is not ONNX at all.
    """
    model = _parsed(path)
    for graph in _graphs(model):
        random = next((node.op_type for node in graph.node if node.op_type in _RANDOM), None)
        if random is not None:
            raise ModelError(f"{path} holds the random operator {random}; its results could not be checked.")
        for tensor in _tensors(graph):
            _check_location(tensor, path)
    return model


def emap_of(path: Path) -> Emap:
    """The matrix that turns embeddings into the latents of the inswapper in the file `path`.

    No operator uses it, so every converter drops it in silence: it is taken first, and kept beside the network as
    ``NAME.emap.npz`` together with the digest of the file it came from.

    Raises:
        ModelError: The file cannot be read, or has no such matrix.
    """
    digest = _digest(path)
    kept = path.with_suffix(".emap.npz")
    emap = _kept_emap(kept, digest)
    if emap is None:
        emap = emap_in(read_graph(path), path)
        _keep_emap(kept, emap, digest)
    return emap


def emap_in(model: ModelProto, path: Path) -> Emap:
    """As `emap_of`, of a network already read; nothing is kept.

    Raises:
        ModelError: It has no such matrix, or one that cannot be it.
    """
    fitting = [tensor for tensor in model.graph.initializer if tuple(tensor.dims) == _EMAP_SHAPE]
    named = [tensor for tensor in fitting if tensor.name == _EMAP_NAME]
    if not fitting:
        raise ModelError(
            f"{path} lacks the 512x512 matrix (buff2fs, 'emap') that its identities are made with; a converter or "
            "simplifier has dropped it.",
            "Use the file as its author published it.",
        )
    emap = _values((named or fitting)[-1], path)
    low, high = _EMAP_DEVIATION
    deviation = float(emap.std(dtype=np.float64))
    # Written so that a deviation that is not a number is refused too.
    if not (np.isfinite(emap).all() and low <= deviation <= high):
        raise ModelError(
            f"The identity matrix (emap) in {path} cannot be right: its standard deviation is {deviation:.4g}, "
            f"not between {low} and {high}.",
            _AGAIN,
        )
    return emap


def input_shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of each input of the network, in order; a free dimension is -1."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {value.name: _shape(value) for value in model.graph.input if value.name not in weights}


def with_shapes(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Give inputs of `model` the shapes in `shapes`, by name, in place.

    What the file says about the shapes in between and behind no longer holds and is taken out; ONNX Runtime works it
    out anew.

    Raises:
        ModelError: The network has no such input, or one of another rank.
    """
    found = {value.name: value for value in model.graph.input}
    for name, shape in shapes.items():
        if name not in found or len(_shape(found[name])) != len(shape):
            raise ModelError(f"The network has no input '{name}' with {len(shape)} axes, so it cannot be fitted.")
        for axis, size in zip(found[name].type.tensor_type.shape.dim, shape, strict=True):
            axis.dim_value = size
    del model.graph.value_info[:]
    for result in model.graph.output:
        for axis in result.type.tensor_type.shape.dim:
            axis.Clear()


def with_batch(model: ModelProto, rows: int) -> None:
    """Let `model` take `rows` pictures at once, in place: every input of four axes; vectors stay one for all.

    Raises:
        ModelError: No input is a picture.
    """
    pictures = {name: (rows, *shape[1:]) for name, shape in input_shapes(model).items() if len(shape) == 4}
    if not pictures:
        raise ModelError("The network takes no pictures, so it cannot take several at once.")
    with_shapes(model, pictures)


def fitting_for(model: Model, path: Path, batch: int = 1, size: Size | None = None) -> Callable[[ModelProto], bool]:
    """What is done to the file `path` of `model` before it is loaded: sizes it leaves free are fixed.

    Args:
        model: Whose file it is.
        path: For messages.
        batch: Pictures at once. One leaves a file that has a number there as it is.
        size: Of a picture whose sides the file leaves free; the recipe's square unless given.

    Returns:
        A function that changes a network in place and says whether it did. It raises `ModelError` where a swapper that
        needs the identity matrix lacks it.
    """

    def fit(graph: ModelProto) -> bool:
        if isinstance(model.contract, SwapperContract) and model.contract.identity.kind is IdentityKind.EMAP:
            emap_in(graph, path)
        found = input_shapes(graph)
        fixed = {name: _fixed(model, place, name, found[name], size) for place, name in enumerate(found)}
        if fixed != found:
            with_shapes(graph, fixed)
        if batch > 1:
            with_batch(graph, batch)
        return fixed != found or batch > 1

    return fit


def _fixed(model: Model, place: int, name: str, shape: tuple[int, ...], size: Size | None) -> tuple[int, ...]:
    """`shape` of the input `name`, with what it leaves free as the recipe, or `size`, has it."""
    named = [role for role, port in model.inputs.items() if name in port.names]
    role = [*named, *list(model.inputs)[place : place + 1]][:1]
    if not role or len(model.inputs[role[0]].spec.shape) != len(shape):
        return shape
    side = _side(model.contract, role[0])
    # Height comes before width, wherever the planes stand.
    sides = iter((size.height, size.width) if size is not None and len(model.inputs) == 1 else (side, side))
    stated = model.inputs[role[0]].spec.shape
    defaults = [1, *(next(sides, FREE) if given == FREE else given for given in stated[1:])]
    return tuple(given if own == FREE else own for own, given in zip(shape, defaults, strict=True))


def _side(contract: Contract, role: str) -> int:
    """Width and height of the picture that `role` takes, px; `FREE` where it takes none."""
    if isinstance(contract, ConverterContract):
        return FREE
    picture = contract.picture
    if isinstance(contract, SwapperContract) and role == "source":
        picture = contract.identity.picture
    return FREE if picture is None else picture.side


def _parsed(path: Path) -> ModelProto:
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", "Fetch it; see: livecam models list") from error
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file, or is cut short.", _AGAIN) from error
    if not model.graph.node or not model.graph.output:
        raise ModelError(f"{path} is not an ONNX file, or is cut short: it holds no network.", _AGAIN)
    return model


def _values(tensor: TensorProto, path: Path) -> Emap:
    """What `tensor` holds.

    Raises:
        ModelError: It holds less than it says, or what it says is impossible.
    """
    try:
        return numpy_helper.to_array(tensor, base_dir=str(path.parent)).astype(np.float32)
    except (ValidationError, ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
        reason = str(error).split("\n", 1)[0].rstrip(".")
        raise ModelError(f"The matrix {tensor.name!r} in {path} cannot be read: {reason}.", _AGAIN) from None


def _check_location(tensor: TensorProto, path: Path) -> None:
    for entry in tensor.external_data:
        if entry.key == "location" and not _is_inside(path.parent, entry.value):
            raise ModelError(f"{path} wants to read {entry.value!r}, which is outside its folder.")


def _is_inside(folder: Path, name: str) -> bool:
    """Whether the file `name`, links followed, is in `folder`."""
    try:
        home = folder.resolve()
        return (home / name).resolve().is_relative_to(home)
    except (ValueError, RuntimeError, OSError):
        # A name no file can have; links that lead in a circle.
        return False


def _graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The main graph and every graph inside an operator or a function."""
    waiting = [model.graph]
    waiting += [GraphProto(node=function.node) for function in model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            waiting += [attribute.g] if attribute.type == AttributeProto.GRAPH else list(attribute.graphs)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from [attribute.t] if attribute.type == AttributeProto.TENSOR else attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)


def _shape(value: ValueInfoProto) -> tuple[int, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.WhichOneof("value") == "dim_value" else FREE for axis in dims)


def _digest(path: Path) -> str:
    """SHA-256 of the file; 0.4 s for 500 MB."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", "Fetch it; see: livecam models list") from error


def _kept_emap(path: Path, digest: str) -> Emap | None:
    """What `_keep_emap` kept for the file with that digest; None when there is nothing, or nothing of use."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            emap: Emap = kept["emap"]
            fits = str(kept["digest"]) == digest and emap.shape == _EMAP_SHAPE and emap.dtype == np.float32
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return emap if fits and np.isfinite(emap).all() else None


def _keep_emap(path: Path, emap: Emap, digest: str) -> None:
    """Whole or not at all. A folder that cannot be written costs the time of reading it again, nothing else."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file, ExitStack() as undo:
            undo.callback(Path(file.name).unlink, missing_ok=True)
            np.savez(file, emap=emap, digest=np.array(digest))
            file.flush()
            os.fsync(file.fileno())
            undo.pop_all()
        Path(file.name).replace(path)
    except OSError as error:
        log.info("The identity matrix could not be kept in %s: %s", path, error)
