"""Networks that run on a server: NVIDIA Triton, or any other that speaks the KServe v2 protocol over gRPC.

Aligned crops of a face go there and come back; a frame never does. A server that does not answer within the deadline
costs the frame, which is withheld, and never more time than that.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import ConfigError, EngineError, ExtraMissing, ModelError
from livecam.inference.bind import bind
from livecam.inference.graph import FREE
from livecam.inference.model import WHOLE_PICTURE, Model
from livecam.inference.remote_terms import Address, RemoteRefused, Terms, parse_address
from livecam.inference.specs import Specs, told
from livecam.inference.trial import try_batch, try_engine

if TYPE_CHECKING:
    from livecam.inference.remote_link import Link

__all__ = ["Connection", "RemoteEngine", "Terms", "remote_engine", "require_server"]

log = logging.getLogger(__name__)

_PICTURE_AXES: Final = 4
_HINT: Final = "Give the server the network as livecam has it: livecam engines export --triton FOLDER"


class Connection(Protocol):
    """What an engine needs of `livecam.inference.remote_link.Link`, the only implementer but for tests."""

    @property
    def address(self) -> Address:
        """Of the server."""
        ...

    @property
    def terms(self) -> Terms:
        """How long it may take."""
        ...

    def specs(self, name: str) -> tuple[Specs, Specs]:
        """Inputs and outputs that the server states for `name`.

        Raises:
            EngineError: It does not serve it now.
        """
        ...

    def infer(self, name: str, feeds: Mapping[str, Tensor], wanted: Sequence[str], limit_s: float) -> dict[str, Tensor]:
        """The outputs `wanted` of `name`, run once.

        Raises:
            EngineError: It did not come back within `limit_s`, or failed.
        """
        ...

    def close(self) -> None:
        """End it, and what is under way. Idempotent."""
        ...


class RemoteEngine:
    """A network on a server, under its own names and with fixed shapes. Used by one thread; owns its connection.

    It is run once here, since many servers do not say how large their outputs are.

    Args:
        link: The connection.
        name: What the network is called on the server.
        inputs: What is sent.
        outputs: What the server states, by name.
        repeated: Inputs that are given with one row and sent with as many as there are pictures.

    Raises:
        EngineError: It did not run. The connection is left open.
    """

    def __init__(
        self, link: Connection, name: str, inputs: Specs, outputs: Specs, repeated: Mapping[str, int] | None = None
    ) -> None:
        self._link, self._name = link, name
        self._inputs, self._repeated = inputs, repeated or {}
        self._limit_s = link.terms.load_s
        zeros = {key: np.zeros(spec.shape, spec.dtype) for key, spec in inputs.items()}
        first = link.infer(name, self._sent(zeros), list(outputs), self._limit_s)
        self._outputs = {key: TensorSpec(tensor.shape, str(tensor.dtype)) for key, tensor in first.items()}
        self._memory = {key: np.empty(spec.shape, spec.dtype) for key, spec in self._outputs.items()}

    @property
    def inputs(self) -> Specs:
        """By name, in the order the server states."""
        return self._inputs

    @property
    def outputs(self) -> Specs:
        """By name, in the order the server states."""
        return self._outputs

    def be_quick(self) -> None:
        """From now on the deadline of a run holds; while a network is tried, it has longer."""
        self._limit_s = self._link.terms.deadline_s

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once. Outputs are views valid until the next `run`.

        Raises:
            EngineError: The feeds do not fit, the server did not answer in time or failed, or sent something else than
                it did before; or it has failed a moment ago, and is not asked again yet.
        """
        for name, spec in self._inputs.items():
            if name not in feeds or _spec(feeds[name]) != spec:
                given = _spec(feeds[name]) if name in feeds else None
                raise EngineError(f"{self._told} takes {told({name: spec})}, but was given {given}.")
        results = self._link.infer(self._name, self._sent(feeds), list(self._outputs), self._limit_s)
        for name, memory in self._memory.items():
            if _spec(results[name]) != self._outputs[name]:
                raise EngineError(f"{self._told} gave {told({name: _spec(results[name])})} of a sudden.")
            np.copyto(memory, results[name])
        return self._memory

    def close(self) -> None:
        """End the connection. Idempotent; any thread."""
        self._link.close()

    @property
    def _told(self) -> str:
        return f"The network {self._name} on {self._link.address}"

    def _sent(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`feeds` in the server's order, vectors as often as there are pictures."""
        rows = self._repeated
        return {name: np.repeat(feeds[name], rows[name], 0) if name in rows else feeds[name] for name in self._inputs}


def remote_engine(model: Model, address: str, terms: Terms | None = None, batch: int = 1) -> Engine:
    """The network of `model` on the server at `address`, called by roles, with fixed sizes, and tried once.

    The contract is that of `livecam.inference.onnx.load_model_engine`, so that either can stand for the other.

    Args:
        model: What it should be. On the server it is called as the recipe, behind the address's prefix.
        address: Such as ``grpcs://gpu.example.org:8001``; see `parse_address`.
        terms: How long the server may take.
        batch: Pictures wanted at once (pixel boost). A network that cannot is used for one picture at once: look at
            the first axis of its inputs.

    Raises:
        ConfigError: The address cannot be used, crops of the face would go out readable for others, or the network
            is given the whole picture, as a detector is.
        ExtraMissing: ``tritonclient`` is not installed.
        EngineError: There is no server, it does not serve the network now, or the network failed there. It may later.
        ModelError: What it serves is not what the recipe says, or does not work: see `bind` and `try_engine`.
    """
    if model.task in WHOLE_PICTURE:
        raise ConfigError(
            f"{model.name} is given the whole picture, which never leaves this machine: only crops go to a server.",
            "Run it here.",
        )
    place, connect = parse_address(address), _connector()
    return engine_on(lambda: connect(place, terms or Terms()), model, batch)


def engine_on(connect: Callable[[], Connection], model: Model, batch: int = 1) -> Engine:
    """As `remote_engine`, on what `connect` opens.

    Raises:
        EngineError: As `remote_engine`.
        ModelError: As `remote_engine`.
    """
    if batch > 1:
        try:
            return _tried(connect(), model, batch)
        except (ModelError, RemoteRefused) as error:
            log.info("%s on the server takes one picture at once, not %d: %s", model.name, batch, error)
    return _tried(connect(), model, 1)


def require_server(address: str, terms: Terms | None = None) -> None:
    """Make sure that the server at `address` may be used and answers.

    Raises:
        ConfigError: As `remote_engine`.
        ExtraMissing: As `remote_engine`.
        EngineError: It does not answer now.
    """
    link = _connector()(parse_address(address), terms or Terms())
    try:
        link.alive()
    finally:
        link.close()


def _connector() -> "type[Link]":
    """What opens connections.

    Raises:
        ExtraMissing: ``tritonclient`` is not installed.
    """
    try:
        from livecam.inference.remote_link import Link
    except ImportError as error:
        raise ExtraMissing(
            f"Networks on a server need tritonclient, which does not load here: {error}.",
            "Install it with: pip install 'livecam[remote]'",
        ) from error
    return Link


def _tried(link: Connection, model: Model, batch: int) -> Engine:
    """The network as `load_model_engine` gives it; the connection is closed where that fails."""
    name = link.address.prefix + model.name
    try:
        stated, outputs = link.specs(name)
        inputs, repeated = _fixed(model, stated, batch)
        engine = RemoteEngine(link, name, inputs, outputs, repeated)
        bound = bind(model, engine)
        (try_batch if batch > 1 else try_engine)(bound, Path(name))
    except (EngineError, ModelError) as error:
        link.close()
        if isinstance(error, EngineError):
            raise
        raise ModelError(
            f"What the server {link.address} serves as {name} cannot be used: {error.what}", _HINT
        ) from error
    engine.be_quick()
    return bound


def _fixed(model: Model, stated: Specs, batch: int) -> tuple[dict[str, TensorSpec], dict[str, int]]:
    """What is sent for what the server states, and which vectors are sent more than once.

    Raises:
        ModelError: A size is left open that the recipe does not give, or pictures cannot come several at once.
    """
    fixed, repeated = {}, {}
    for place, (name, spec) in enumerate(stated.items()):
        sizes = _sizes(model, place, name, spec)
        if FREE in sizes[1:]:
            raise ModelError(f"It leaves open how large '{name}' is: {told({name: spec})}.")
        pictures = len(sizes) == _PICTURE_AXES
        if batch > 1 and pictures and spec.shape[0] != FREE:
            raise ModelError(f"It takes one picture at once: {told({name: spec})}.")
        rows = batch if pictures else 1
        fixed[name] = TensorSpec((rows if sizes[0] == FREE else sizes[0], *sizes[1:]), spec.dtype)
        if batch > 1 and not pictures and spec.shape[:1] == (FREE,):
            repeated[name] = batch
    return fixed, repeated


def _sizes(model: Model, place: int, name: str, spec: TensorSpec) -> tuple[int, ...]:
    """The shape of an input with what is free behind its first axis as the recipe has it."""
    named = [role for role, port in model.inputs.items() if name in port.names]
    role = [*named, *list(model.inputs)[place : place + 1]][:1]
    wanted = model.inputs[role[0]].spec.shape if role else ()
    if len(wanted) != len(spec.shape):
        return spec.shape
    behind = zip(spec.shape[1:], wanted[1:], strict=True)
    return (*spec.shape[:1], *(asked if own == FREE else own for own, asked in behind))


def _spec(tensor: Tensor) -> TensorSpec:
    return TensorSpec(tensor.shape, str(tensor.dtype))
