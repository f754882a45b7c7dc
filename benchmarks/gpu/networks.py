"""Each network on each backend that works here, against the time that its arithmetic and its weights take."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

import numpy as np

from benchmarks.gpu.cards import peak_tflops
from benchmarks.gpu.subjects import Shelf
from benchmarks.gpu.timing import Times, one_by_one
from livecam.core.device import Device, DeviceEngine
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import LivecamError
from livecam.inference.agreement import Reference

Found = dict[str, object]


def measure(
    shelf: Shelf,
    names: Iterable[str],
    ways: Mapping[str, Callable[[str], "Way"]],
    card: str,
    gb_per_s: float,
    seconds: float,
) -> Found:
    """By network: cost, floors, and for each way its times, its agreement, or why it did not run."""
    peak = peak_tflops(card)
    found: Found = {}
    for name in names:
        cost = shelf.cost(name)
        floors = {"bytes_ms": cost.parameters * 2 / gb_per_s / 1e6 if gb_per_s else None}
        floors["flop_ms"] = cost.gflop / peak if peak else None
        reference = Reference.of(shelf.on_onnx_runtime(name, "cpu"))
        told = {way: _told(make, name, reference, seconds) for way, make in ways.items()}
        found[name] = {"gflop": cost.gflop, "parameters": cost.parameters, "floors": floors, **told}
    return found


class Way:
    """One network on one backend.

    Args:
        run: Runs it once and waits.
        engine: By roles, for the agreement; None where it has none.
        close: Frees it.
    """

    def __init__(self, run: Callable[[], None], engine: Engine | None, close: Callable[[], None]) -> None:
        self.run, self.engine, self.close = run, engine, close


def _told(make: Callable[[str], Way], name: str, reference: Reference, seconds: float) -> Found:
    began = time.monotonic()
    try:
        way = make(name)
    except (LivecamError, RuntimeError) as error:
        return {"problem": str(error)}
    try:
        way.run()
        ready_s = time.monotonic() - began
        errors = reference.errors(way.engine) if way.engine is not None else {}
        times: Times = one_by_one(way.run, seconds)
        return {**times, "ready_s": ready_s, "errors": errors}
    except (LivecamError, RuntimeError) as error:
        return {"problem": str(error)}
    finally:
        way.close()


class OnCard:
    """An `Engine` over a network that stays on the card, for the agreement alone: in and out by copies.

    Args:
        device: The card.
        engine: The network.
    """

    def __init__(self, device: Device, engine: DeviceEngine) -> None:
        self._device, self._engine, self._stream = device, engine, device.stream()
        self.inputs = {role: TensorSpec(each.shape, each.dtype) for role, each in engine.inputs.items()}
        self.outputs = {role: TensorSpec(each.shape, each.dtype) for role, each in engine.outputs.items()}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once; copies."""
        with ExitStack() as held:
            for role, feed in feeds.items():
                tensor = self._engine.inputs[role]
                self._move(tensor.address, feed.astype(tensor.dtype), held, up=True)
            self._engine.enqueue(self._stream)
            results = {}
            for role, tensor in self._engine.outputs.items():
                results[role] = self._move(tensor.address, np.empty(tensor.shape, tensor.dtype), held, up=False)
            self._device.wait(self._stream)
            return {role: result.copy() for role, result in results.items()}

    def close(self) -> None:
        """End the stream; the network is its owner's."""
        self._device.end_stream(self._stream)

    def _move(self, address: int, array: Tensor, held: ExitStack, *, up: bool) -> Tensor:
        memory = self._device.pinned(array.nbytes)
        held.callback(self._device.free_pinned, memory)
        staged: Tensor = memory.view(array.dtype).reshape(array.shape)
        if up:
            np.copyto(staged, array)
            self._device.upload(address, staged, self._stream)
        else:
            self._device.download(staged, address, self._stream)
        return staged


def on_card(device: Device, load: Callable[[str], DeviceEngine]) -> Callable[[str], Way]:
    """Networks that stay on the card; what is timed is the run alone, as a graph where that is possible."""

    def make(name: str) -> Way:
        engine, stream = load(name), device.stream()
        bound = OnCard(device, engine)
        engine.enqueue(stream)
        device.wait(stream)
        graph: int | None = None
        if engine.capturable:
            device.begin_capture(stream)
            engine.enqueue(stream)
            graph = device.end_capture(stream)

        def run() -> None:
            if graph is None:
                engine.enqueue(stream)
            else:
                device.replay(graph, stream)
            device.wait(stream)

        def close() -> None:
            if graph is not None:
                device.end_graph(graph)
            bound.close()
            device.end_stream(stream)
            engine.close()

        return Way(run, bound, close)

    return make


def through_memory(load: Callable[[str], Engine]) -> Callable[[str], Way]:
    """Networks as peers run them: arrays of the processor in, arrays of the processor out."""

    def make(name: str) -> Way:
        engine = load(name)
        noise = np.random.default_rng(0)
        feeds = {
            role: noise.random([max(side, 1) for side in spec.shape]).astype(spec.dtype)
            for role, spec in engine.inputs.items()
        }
        return Way(lambda: (engine.run(feeds), None)[1], engine, engine.close)

    return make


def onnx_with_graph(shelf: Shelf) -> Callable[[str], Way]:
    """ONNX Runtime's CUDA provider at its best: a CUDA graph, inputs and outputs on the card."""

    def make(name: str) -> Way:
        import onnxruntime

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise RuntimeError("This ONNX Runtime was built without CUDA.")
        options = {"enable_cuda_graph": "1"}
        session = onnxruntime.InferenceSession(shelf.file(name), providers=[("CUDAExecutionProvider", options)])
        if session.get_providers()[0] != "CUDAExecutionProvider":
            raise RuntimeError("ONNX Runtime could not start CUDA here.")
        binding = session.io_binding()
        for put, ports in (
            (binding.bind_ortvalue_input, session.get_inputs()),
            (binding.bind_ortvalue_output, session.get_outputs()),
        ):
            for port in ports:
                shape = [side if isinstance(side, int) else 1 for side in port.shape]
                dtype = np.float16 if "float16" in port.type else np.float32
                put(port.name, onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, dtype, "cuda", 0))

        def run() -> None:
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return Way(run, None, lambda: None)

    return make
