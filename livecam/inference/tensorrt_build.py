"""Compiles an ONNX graph into a plan, with what TensorRT 10.16, TensorRT 11 and TensorRT for RTX 1.7 have in common.

Networks are strongly typed: the precision of every operator is the graph's own, as `livecam.inference.half` left it.
TensorRT 10 must be told so, TensorRT 11 and TensorRT for RTX know nothing else.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from onnx import ModelProto, helper

from livecam.errors import EngineError
from livecam.inference.graph import FREE, input_shapes
from livecam.inference.plan_key import Flavour, InputShape
from livecam.inference.tensorrt_api import Builder, Config, Failure, Logger, Monitor, Parser, TimingCache
from livecam.inference.toolkits import NAMES, Toolkit

log = logging.getLogger(__name__)

Step = Callable[[str, int, int], bool]
"""Hears of a stage how many of how many steps are done; a false answer cancels the build."""

WORKSPACE_BYTES: Final = 2 << 30
"""Of the graphics card's memory, at most, that one operator may use for intermediate results."""

STEPS: Final = 1000
"""In which progress is told."""

TYPE: Final = "type:"
"""Begins what is remembered of an input or output."""

_PICTURE_AXES: Final = 4
_SHOWN_ERRORS: Final = 3


@dataclass(slots=True)
class Options:
    """How a plan is built.

    Attributes:
        level: 0 to 5: how long the builder looks for quick kernels. 3 is TensorRT's own choice.
        targets: Architectures, such as ``sm_86``, for TensorRT for RTX; empty for a plan for all that it knows.
        timing: What the builder of full TensorRT measured before; empty for nothing. Afterwards: with what it has
            measured now.
    """

    level: int = 3
    targets: tuple[str, ...] = ()
    timing: bytes = field(default=b"")


def batch_shapes(model: ModelProto, most: int) -> tuple[InputShape, ...]:
    """The sizes of all inputs, whose pictures may come one to `most` at a time; vectors stay one for all.

    Raises:
        EngineError: The network leaves a size free.
    """
    shapes = []
    for name, shape in input_shapes(model).items():
        if FREE in shape:
            raise EngineError(f"The network leaves a size of its input '{name}' free; a plan needs fixed sizes.")
        rows = most if len(shape) == _PICTURE_AXES else shape[0]
        least, usual = (min(1, rows), *shape[1:]), (rows, *shape[1:])
        shapes.append(InputShape(name, least, usual, usual) if rows > 1 else InputShape.fixed(name, shape))
    return tuple(shapes)


def free_batch(model: ModelProto, shapes: Sequence[InputShape]) -> None:
    """Free the first axis of the inputs that may have several sizes, in place; what follows from it is worked out anew.

    What the file says about the shapes behind is taken out, as it no longer holds.
    """
    free = {shape.name for shape in shapes if not shape.is_fixed}
    for value in model.graph.input:
        if value.name in free:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    if free:
        del model.graph.value_info[:]
        for result in model.graph.output:
            result.type.tensor_type.ClearField("shape")


def outside_types(model: ModelProto) -> dict[str, str]:
    """The type of every input and output as the network has it, to be kept with the plan, by `TYPE` and its name.

    TensorRT makes 32-bit inputs and outputs of 64-bit floats; whoever calls the engine must not notice.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in (*model.graph.input, *model.graph.output) if value.name not in weights]
    kinds = {value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type) for value in values}
    return {TYPE + name: str(kind) for name, kind in kinds.items()}


def compile_plan(kit: Toolkit, network: bytes, shapes: Sequence[InputShape], options: Options, step: Step) -> bytes:
    """The plan of the ONNX graph `network`.

    Args:
        kit: Which TensorRT.
        network: The serialized graph, with its weights inside.
        shapes: Of its inputs.
        options: How it is built; its timing cache is brought up to date.
        step: Told of every step, in this thread or one of TensorRT's.

    Raises:
        EngineError: An operator cannot be compiled, a target is not known, the build failed or was cancelled.
    """
    trt, logger = kit.module, native_logger(kit)
    builder: Builder = trt.Builder(logger)
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser: Parser = trt.OnnxParser(definition, logger)
    if not parser.parse(network):
        raise EngineError(_refusal(kit, [parser.get_error(place) for place in range(parser.num_errors)]))
    config = builder.create_builder_config()
    config.builder_optimization_level = options.level
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    if kit.flavour is Flavour.RTX:
        # Else it may allocate while it runs, which a graph of what is done in a frame cannot note.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    config.progress_monitor = monitor = _monitor(kit, step)
    _add_profile(builder, config, shapes)
    _aim(kit, config, options.targets)
    timing = _timing(kit, config, options.timing)
    plan = builder.build_serialized_network(definition, config)
    if plan is None:
        if monitor.cancelled:
            raise EngineError("The build was cancelled.")
        raise EngineError(f"{NAMES[kit.flavour]} could not build the network: {logger.told()}.")
    if timing is not None:
        options.timing = bytes(timing.serialize())
    return bytes(plan)


def _add_profile(builder: Builder, config: Config, shapes: Sequence[InputShape]) -> None:
    """Say which sizes free axes may have; inputs of one size need nothing said."""
    free = [shape for shape in shapes if not shape.is_fixed]
    if free:
        profile = builder.create_optimization_profile()
        for shape in free:
            profile.set_shape(shape.name, shape.least, shape.usual, shape.most)
        config.add_optimization_profile(profile)


def _aim(kit: Toolkit, config: Config, targets: Sequence[str]) -> None:
    """Build for the graphics cards named; without names for this one, or with TensorRT for RTX for all it knows."""
    if not targets:
        return
    if kit.flavour is not Flavour.RTX:
        raise EngineError("TensorRT builds for the graphics card of this machine only; leave out the architectures.")
    known = kit.module.ComputeCapability.__members__
    config.num_compute_capabilities = len(targets)
    for place, target in enumerate(targets):
        name = target.upper().replace("_", "")
        if not name.startswith("SM") or name not in known:
            cards = ", ".join(f"sm_{card.removeprefix('SM')}" for card in known if card.startswith("SM"))
            raise EngineError(f"{NAMES[kit.flavour]} {kit.version} cannot build for '{target}'; it can for {cards}.")
        config.set_compute_capability(known[name], place)


def _timing(kit: Toolkit, config: Config, held: bytes) -> TimingCache | None:
    """What full TensorRT measured before; TensorRT for RTX measures nothing while it builds."""
    if kit.flavour is Flavour.RTX:
        return None
    cache = config.create_timing_cache(held)
    config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _refusal(kit: Toolkit, errors: Sequence[Failure]) -> str:
    told = [f"{error.node_operator()} '{error.node_name()}': {error.desc()}" for error in errors[:_SHOWN_ERRORS]]
    more = f" and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
    return f"{NAMES[kit.flavour]} {kit.version} cannot take the network: {'; '.join(told)}{more}."


def native_logger(kit: Toolkit) -> Logger:
    """A logger of TensorRT's that keeps what went wrong; its class can only be made once TensorRT is there."""
    base = kit.module.ILogger

    class Keeper(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)
            self._errors: list[str] = []

        def log(self, severity: int, message: str) -> None:
            if severity in {base.INTERNAL_ERROR, base.ERROR}:
                self._errors.append(message)
            log.debug("%s: %s", kit.flavour, message)

        def told(self) -> str:
            return self._errors[-1].strip().rstrip(".") if self._errors else "it does not say why"

    return Keeper()


def _monitor(kit: Toolkit, step: Step) -> Monitor:
    """A progress monitor of TensorRT's that hands on how far the whole build has come, phases within phases."""
    base = kit.module.IProgressMonitor

    class Teller(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)
            self.cancelled = False
            self._phases = Phases()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._phases.start(phase_name, parent_phase or "", num_steps)

        def step_complete(self, phase_name: str, step_number: int) -> bool:
            done = self._phases.done(phase_name, step_number + 1)
            self.cancelled = self.cancelled or not step("compiling", round(done * STEPS), STEPS)
            return not self.cancelled

        def phase_finish(self, phase_name: str) -> None:
            self._phases.finish(phase_name)

    return Teller()


class Phases:
    """How far a build has come whose phases contain others. Never goes back."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[str, int, int]] = {}
        self._most = 0.0

    def start(self, name: str, parent: str, steps: int) -> None:
        """A phase of so many steps begins, within one step of `parent`."""
        self._running[name] = (parent, max(steps, 1), 0)

    def finish(self, name: str) -> None:
        """It is over."""
        self._running.pop(name, None)

    def done(self, name: str, steps: int) -> float:
        """So many steps of a phase are done; says which part, 0..1, of the whole build is."""
        if name in self._running:
            parent, total, _ = self._running[name]
            self._running[name] = (parent, total, min(steps, total))
        part = 0.0
        while name in self._running:
            parent, total, steps = self._running[name]
            part = min((steps + part) / total, 1.0)
            name = parent
        self._most = max(self._most, part)
        return self._most
