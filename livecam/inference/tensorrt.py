"""Networks on TensorRT 10.16, TensorRT 11 and TensorRT for RTX 1.7, from plans that were verified before.

Everything is allocated when an engine is loaded: memory on the card and pinned memory for every input and output, at
their largest, and what a network needs in between. A run copies in, computes and copies out on one stream, and waits
for it once. Where inputs and outputs stay on the card, see `livecam.inference.tensorrt_device`.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from livecam.core.device import Bytes, Device, DeviceTensor
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import DeviceError, EngineError, LivecamError
from livecam.inference.bind import bind
from livecam.inference.model import Model
from livecam.inference.plan_file import Sealed, digest_in
from livecam.inference.plan_key import Flavour, Kind, SideKey
from livecam.inference.plans import PlanCache
from livecam.inference.tensorrt_api import Context
from livecam.inference.tensorrt_build import TYPE
from livecam.inference.tensorrt_context import Loaded, load_context
from livecam.inference.toolkits import Toolkit
from livecam.inference.trial import try_batch, try_engine

_PICTURE_AXES: Final = 4
_DTYPES: Final = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
"""NumPy's name of TensorRT's types."""


@dataclass(frozen=True, slots=True)
class _Port:
    """An input or output.

    Attributes:
        name: In the graph.
        most: The largest shape.
        dtype: On the card.
        outside: As the network has it, which may be 64 bit.
        address: Of its memory on the card.
        memory: Pinned, for all of it.
    """

    name: str
    most: tuple[int, ...]
    dtype: np.dtype[np.generic]
    outside: str
    address: int
    memory: Bytes

    def view(self, shape: tuple[int, ...]) -> Tensor:
        """The beginning of the pinned memory as an array."""
        found: Tensor = self.memory[: prod(shape) * self.dtype.itemsize].view(self.dtype).reshape(shape)
        return found


class TensorRtEngine:
    """A plan loaded on a graphics card. Used by one thread.

    Where a batch may be smaller than the largest, `inputs` gives the largest; every input with several rows must then
    be given equally many.

    Args:
        plan: Verified.
        kit: The TensorRT it was built with.
        device: The card.
        held: The content of a runtime cache of TensorRT for RTX; empty for none.

    Raises:
        EngineError: The plan does not run on this card, or the card's memory does not suffice.
    """

    def __init__(self, plan: Sealed, kit: Toolkit, device: Device, held: bytes = b"") -> None:
        self._name = str(plan.header.fields.get("model", "?"))
        self._device, self._flavour = device, kit.flavour
        self._undo = contextlib.ExitStack()
        self._loaded: Loaded | None = None
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._loaded = loaded = load_context(plan, kit, held, self._name)
            self._work_memory(loaded)
            self._stream = self._reserve(device.stream, device.end_stream)
            names = [loaded.engine.get_tensor_name(place) for place in range(loaded.engine.num_io_tensors)]
            goes_in = {name: loaded.engine.get_tensor_mode(name) == kit.module.TensorIOMode.INPUT for name in names}
            self._ins = [self._input(loaded, name, plan) for name in names if goes_in[name]]
            self._outs = [self._output(loaded, name, plan) for name in names if not goes_in[name]]
            self._given = {port.name: port.most for port in self._ins}
            self._has_run = False
            stack.pop_all()

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order, at their largest."""
        return {port.name: TensorSpec(port.most, port.outside) for port in self._ins}

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """By name, in the graph's order, at their largest."""
        return {port.name: TensorSpec(port.most, port.outside) for port in self._outs}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once. Outputs are views valid until the next `run`.

        Raises:
            EngineError: The feeds do not fit, or the engine is closed.
            DeviceError: The card failed.
        """
        context = self._context()
        self._check(feeds)
        for port in self._ins:
            self._upload(context, port, feeds[port.name])
        self._execute(context, self._stream)
        found = {port.name: port.view(tuple(context.get_tensor_shape(port.name))) for port in self._outs}
        for port in self._outs:
            self._device.download(found[port.name], port.address, self._stream)
        self._device.wait(self._stream)
        self._has_run = True
        return {
            port.name: found[port.name] if port.outside == port.dtype.name else found[port.name].astype(port.outside)
            for port in self._outs
        }

    def tensors(self) -> Mapping[str, DeviceTensor]:
        """Where every input and output is on the card, by name, at its largest."""
        return {port.name: DeviceTensor(port.address, port.most, port.dtype.name) for port in (*self._ins, *self._outs)}

    def enqueue(self, stream: int) -> None:
        """Begin to run it in `stream` on what is at its inputs' addresses, at their largest.

        Raises:
            EngineError: The engine is closed.
            DeviceError: The card failed.
        """
        context = self._context()
        for port in self._ins:
            self._shape(context, port, port.most)
        self._execute(context, stream)

    @property
    def capturable(self) -> bool:
        """Whether `enqueue` may be noted into a graph; it must have run once."""
        if self._loaded is None or not self._has_run:
            return False
        return self._flavour is not Flavour.RTX or self._loaded.context.is_stream_capturable(self._stream)

    def runtime_cache(self) -> bytes:
        """What TensorRT for RTX compiled for this card so far, to be kept; empty for full TensorRT."""
        cache = self._loaded.cache if self._loaded is not None else None
        return bytes(cache.serialize()) if cache is not None else b""

    def close(self) -> None:
        """Free the card's memory. Idempotent; never raises: a broken card has freed all."""
        self._loaded = None
        with contextlib.suppress(DeviceError):
            self._undo.close()

    def _context(self) -> Context:
        if self._loaded is None:
            raise EngineError(f"The network {self._name} is closed.")
        return self._loaded.context

    def _execute(self, context: Context, stream: int) -> None:
        if not context.execute_async_v3(stream):
            raise DeviceError(f"The network {self._name} failed on the graphics card.", "See: livecam doctor")

    def _work_memory(self, loaded: Loaded) -> None:
        """Memory between the layers, which never moves: graphs remember it."""
        size = max(loaded.engine.device_memory_size_v2, 1)
        loaded.context.set_device_memory(self._reserve(lambda: self._device.allocate(size), self._device.free), size)

    def _input(self, loaded: Loaded, name: str, plan: Sealed) -> _Port:
        shape = tuple(loaded.engine.get_tensor_shape(name))
        if min(shape, default=0) < 0:
            shape = tuple(loaded.engine.get_tensor_profile_shape(name, 0)[2])
            loaded.context.set_input_shape(name, shape)
        return self._port(loaded, name, shape, plan)

    def _output(self, loaded: Loaded, name: str, plan: Sealed) -> _Port:
        return self._port(loaded, name, tuple(loaded.context.get_tensor_shape(name)), plan)

    def _port(self, loaded: Loaded, name: str, most: tuple[int, ...], plan: Sealed) -> _Port:
        kind = str(loaded.engine.get_tensor_dtype(name)).rpartition(".")[2]
        if kind not in _DTYPES or min(most, default=1) < 0:
            raise EngineError(f"The plan of {self._name} has '{name}' of {kind} {list(most)}, which cannot be used.")
        dtype = np.dtype(_DTYPES[kind])
        size = max(prod(most) * dtype.itemsize, 1)
        address = self._reserve(lambda: self._device.allocate(size), self._device.free)
        memory = self._device.pinned(size)
        self._undo.callback(self._device.free_pinned, memory)
        if not loaded.context.set_tensor_address(name, address):
            raise EngineError(f"The plan of {self._name} does not take memory for '{name}'.")
        return _Port(name, most, dtype, plan.header.about.get(TYPE + name, dtype.name), address, memory)

    def _reserve(self, take: Callable[[], int], give: Callable[[int], None]) -> int:
        taken = take()
        self._undo.callback(give, taken)
        return taken

    def _check(self, feeds: Mapping[str, Tensor]) -> None:
        if feeds.keys() != self._given.keys():
            raise EngineError(f"The network {self._name} takes {', '.join(self._given)}, not {', '.join(feeds)}.")
        for port in self._ins:
            feed = feeds[port.name]
            alike = feed.ndim == len(port.most) and feed.shape[1:] == port.most[1:]
            if not (alike and (feed.shape == port.most or 0 < len(feed) < port.most[0])):
                raise EngineError(
                    f"The network {self._name} takes '{port.name}' of {list(port.most)}, not {list(feed.shape)}."
                )
            if str(feed.dtype) != port.outside:
                raise EngineError(f"The network {self._name} takes '{port.name}' of {port.outside}, not {feed.dtype}.")

    def _upload(self, context: Context, port: _Port, feed: Tensor) -> None:
        staged = port.view(feed.shape)
        # 64-bit floats become 32-bit here: TensorRT knows none.
        np.copyto(staged, feed, casting="same_kind")
        self._shape(context, port, feed.shape)
        self._device.upload(port.address, staged, self._stream)

    def _shape(self, context: Context, port: _Port, shape: tuple[int, ...]) -> None:
        if shape != self._given[port.name]:
            if not context.set_input_shape(port.name, shape):
                raise EngineError(f"The network {self._name} does not take '{port.name}' of {list(shape)}.")
            self._given[port.name] = shape


def load_plan(model: Model, plan: Sealed, kit: Toolkit, device: Device, cache: PlanCache) -> Engine:
    """The network of `model`, called by roles and tried once, from a verified plan.

    What TensorRT for RTX compiles for the card in the first run is kept beside the plan, for a quick next start.

    Raises:
        EngineError: As `TensorRtEngine`.
        ModelError: It is not what the recipe says, or gives what cannot be used.
    """
    return bind(model, load_tried(model, plan, kit, device, cache))


def load_tried(model: Model, plan: Sealed, kit: Toolkit, device: Device, cache: PlanCache) -> TensorRtEngine:
    """As `load_plan`, called by the names in the graph, which fit the recipe.

    Raises:
        EngineError: As `TensorRtEngine`.
        ModelError: It is not what the recipe says, or gives what cannot be used.
    """
    key = SideKey(Kind.RUNTIME, kit.flavour, kit.version, device.card(), digest_in(plan.header))
    held = cache.find(key) if kit.flavour is Flavour.RTX else None
    engine = TensorRtEngine(plan, kit, device, held.payload if held is not None else b"")
    bound = bind(model, engine)
    several = any(len(spec.shape) == _PICTURE_AXES and spec.shape[0] > 1 for spec in bound.inputs.values())
    try:
        (try_batch if several else try_engine)(bound, Path(f"The plan of {model.name}"))
        compiled = engine.runtime_cache()
        if held is None and compiled:
            cache.keep(key, compiled)
    except LivecamError:
        engine.close()
        raise
    return engine
