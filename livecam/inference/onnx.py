"""Networks on ONNX Runtime. The provider is chosen by name and checked; there is no silent fallback."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as native

from livecam.core.seams import Tensor, TensorSpec
from livecam.errors import EngineError, ModelError
from livecam.inference.recipe import Recipe

PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""ONNX Runtime's own name of each provider, by ours."""

_DTYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
_RANDOM: Final = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
_FAILURES: Final = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
    ValueError,
)
_QUIET: Final = 3
"""Log level: errors only. What a user must know is raised."""


class OnnxEngine:
    """A network file loaded on one provider. Used by one thread.

    Outputs are plain results of each run: binding preallocated ones was measured and gains nothing on the CPU.

    Args:
        path: The ONNX file.
        provider: A key of `PROVIDERS`.
        threads: Threads within an operator. One is best for small networks; more only where measured.

    Raises:
        EngineError: The provider is not to be had here, or the file cannot be loaded on it.
        ModelError: The file holds random operators, or points to data outside its folder.
    """

    def __init__(self, path: Path, provider: str = "cpu", threads: int = 1) -> None:
        check_graph(path)
        self._name = path.name
        self._session: onnxruntime.InferenceSession | None = _session(str(path), path.name, provider, threads)
        self.provider = provider
        self._inputs = _specs(self._session.get_inputs())
        self._outputs = _specs(self._session.get_outputs())
        self._output_names = list(self._outputs)

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order."""
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order."""
        return self._outputs

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once.

        Raises:
            EngineError: The feeds do not fit, the provider failed, or the engine is closed.
        """
        if self._session is None:
            raise EngineError(f"The network {self._name} is closed.")
        try:
            results = self._session.run(self._output_names, feeds)
        except _FAILURES as error:
            raise EngineError(f"The network {self._name} failed on {self.provider}: {_first_line(error)}.") from error
        return dict(zip(self._output_names, results, strict=True))

    def close(self) -> None:
        """Free the provider. Idempotent."""
        self._session = None


def load(recipe: Recipe, path: Path, provider: str = "cpu", threads: int = 1) -> OnnxEngine:
    """The network of `recipe` in the file `path`, checked against the recipe's contract.

    Raises:
        EngineError: As `OnnxEngine`.
        ModelError: Its inputs or outputs are not those of the recipe.
    """
    engine = OnnxEngine(path, provider, threads)
    wanted = {name: contract.spec for name, contract in recipe.inputs.items()}
    for kind, found, expected in (("input", engine.inputs, wanted), ("output", engine.outputs, recipe.outputs)):
        if not _agree(found, expected):
            engine.close()
            raise ModelError(
                f"{path} does not fit its recipe {recipe.name}: {kind}s are {_told(found)}, not {_told(expected)}.",
                "Fetch it again: livecam models fetch",
            )
    return engine


def providers() -> tuple[str, ...]:
    """The providers that really work here: each has built a small network."""
    return tuple(name for name in PROVIDERS if _works(name))


def check_graph(path: Path) -> None:
    """Refuse a network that would not give the same result twice, or that reads files it should not.

    Raises:
        ModelError: It holds a random operator or external data outside its folder, or is not ONNX at all.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", "Fetch it: livecam models fetch") from error
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file.", "Fetch it again: livecam models fetch") from error
    for graph in _graphs(model):
        random = next((node.op_type for node in graph.node if node.op_type in _RANDOM), None)
        if random is not None:
            raise ModelError(f"{path} holds the random operator {random}; its results could not be checked.")
        for tensor in _tensors(graph):
            _check_location(tensor, path)


def _check_location(tensor: TensorProto, path: Path) -> None:
    folder = path.parent.resolve()
    for entry in tensor.external_data:
        if entry.key == "location" and not (folder / entry.value).resolve().is_relative_to(folder):
            raise ModelError(f"{path} wants to read {entry.value}, which is outside its folder.")


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


def _session(source: str | bytes, name: str, provider: str, threads: int) -> onnxruntime.InferenceSession:
    own_name = _available(provider)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _QUIET
    try:
        session = onnxruntime.InferenceSession(source, options, providers=[own_name])
    except _FAILURES as error:
        raise EngineError(f"The network {name} cannot be loaded on {provider}: {_first_line(error)}.") from error
    if session.get_providers()[0] != own_name:
        raise EngineError(
            f"The network {name} was to run on {provider}, but ONNX Runtime could not start it here and took another.",
            "Its libraries or driver are missing; see: livecam doctor. Or choose provider cpu.",
        )
    return session


def _available(provider: str) -> str:
    if provider not in PROVIDERS:
        raise EngineError(f"There is no provider '{provider}'.", f"Providers: {', '.join(PROVIDERS)}.")
    here = onnxruntime.get_available_providers()
    if PROVIDERS[provider] not in here:
        names = ", ".join(name for name, own in PROVIDERS.items() if own in here)
        hint = "Install it: pip install 'livecam[gpu]'. " if provider in {"cuda", "tensorrt"} else ""
        raise EngineError(f"This ONNX Runtime was built without {provider}; it has {names}.", f"{hint}Or choose cpu.")
    return PROVIDERS[provider]


def _works(provider: str) -> bool:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", [value], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    try:
        _session(model.SerializeToString(), "probe", provider, 1)
    except EngineError:
        return False
    return True


def _specs(arguments: list[onnxruntime.NodeArg]) -> dict[str, TensorSpec]:
    return {
        argument.name: TensorSpec(_shape(argument.shape), _DTYPES.get(argument.type, argument.type))
        for argument in arguments
    }


def _shape(shape: list[int | str | None]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in shape)


def _agree(found: Mapping[str, TensorSpec], expected: Mapping[str, TensorSpec]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == spec.dtype and _fits(found[name].shape, spec.shape) for name, spec in expected.items()
    )


def _fits(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(found) == len(expected) and all(
        -1 in pair or pair[0] == pair[1] for pair in zip(found, expected, strict=True)
    )


def _told(specs: Mapping[str, TensorSpec]) -> str:
    return ", ".join(f"{name} {spec.dtype}{list(spec.shape)}" for name, spec in specs.items())


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
