"""A real graphics card, on ``cuda-bindings``: its runtime for memory, streams and graphs, its driver for launches.

Waiting is done on an event that puts the thread to sleep: a thread that spins on a stream takes a whole core, and the
flag that stops it would hold for every other library in the process.
"""

import contextlib
import ctypes
from collections.abc import Mapping
from typing import Final, Protocol, cast

import numpy as np

from livecam.core.device import Bytes
from livecam.core.seams import Tensor
from livecam.errors import DeviceError
from livecam.inference.cuda_calls import bindings, call, number

_ONE_POINTER: Final = (ctypes.c_void_p,)


class _Properties(Protocol):
    """``cudaDeviceProp``."""

    name: bytes
    major: int
    minor: int


class CudaDevice:
    """A `Device` on a real card. The thread that makes it has entered it.

    Args:
        device: Its number.

    Raises:
        ExtraMissing: ``cuda-bindings`` is not installed.
        DeviceError: There is no such card, or no driver.
    """

    def __init__(self, device: int = 0) -> None:
        self._cuda, self._driver = bindings("runtime"), bindings("driver")
        self._device = device
        self._events: dict[int, int] = {}
        self._libraries: list[int] = []
        self.enter()
        found = cast("_Properties", call(self._cuda.cudaGetDeviceProperties, device)[0])
        self._architecture = f"sm_{found.major}{found.minor}"
        self._name = found.name.split(b"\0", 1)[0].decode(errors="replace")

    def card(self) -> str:
        """Such as ``sm_90 NVIDIA H200 driver 13000``."""
        return f"{self._architecture} {self._name} driver {number(self._cuda.cudaDriverGetVersion)}"

    def architecture(self) -> str:
        """Such as ``sm_90``."""
        return self._architecture

    def free_bytes(self) -> int:
        """Free memory of the card."""
        return number(self._cuda.cudaMemGetInfo)

    def enter(self) -> None:
        """Make the calling thread use this card."""
        call(self._cuda.cudaSetDevice, self._device)

    def stream(self) -> int:
        """A new stream, which does not wait for the default one."""
        return number(self._cuda.cudaStreamCreateWithFlags, self._cuda.cudaStreamNonBlocking)

    def end_stream(self, stream: int) -> None:
        """Free it."""
        event = self._events.pop(stream, None)
        if event is not None:
            call(self._cuda.cudaEventDestroy, event)
        call(self._cuda.cudaStreamDestroy, stream)

    def wait(self, stream: int) -> None:
        """Until everything in `stream` is done; the thread sleeps."""
        event = self._event(stream)
        call(self._cuda.cudaEventRecord, event, stream)
        call(self._cuda.cudaEventSynchronize, event)

    def allocate(self, size: int) -> int:
        """So many bytes on the card."""
        return number(self._cuda.cudaMalloc, size)

    def free(self, address: int) -> None:
        """Of `allocate`."""
        call(self._cuda.cudaFree, address)

    def pinned(self, size: int) -> Bytes:
        """So many bytes of the computer's memory that the card reaches by itself."""
        address = number(self._cuda.cudaHostAlloc, size, self._cuda.cudaHostAllocDefault)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def free_pinned(self, memory: Bytes) -> None:
        """Of `pinned`."""
        call(self._cuda.cudaFreeHost, memory.ctypes.data)

    def pin(self, memory: Tensor) -> None:
        """Let the card reach `memory` by itself, until `unpin`."""
        call(self._cuda.cudaHostRegister, memory.ctypes.data, memory.nbytes, self._cuda.cudaHostRegisterDefault)

    def unpin(self, memory: Tensor) -> None:
        """Of `pin`."""
        call(self._cuda.cudaHostUnregister, memory.ctypes.data)

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        """Begin to copy `source` to the card."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        call(self._cuda.cudaMemcpyAsync, address, source.ctypes.data, source.nbytes, kind, stream)

    def download(self, target: Tensor, address: int, stream: int) -> None:
        """Begin to copy to `target` from the card."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        call(self._cuda.cudaMemcpyAsync, target.ctypes.data, address, target.nbytes, kind, stream)

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Begin to copy so many bytes on the card."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        call(self._cuda.cudaMemcpyAsync, target, source, size, kind, stream)

    def zero(self, address: int, size: int, stream: int) -> None:
        """Begin to set so many bytes on the card to 0."""
        call(self._cuda.cudaMemsetAsync, address, 0, size, stream)

    def load_kernels(self, code: bytes, names: tuple[str, ...]) -> Mapping[str, int]:
        """The kernels `names` of machine code made for this card, for as long as this lives."""
        library = number(self._cuda.cudaLibraryLoadData, code, [], [], 0, [], [], 0)
        self._libraries.append(library)
        return {name: number(self._cuda.cudaLibraryGetKernel, library, name.encode()) for name in names}

    def launch(self, kernel: int, blocks: int, threads: int, arguments: int, stream: int) -> None:
        """Begin to run `kernel`, which takes one pointer: `arguments`, an address on the card."""
        # The runtime's bindings have no launch; a kernel of the runtime is one of the driver.
        given = ((arguments,), _ONE_POINTER)
        call(self._driver.cuLaunchKernel, kernel, blocks, 1, 1, threads, 1, 1, 0, stream, given, 0)

    def begin_capture(self, stream: int) -> None:
        """From now on note what is put into `stream` instead of doing it."""
        # Only what this thread does is forbidden to allocate; other networks may be loading meanwhile.
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call(self._cuda.cudaStreamBeginCapture, stream, mode)

    def end_capture(self, stream: int) -> int:
        """The graph of what was noted, on the card and ready to be replayed."""
        noted = number(self._cuda.cudaStreamEndCapture, stream)
        try:
            graph = number(self._cuda.cudaGraphInstantiate, noted, 0)
        finally:
            call(self._cuda.cudaGraphDestroy, noted)
        call(self._cuda.cudaGraphUpload, graph, stream)
        return graph

    def replay(self, graph: int, stream: int) -> None:
        """Begin to do everything in `graph`."""
        call(self._cuda.cudaGraphLaunch, graph, stream)

    def end_graph(self, graph: int) -> None:
        """Free it."""
        call(self._cuda.cudaGraphExecDestroy, graph)

    def close(self) -> None:
        """Free what `load_kernels` loaded, and the events. Idempotent; never raises: a broken card has freed all."""
        events, self._events = list(self._events.values()), {}
        libraries, self._libraries = self._libraries, []
        for event in events:
            with contextlib.suppress(DeviceError):
                call(self._cuda.cudaEventDestroy, event)
        for library in libraries:
            with contextlib.suppress(DeviceError):
                call(self._cuda.cudaLibraryUnload, library)

    def _event(self, stream: int) -> int:
        """The one that `stream` is waited for with."""
        if stream not in self._events:
            flags = self._cuda.cudaEventBlockingSync | self._cuda.cudaEventDisableTiming
            self._events[stream] = number(self._cuda.cudaEventCreateWithFlags, flags)
        return self._events[stream]
