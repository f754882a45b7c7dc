"""Memory and streams of the graphics card, as much as an engine needs; on ``cuda-bindings``, which needs no toolkit."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from livecam.core.seams import Tensor
from livecam.errors import EngineError, ExtraMissing

Bytes = npt.NDArray[np.uint8]

_NOBODY_THERE: Final = (35, 100)
"""cudaErrorInsufficientDriver, which no driver gives too, and cudaErrorNoDevice."""


class Cuda(Protocol):
    """What an engine asks of the graphics card. Addresses are plain numbers. Used by one thread.

    Raises (every method):
        EngineError: The card or its driver refused.
    """

    def card(self) -> str:
        """Such as ``sm_90 NVIDIA H200 driver 13000``: what plans and caches belong to."""
        ...

    def stream(self) -> int:
        """A new stream."""
        ...

    def end_stream(self, stream: int) -> None:
        """Free it."""
        ...

    def wait(self, stream: int) -> None:
        """Until everything in it is done."""
        ...

    def allocate(self, size: int) -> int:
        """So many bytes on the card."""
        ...

    def free(self, address: int) -> None:
        """Of `allocate`."""
        ...

    def pinned(self, size: int) -> Bytes:
        """So many bytes of the computer's memory that the card reaches by itself."""
        ...

    def free_pinned(self, memory: Bytes) -> None:
        """Of `pinned`."""
        ...

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        """Begin to copy `source`, pinned and in one piece, to the card."""
        ...

    def download(self, target: Tensor, address: int, stream: int) -> None:
        """Begin to copy to `target`, pinned and in one piece, from the card."""
        ...


class _Properties(Protocol):
    """``cudaDeviceProp``."""

    name: bytes
    major: int
    minor: int


class CudaRuntime:
    """`Cuda` on a real card. Made in the thread that uses it, as the choice of a card holds for one thread.

    Args:
        device: Its number.

    Raises:
        ExtraMissing: ``cuda-bindings`` is not installed.
        EngineError: There is no such card, or no driver.
    """

    def __init__(self, device: int = 0) -> None:
        self._cuda = _bindings()
        self._device = device
        _call(self._cuda.cudaSetDevice, device)

    def card(self) -> str:
        """Such as ``sm_90 NVIDIA H200 driver 13000``."""
        found = cast("_Properties", _call(self._cuda.cudaGetDeviceProperties, self._device)[0])
        driver = _call(self._cuda.cudaDriverGetVersion)[0]
        name = found.name.split(b"\0", 1)[0].decode(errors="replace")
        return f"sm_{found.major}{found.minor} {name} driver {driver}"

    def stream(self) -> int:
        """One that does not wait for the default stream."""
        return int(_call(self._cuda.cudaStreamCreateWithFlags, self._cuda.cudaStreamNonBlocking)[0])

    def end_stream(self, stream: int) -> None:
        """Free it."""
        _call(self._cuda.cudaStreamDestroy, stream)

    def wait(self, stream: int) -> None:
        """Until everything in it is done."""
        _call(self._cuda.cudaStreamSynchronize, stream)

    def allocate(self, size: int) -> int:
        """So many bytes on the card."""
        return int(_call(self._cuda.cudaMalloc, size)[0])

    def free(self, address: int) -> None:
        """Of `allocate`."""
        _call(self._cuda.cudaFree, address)

    def pinned(self, size: int) -> Bytes:
        """So many bytes of the computer's memory that the card reaches by itself."""
        import ctypes

        address = int(_call(self._cuda.cudaHostAlloc, size, self._cuda.cudaHostAllocDefault)[0])
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def free_pinned(self, memory: Bytes) -> None:
        """Of `pinned`."""
        _call(self._cuda.cudaFreeHost, memory.ctypes.data)

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        """Begin to copy `source` to the card."""
        self._copy(address, source.ctypes.data, source.nbytes, self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice, stream)

    def download(self, target: Tensor, address: int, stream: int) -> None:
        """Begin to copy to `target` from the card."""
        self._copy(target.ctypes.data, address, target.nbytes, self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost, stream)

    def _copy(self, target: int, source: int, size: int, kind: object, stream: int) -> None:
        _call(self._cuda.cudaMemcpyAsync, target, source, size, kind, stream)


def _bindings() -> ModuleType:
    try:
        return import_module("cuda.bindings.runtime")
    except (ImportError, OSError, RuntimeError) as error:
        raise ExtraMissing(
            f"CUDA's Python bindings do not load here: {error}.", "Install them: pip install 'livecam[rtx]'"
        ) from error


def _call(function: Callable[..., tuple[object, ...]], *arguments: object) -> list[int]:
    """What `function` gives besides its status.

    Raises:
        EngineError: The status says that it failed, or there is no driver.
    """
    name = function.__name__
    try:
        status, *values = function(*arguments)
    except (RuntimeError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise EngineError(f"There is no NVIDIA driver here ({name}: {reason}).", "See: livecam doctor") from error
    if int(status) in _NOBODY_THERE:  # type: ignore[call-overload]
        raise EngineError(f"There is no NVIDIA graphics card with a driver here ({status}).", "See: livecam doctor")
    if int(status) != 0:  # type: ignore[call-overload]
        raise EngineError(f"The graphics card refused {name}: {status}.", "See: livecam doctor")
    return values  # type: ignore[return-value]
