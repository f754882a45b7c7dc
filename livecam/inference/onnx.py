"""Networks on ONNX Runtime. The provider is chosen by name and checked; there is no silent fallback."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import psutil
from onnx import ModelProto, TensorProto, helper

from livecam.core.frame import Size
from livecam.core.seams import Engine, Tensor
from livecam.errors import ConfigError, EngineError, ExtraMissing, LivecamError, ModelError
from livecam.inference.bind import bind
from livecam.inference.binding import Binding
from livecam.inference.graph import fitting_for, read_graph
from livecam.inference.model import Model
from livecam.inference.recipe import Recipe
from livecam.inference.session import FAILURES, PROVIDERS, first_line, open_session
from livecam.inference.specs import Specs, agree, all_fixed, specs_of, told
from livecam.inference.trial import try_batch, try_engine

log = logging.getLogger(__name__)

# Seen on two cores: a second thread takes 30 % off 6.9 GFLOP (74 -> 51 ms), 5..8 % off 1.1..1.5, and nothing off 0.07.
_WORTH_THREADS_GFLOP: Final = 2.0

Fitting = Callable[[ModelProto], bool]
"""Looks at a network before it is loaded, changes it in place, and says whether it did."""


def threads_for(gflop: float) -> int:
    """Threads for a network of `gflop` a run: one if it is small or not known, else all cores but one for the loops.

    Cores are physical, and such as this process may use.
    """
    if gflop < _WORTH_THREADS_GFLOP:
        return 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed) - 1)


class OnnxEngine:
    """A network file loaded on one provider. Used by one thread.

    Where every shape is fixed, and the provider is not the CPU, outputs are written into memory allocated once, so
    that nothing is allocated for their way back. On the CPU that was measured and gains nothing: 314 against 324 us a
    run for one operator on 3x512x512, 86 against 100 us on 3x256x256.

    Args:
        path: The ONNX file.
        provider: A key of `PROVIDERS`.
        threads: Threads within an operator. One is best for small networks; see `threads_for`.
        fitting: What is done to the network before it is loaded. A changed one costs its size in memory once more
            while it is loaded, and half as much time again.

    Raises:
        EngineError: The provider is not to be had here, or the file cannot be loaded on it.
        ExtraMissing: The provider is a plugin that is not installed.
        ModelError: As `livecam.inference.graph.read_graph`, or from `fitting`.
    """

    def __init__(self, path: Path, provider: str = "cpu", threads: int = 1, fitting: Fitting | None = None) -> None:
        self._name = path.name
        session = open_session(_source(path, fitting), path, provider, threads)
        self._session: onnxruntime.InferenceSession | None = session
        self.provider = provider
        self._inputs = specs_of(session.get_inputs())
        self._outputs = specs_of(session.get_outputs())
        self._output_names = list(self._outputs)
        fixed = provider != "cpu" and all_fixed(self._inputs) and all_fixed(self._outputs)
        self._binding = Binding(session, self._outputs) if fixed else None

    @property
    def inputs(self) -> Specs:
        """By name, in the graph's order."""
        return self._inputs

    @property
    def outputs(self) -> Specs:
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
            if self._binding is not None:
                return self._binding.run(feeds)
            results = self._session.run(self._output_names, feeds)
        except FAILURES as error:
            raise EngineError(f"The network {self._name} failed on {self.provider}: {first_line(error)}.") from error
        return dict(zip(self._output_names, results, strict=True))

    def close(self) -> None:
        """Free the provider. Idempotent."""
        self._session = self._binding = None


def load(recipe: Recipe, path: Path, provider: str = "cpu", threads: int = 1) -> OnnxEngine:
    """The network of `recipe` in the file `path`, checked against the recipe's contract.

    Raises:
        EngineError: As `OnnxEngine`.
        ModelError: Its inputs or outputs are not those of the recipe.
    """
    engine = OnnxEngine(path, provider, threads)
    wanted = {name: contract.spec for name, contract in recipe.inputs.items()}
    for kind, found, expected in (("input", engine.inputs, wanted), ("output", engine.outputs, recipe.outputs)):
        if not agree(found, expected):
            engine.close()
            raise ModelError(
                f"{path} does not fit its recipe {recipe.name}: {kind}s are {told(found)}, not {told(expected)}.",
                "Fetch it again: livecam models fetch",
            )
    return engine


def load_model_engine(
    model: Model,
    path: Path,
    provider: str = "cpu",
    threads: int | None = None,
    batch: int = 1,
    size: Size | None = None,
) -> Engine:
    """The network of `model` in the file `path`, called by roles, with fixed sizes, and tried once.

    Args:
        model: What it should be.
        path: The file.
        provider: A key of `PROVIDERS`.
        threads: Within an operator; None for `threads_for`.
        batch: Pictures wanted at once (pixel boost). A network that cannot is loaded for one picture at once: look at
            the first axis of its inputs. On the CPU more than one at once gains nothing.
        size: Of the picture, where the file leaves it free (some detectors); the recipe's square unless given.

    Raises:
        EngineError: As `OnnxEngine`.
        ModelError: It is not what the recipe says, or does not work: see `bind` and `try_engine`.
    """
    count = threads_for(model.gflop) if threads is None else threads
    if batch > 1:
        try:
            several = _fitted(model, path, provider, count, fitting_for(model, path, batch, size))
            return _tried(model, path, several, try_batch)
        except ModelError as error:
            log.info("%s takes one picture at once, not %d: %s", path, batch, error)
    return _tried(model, path, _fitted(model, path, provider, count, fitting_for(model, path, 1, size)), try_engine)


def _fitted(model: Model, path: Path, provider: str, threads: int, fitting: Fitting) -> OnnxEngine:
    """The engine. What even the CPU cannot load is no fault of a graphics card, which could come back.

    Raises:
        EngineError: As `OnnxEngine`, but for the CPU.
        ModelError: As `OnnxEngine`; or the CPU cannot load it.
    """
    try:
        return OnnxEngine(path, provider, threads, fitting)
    except EngineError as error:
        if provider != "cpu":
            raise
        raise ModelError(error.what, f"Check the file: livecam models verify {model.name}") from error


def _tried(model: Model, path: Path, engine: OnnxEngine, trial: Callable[[Engine, Path], None]) -> Engine:
    bound = bind(model, engine)
    try:
        trial(bound, path)
    except ModelError:
        engine.close()
        raise
    return bound


def providers() -> tuple[str, ...]:
    """The providers that really work here: each has run a small network."""
    return tuple(name for name in PROVIDERS if trouble(name) is None)


def require(provider: str) -> None:
    """Make sure that `provider` works here, by running a small network on it.

    Raises:
        ConfigError: It does not; the sentence says why.
    """
    error = trouble(provider)
    if error is not None:
        raise ConfigError(error.what, error.next_step) from error


def trouble(provider: str) -> LivecamError | None:
    """What keeps `provider` from working here; None where a small network ran on it."""
    try:
        _probe(provider)
    except (EngineError, ExtraMissing) as error:
        return error
    return None


def _source(path: Path, fitting: Fitting | None) -> str | bytes:
    """What is loaded: the file itself, or its changed content."""
    model = read_graph(path)
    return model.SerializeToString() if fitting is not None and fitting(model) else str(path)


def _probe(provider: str) -> None:
    """Build a small network on `provider` and run it: a card for which there are no kernels is noticed in the run.

    Raises:
        EngineError: It cannot be had, took another, or does not run.
        ExtraMissing: It is a plugin that is not installed.
    """
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "probe", [value], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), Path("probe"), provider, 1)
    try:
        session.run(None, {"x": np.ones(1, np.float32)})
    except FAILURES as error:
        raise EngineError(f"Networks can be loaded on {provider} but do not run: {first_line(error)}.") from error
