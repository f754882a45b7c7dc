"""A graphics card that is not there: a `Device` over the computer's own memory, with the kernels' own text.

It is stricter than a card. Nothing that was begun is done before `wait`, so that a wait that is missing shows. Memory
is not zero at first, has guard bytes around it, and kernels may be given nothing else. What a card would answer with
an error, or with rubbish, is a `DeviceError`; what would silently spoil other memory is an `AssertionError`.
"""

import ctypes
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ctypes import Array, Structure, c_void_p
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import numpy as np
import pytest

from livecam.canvas.kernels.arguments import KERNELS
from livecam.canvas.kernels.library import KernelLibrary
from livecam.core.device import Bytes, DeviceTensor
from livecam.core.seams import Engine, Tensor
from livecam.errors import DeviceError
from tests.canvas.host_kernels import HostKernels, build, compiler

CODE: Final = b"the host's own kernels"
"""What `HostDevice.load_kernels` takes for machine code."""

Step = Callable[[], None]

_ALIGNMENT: Final = 256
_GUARD, _FRESH = 0xA5, 0xCE
_MOST_THREADS: Final = 256
# Kernels give the same on any grid; one thread in few blocks is quickest here.
_MOST_BLOCKS: Final = 2


class _Block:
    """Memory with guard bytes around it."""

    def __init__(self, size: int) -> None:
        whole = np.full(size + 3 * _ALIGNMENT, _GUARD, np.uint8)
        start = _ALIGNMENT + -whole.ctypes.data % _ALIGNMENT
        self._before, self.memory, self._behind = whole[:start], whole[start : start + size], whole[start + size :]
        self.memory[:] = _FRESH
        self.address, self.size = self.memory.ctypes.data, size

    def holds(self, address: int, size: int) -> bool:
        return self.address <= address and address + size <= self.address + self.size

    def check(self) -> None:
        for guard in (self._before, self._behind):
            assert (guard == _GUARD).all(), f"something was written beside {self.size} bytes of the card"


@dataclass
class _Stream:
    """What was begun and is not done; and what is noted for a graph, where it is."""

    begun: list[Step] = field(default_factory=list)
    noted: list[Step] | None = None


class HostDevice:
    """A `Device` over host memory. Threads must `enter`; the one that makes it has.

    Args:
        kernels: As the host's compiler has made them; None where none will be launched.
        memory: Bytes that the card has.

    Attributes:
        calls: How often each method was called.
        moved: Bytes that were begun to be copied up and down.
    """

    def __init__(self, kernels: HostKernels | None = None, memory: int = 1 << 30) -> None:
        self.calls: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        self._run, self._limit = kernels, memory
        self._blocks: dict[int, _Block] = {}
        self._pinned: dict[int, _Block] = {}
        self._registered: dict[int, Tensor] = {}
        self._streams: dict[int, _Stream] = {}
        self._kernels: dict[int, str] = {}
        self._graphs: dict[int, list[Step]] = {}
        self._handles = count(1)
        self._threads = {threading.get_ident()}
        self._fails_in, self._stays_broken = -1, False

    # -- for tests

    def fail(self, after: int = 0, *, forever: bool = True) -> None:
        """Let the call that comes `after` so many others fail; and `forever` every one after it, as real cards do."""
        self._fails_in, self._stays_broken = after, forever

    def mend(self) -> None:
        """Let no further call fail."""
        self._fails_in = -1

    def call(self, stream: int, step: Step) -> None:
        """Begin to do `step` in `stream`, as a network does its work."""
        self._begin(stream, step)

    def held(self) -> dict[str, int]:
        """How much of what there is to be freed is not; empty when all is."""
        counts = {"memory": len(self._blocks), "pinned": len(self._pinned), "pin": len(self._registered)}
        counts |= {"stream": len(self._streams), "graph": len(self._graphs)}
        return {name: number for name, number in counts.items() if number}

    def bytes_at(self, address: int, size: int) -> Bytes:
        """A view of memory of the card; what is not done yet is not in it."""
        block = next((block for block in self._blocks.values() if block.holds(address, size)), None)
        if block is None:
            raise DeviceError(f"The card has no {size} bytes at {address:#x}: an illegal address.")
        return block.memory[address - block.address : address - block.address + size]

    def pending(self) -> int:
        """How much was begun and is not done."""
        return sum(len(stream.begun) for stream in self._streams.values())

    # -- Device

    def card(self) -> str:
        return f"{self.architecture()} host memory driver 0"

    def architecture(self) -> str:
        return "sm_00"

    def free_bytes(self) -> int:
        self._count("free_bytes")
        return self._left()

    def enter(self) -> None:
        self._threads.add(threading.get_ident())
        self._count("enter")

    def stream(self) -> int:
        self._count("stream")
        handle = next(self._handles)
        self._streams[handle] = _Stream()
        return handle

    def end_stream(self, stream: int) -> None:
        self._count("end_stream")
        self._of(stream)
        self._finish()
        del self._streams[stream]

    def wait(self, stream: int) -> None:
        self._count("wait")
        if self._of(stream).noted is not None:
            raise DeviceError("A stream cannot be waited for while a graph is captured in it.")
        self._do(self._of(stream))

    def allocate(self, size: int) -> int:
        self._outside_capture("allocate")
        if size <= 0 or size > self._left():
            raise DeviceError(f"The card has no {size} bytes left: out of memory.")
        block = _Block(size)
        self._blocks[block.address] = block
        return block.address

    def free(self, address: int) -> None:
        self._outside_capture("free")
        self._finish()
        if address not in self._blocks:
            raise DeviceError(f"{address:#x} is no memory of the card, or was freed before.")
        self._blocks.pop(address).check()

    def pinned(self, size: int) -> Bytes:
        self._outside_capture("pinned")
        block = _Block(size)
        self._pinned[block.address] = block
        return block.memory

    def free_pinned(self, memory: Bytes) -> None:
        self._outside_capture("free_pinned")
        self._finish()
        if memory.ctypes.data not in self._pinned:
            raise DeviceError("That is no pinned memory, or was freed before.")
        self._pinned.pop(memory.ctypes.data).check()

    def pin(self, memory: Tensor) -> None:
        self._outside_capture("pin")
        _in_one_piece(memory)
        if self._is_pinned(memory.ctypes.data, 1) or self._is_pinned(memory.ctypes.data + memory.nbytes - 1, 1):
            raise DeviceError("That memory is pinned already.")
        self._registered[memory.ctypes.data] = memory

    def unpin(self, memory: Tensor) -> None:
        self._outside_capture("unpin")
        self._finish()
        if self._registered.pop(memory.ctypes.data, None) is None:
            raise DeviceError("That memory is not pinned.")

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        self._count("upload")
        self._reached(source)
        self.bytes_at(address, source.nbytes)
        self.moved["up"] += source.nbytes
        self._begin(stream, lambda: _copy(self.bytes_at(address, source.nbytes), self._raw(source)))

    def download(self, target: Tensor, address: int, stream: int) -> None:
        self._count("download")
        self._reached(target)
        self.bytes_at(address, target.nbytes)
        self.moved["down"] += target.nbytes
        self._begin(stream, lambda: _copy(self._raw(target), self.bytes_at(address, target.nbytes)))

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self._count("copy")
        self.bytes_at(target, size), self.bytes_at(source, size)
        self._begin(stream, lambda: _copy(self.bytes_at(target, size), self.bytes_at(source, size).copy()))

    def zero(self, address: int, size: int, stream: int) -> None:
        self._count("zero")
        self.bytes_at(address, size)
        self._begin(stream, lambda: self.bytes_at(address, size).fill(0))

    def load_kernels(self, code: bytes, names: tuple[str, ...]) -> Mapping[str, int]:
        self._count("load_kernels")
        if code != CODE or not set(names) <= KERNELS.keys():
            raise DeviceError("The machine code is not for this card, or lacks a kernel.")
        loaded = {name: next(self._handles) for name in names}
        self._kernels |= {handle: name for name, handle in loaded.items()}
        return loaded

    def launch(self, kernel: int, blocks: int, threads: int, arguments: int, stream: int) -> None:
        self._count("launch")
        if kernel not in self._kernels:
            raise DeviceError(f"{kernel} is no kernel, or its module was freed.")
        if blocks < 1 or not 1 <= threads <= _MOST_THREADS or threads & (threads - 1):
            raise DeviceError(f"A kernel cannot be launched on {blocks} blocks of {threads} threads.")
        name = self._kernels[kernel]
        self.bytes_at(arguments, ctypes.sizeof(KERNELS[name]))
        self._begin(stream, lambda: self._launched(name, min(blocks, _MOST_BLOCKS), arguments))

    def begin_capture(self, stream: int) -> None:
        self._outside_capture("begin_capture")
        self._of(stream).noted = []

    def end_capture(self, stream: int) -> int:
        self._count("end_capture")
        noted, self._of(stream).noted = self._of(stream).noted, None
        if noted is None:
            raise DeviceError("No graph is captured in that stream.")
        handle = next(self._handles)
        self._graphs[handle] = noted
        return handle

    def replay(self, graph: int, stream: int) -> None:
        self._count("replay")
        for step in self._graph(graph):
            self._begin(stream, step)

    def end_graph(self, graph: int) -> None:
        self._count("end_graph")
        self._graph(graph)
        self._finish()
        del self._graphs[graph]

    def close(self) -> None:
        self._kernels.clear()

    # -- inside

    def _left(self) -> int:
        return self._limit - sum(block.size for block in self._blocks.values())

    def _count(self, name: str) -> None:
        self.calls[name] += 1
        if threading.get_ident() not in self._threads:
            raise DeviceError(f"This thread has not entered the card, but calls {name}.")
        if self._fails_in == 0:
            self._fails_in = 0 if self._stays_broken else -1
            raise DeviceError(f"The card refused {name}: the test wants it.", "See: livecam doctor")
        self._fails_in -= self._fails_in > 0

    def _outside_capture(self, name: str) -> None:
        self._count(name)
        if any(stream.noted is not None for stream in self._streams.values()):
            raise DeviceError(f"The card cannot do {name} while a graph is captured.")

    def _of(self, stream: int) -> _Stream:
        if stream not in self._streams:
            raise DeviceError(f"{stream} is no stream, or has ended.")
        return self._streams[stream]

    def _graph(self, graph: int) -> list[Step]:
        if graph not in self._graphs:
            raise DeviceError(f"{graph} is no graph, or has ended.")
        return self._graphs[graph]

    def _begin(self, stream: int, step: Step) -> None:
        found = self._of(stream)
        (found.begun if found.noted is None else found.noted).append(step)

    def _do(self, stream: _Stream) -> None:
        begun, stream.begun = stream.begun, []
        for step in begun:
            step()
        for block in self._blocks.values():
            block.check()

    def _finish(self) -> None:
        """Cards wait for everything before they free anything."""
        for stream in self._streams.values():
            self._do(stream)

    def _launched(self, name: str, blocks: int, arguments: int) -> None:
        assert self._run is not None, "this card was made without kernels"
        given = KERNELS[name].from_address(arguments)
        for pointer in _pointers(given):
            self.bytes_at(pointer, 1)
        self._run(name, given, blocks)

    def _is_pinned(self, address: int, size: int) -> bool:
        every = [(block.address, block.size) for block in self._pinned.values()]
        every += [(memory.ctypes.data, memory.nbytes) for memory in self._registered.values()]
        return any(start <= address and address + size <= start + length for start, length in every)

    def _reached(self, memory: Tensor) -> None:
        _in_one_piece(memory)
        if not self._is_pinned(memory.ctypes.data, memory.nbytes):
            raise DeviceError(f"{memory.nbytes} bytes of the computer are not pinned: the copy would wait.")

    def _raw(self, memory: Tensor) -> Bytes:
        """The bytes of `memory`, which must still be pinned."""
        self._reached(memory)
        return memory.reshape(-1).view(np.uint8)


class HostEngine:
    """A `DeviceEngine` over a network on the host: it runs when the stream does.

    Args:
        device: Where its inputs and outputs are.
        engine: Called by roles, of fixed shapes; -1 counts as 1.
        half: Its 32-bit inputs and outputs are 16 bit on the card.
    """

    def __init__(self, device: HostDevice, engine: Engine, *, half: bool = False) -> None:
        self._device, self._engine, self._half = device, engine, half
        self._ins = {role: self._tensor(spec.shape, spec.dtype) for role, spec in engine.inputs.items()}
        self._outs = {role: self._tensor(spec.shape, spec.dtype) for role, spec in engine.outputs.items()}
        self.runs, self.capturable = 0, True

    @property
    def inputs(self) -> Mapping[str, DeviceTensor]:
        return self._ins

    @property
    def outputs(self) -> Mapping[str, DeviceTensor]:
        return self._outs

    def enqueue(self, stream: int) -> None:
        self._device.call(stream, self._work)

    def close(self) -> None:
        for tensor in (*self._ins.values(), *self._outs.values()):
            self._device.free(tensor.address)
        self._ins, self._outs = {}, {}
        self._engine.close()

    def view(self, tensor: DeviceTensor) -> Tensor:
        """What is at `tensor` now."""
        found: Tensor = self._device.bytes_at(tensor.address, tensor.bytes).view(tensor.dtype).reshape(tensor.shape)
        return found

    def _tensor(self, shape: tuple[int, ...], dtype: str) -> DeviceTensor:
        on_card = "float16" if self._half and dtype == "float32" else dtype
        tensor = DeviceTensor(0, tuple(max(side, 1) for side in shape), on_card)
        return DeviceTensor(self._device.allocate(tensor.bytes), tensor.shape, on_card)

    def _work(self) -> None:
        specs = self._engine.inputs
        results = self._engine.run({role: self.view(at).astype(specs[role].dtype) for role, at in self._ins.items()})
        for role, at in self._outs.items():
            self.view(at)[...] = results[role].reshape(at.shape).astype(at.dtype)
        self.runs += 1


class HostCompiler:
    """What stands in for NVRTC: the host's compiler has done its work before."""

    version = (0, 0)

    def compile(self, text: str, architecture: str) -> bytes:
        assert architecture == "sm_00"
        assert "KERNEL(warp" in text
        return CODE


def host_library(device: HostDevice) -> KernelLibrary:
    """The kernels, loaded."""
    return KernelLibrary(device, None, HostCompiler)


def host_device(factory: pytest.TempPathFactory, memory: int = 1 << 30) -> HostDevice:
    """A new one; skips the test where there is no compiler."""
    return HostDevice(host_kernels(factory), memory)


def host_kernels(factory: pytest.TempPathFactory) -> HostKernels:
    """The kernels on the host; the library is kept beside pytest's own folders and found again by its text."""
    command = compiler()
    if command is None:
        pytest.skip("no C++ compiler, so that the CUDA kernels cannot be run on the host")
    return HostKernels(build(command, factory.getbasetemp().parent))


def _in_one_piece(memory: Tensor) -> None:
    if not memory.flags.c_contiguous or memory.nbytes == 0:
        raise DeviceError("Memory of the computer must be in one piece, and some.")


def _copy(target: Bytes, source: Bytes) -> None:
    target[:] = source


def _pointers(given: Structure) -> Iterator[int]:
    """Every address in what a kernel takes; 0 for none."""
    for name, kind, *_ in given._fields_:
        value: object = getattr(given, name)
        if kind is c_void_p:
            yield int(value or 0)  # type: ignore[call-overload]
        elif isinstance(value, Structure):
            yield from _pointers(value)
        elif isinstance(value, Array) and issubclass(value._type_, c_void_p):
            yield from (int(pointer or 0) for pointer in value)
