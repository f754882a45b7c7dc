"""Presents a network by what its inputs and outputs are for, whatever its publisher called them.

Every check is made here, when the network is loaded; at frame time nothing is left but renaming.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import EngineError, ModelError
from livecam.inference.model import Model, Port
from livecam.vision.contract import DetectorContract, DetectorFamily

Specs = Mapping[str, TensorSpec]

_FREE: Final = -1


@dataclass(frozen=True, slots=True)
class Roles:
    """What a network's inputs and outputs are for.

    Attributes:
        inputs: The network's name for each role.
        outputs: Likewise; outputs without a role are left out.
        known: Shape and dtype of its outputs, by its names.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    known: Specs


class BoundEngine:
    """An engine whose inputs and outputs are called by their roles. Used by one thread; owns the engine behind it.

    Args:
        engine: The network under its own names.
        found: What they are for.
    """

    def __init__(self, engine: Engine, found: Roles) -> None:
        self._engine = engine
        self._input_names = dict(found.inputs)
        self._output_names = tuple(found.outputs.items())
        self._inputs = {role: engine.inputs[name] for role, name in found.inputs.items()}
        self._outputs = {role: found.known[name] for role, name in found.outputs.items()}

    @property
    def inputs(self) -> Specs:
        """By role, in the recipe's order; shapes as the file states them."""
        return self._inputs

    @property
    def outputs(self) -> Specs:
        """By role, in the recipe's order; shapes as the file states them."""
        return self._outputs

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once.

        Raises:
            EngineError: As the engine behind it.
        """
        names = self._input_names
        results = self._engine.run({names[role]: tensor for role, tensor in feeds.items()})
        return {role: results[name] for role, name in self._output_names}

    def close(self) -> None:
        """Free the engine behind it. Idempotent."""
        self._engine.close()


def bind(model: Model, engine: Engine) -> Engine:
    """`engine`, the network of `model`, called by roles.

    Raises:
        ModelError: As `roles`. The engine is then closed.
    """
    try:
        found = roles(model, engine)
    except ModelError:
        engine.close()
        raise
    return BoundEngine(engine, found)


def roles(model: Model, engine: Engine) -> Roles:
    """What the inputs and outputs of `engine`, the network of `model`, are for.

    A port is the first of its recipe's names that the file has; where the recipe gives no names, the one at the same
    place; and where the file has none of the names, the only one left over that fits in dtype and shape.

    Raises:
        ModelError: The file has no such port, has inputs the recipe does not know, or a port of another dtype or
            shape.
    """
    rank_free = _rank_is_free(model)
    inputs = _match(model, "input", model.inputs, engine.inputs, False)
    extra = [name for name in engine.inputs if name not in inputs.values()]
    if extra:
        raise _unfit(model, "input", f"'{extra[0]}' has no role", model.inputs, engine.inputs)
    known = _known(model, engine, inputs)
    return Roles(inputs, _match(model, "output", model.outputs, known, rank_free), known)


def _rank_is_free(model: Model) -> bool:
    """Whether outputs may lack the leading axis of 1: SCRFD is published with and without it."""
    return isinstance(model.contract, DetectorContract) and model.contract.family is DetectorFamily.SCRFD


def _match(model: Model, side: str, ports: Mapping[str, Port], found: Specs, rank_free: bool) -> dict[str, str]:
    """The file's name for each role."""
    matched = {role: name for role, port in ports.items() for name in _by_name(port, found)}
    matched |= {role: name for role, name in zip(ports, found, strict=False) if not ports[role].names}
    left = [name for name in found if name not in matched.values()]
    for role in (role for role in ports if role not in matched):
        fitting = [name for name in left if _fits(found[name], ports[role].spec, rank_free)]
        rivals = [other for other in ports if other not in matched and other != role]
        if len(fitting) != 1 or any(_fits(found[fitting[0]], ports[rival].spec, rank_free) for rival in rivals):
            raise _unfit(model, side, f"none can be told to be the {role}", ports, found)
        matched[role] = fitting[0]
        left.remove(fitting[0])
    _check(model, side, ports, found, matched, rank_free)
    return {role: matched[role] for role in ports}


def _by_name(port: Port, found: Specs) -> Iterable[str]:
    return [name for name in port.names if name in found][:1]


def _check(
    model: Model, side: str, ports: Mapping[str, Port], found: Specs, matched: Mapping[str, str], rank_free: bool
) -> None:
    if len(set(matched.values())) < len(matched):
        raise _unfit(model, side, "one of them would have two roles", ports, found)
    for role, name in matched.items():
        if not _fits(found[name], ports[role].spec, rank_free):
            raise _unfit(model, side, f"the {role}, '{name}', is {_told(found[name])}", ports, found)


def _fits(found: TensorSpec, wanted: TensorSpec, rank_free: bool) -> bool:
    shape = wanted.shape
    if rank_free and len(found.shape) == len(shape) - 1:
        shape = shape[1:]
    same_rank = found.dtype == wanted.dtype and len(found.shape) == len(shape)
    return same_rank and all(_FREE in pair or pair[0] == pair[1] for pair in zip(found.shape, shape, strict=True))


def _known(model: Model, engine: Engine, inputs: Mapping[str, str]) -> Specs:
    """The outputs; shapes a file leaves open altogether are learnt by running it once on zeros."""
    if all(spec.shape for spec in engine.outputs.values()):
        return engine.outputs
    feeds = {name: _zeros(engine.inputs[name], model.inputs[role].spec) for role, name in inputs.items()}
    try:
        results = engine.run(feeds)
    except EngineError as error:
        raise ModelError(
            f"{model.name}.onnx does not say what it gives, and cannot be tried: {error}", _hint(model)
        ) from error
    return {name: TensorSpec(result.shape, str(result.dtype)) for name, result in results.items()}


def _zeros(found: TensorSpec, wanted: TensorSpec) -> Tensor:
    sizes = zip(found.shape, wanted.shape, strict=True)
    return np.zeros([next((size for size in pair if size != _FREE), 1) for pair in sizes], found.dtype)


def _unfit(model: Model, side: str, what: str, ports: Mapping[str, Port], found: Specs) -> ModelError:
    has = ", ".join(f"'{name}' {_told(spec)}" for name, spec in found.items()) or "none"
    wanted = ", ".join(f"{role} {_told(port.spec)}{_called(port)}" for role, port in ports.items())
    return ModelError(
        f"{model.name}.onnx does not fit its recipe: of its {side}s {what}. It has {has}; expected: {wanted}.",
        _hint(model),
    )


def _hint(model: Model) -> str:
    return f"Check the file: livecam models verify {model.name}"


def _called(port: Port) -> str:
    return f" (called {' or '.join(port.names)})" if port.names else ""


def _told(spec: TensorSpec) -> str:
    return f"{spec.dtype} {list(spec.shape)}".replace("-1", "any")
