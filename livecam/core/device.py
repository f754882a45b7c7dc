"""The words of a graphics card: memory, streams, kernels, graphs, and networks that stay on it.

Addresses, streams, kernels and graphs are plain numbers of the driver. `CudaDevice` in
livecam/inference/cuda_device.py drives a real card; the tests have one over the host's memory, whose kernels are the
same text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Size
from livecam.core.seams import Tensor

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DeviceImage:
    """An image on the card: rows follow each other without a gap. Whoever allocated it owns its memory.

    Attributes:
        address: Of its first byte.
        size: In px.
        channels: 3 for BGR, 1 for a mask; 8 bit each.
    """

    address: int
    size: Size
    channels: int = 3

    @property
    def bytes(self) -> int:
        """How many it takes."""
        return self.size.width * self.size.height * self.channels


@dataclass(frozen=True, slots=True)
class DeviceTensor:
    """An input or output of a network, at an address that stays for as long as the network is loaded.

    Attributes:
        address: Of its first number.
        shape: At its largest.
        dtype: On the card; NumPy's name, such as ``float16``.
    """

    address: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def bytes(self) -> int:
        """How many it takes."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


class Device(Protocol):
    """A graphics card. One thread at a time, which has called `enter`.

    Raises (every method):
        DeviceError: The card or its driver refused; what is on it is lost.
    """

    def card(self) -> str:
        """Such as ``sm_90 NVIDIA H200 driver 13000``: what plans and caches belong to."""
        ...

    def architecture(self) -> str:
        """Such as ``sm_90``."""
        ...

    def free_bytes(self) -> int:
        """Free memory of the card."""
        ...

    def enter(self) -> None:
        """Make the calling thread use this card; again in each thread that takes over."""
        ...

    def stream(self) -> int:
        """A new stream, which does not wait for the default one."""
        ...

    def end_stream(self, stream: int) -> None:
        """Free it."""
        ...

    def wait(self, stream: int) -> None:
        """Until everything in `stream` is done; the thread sleeps, it does not spin."""
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

    def pin(self, memory: Tensor) -> None:
        """Let the card reach `memory` of the computer by itself, until `unpin`; it must stay where it is."""
        ...

    def unpin(self, memory: Tensor) -> None:
        """Of `pin`."""
        ...

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        """Begin to copy `source`, pinned and in one piece, to the card."""
        ...

    def download(self, target: Tensor, address: int, stream: int) -> None:
        """Begin to copy to `target`, pinned and in one piece, from the card."""
        ...

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Begin to copy so many bytes on the card."""
        ...

    def zero(self, address: int, size: int, stream: int) -> None:
        """Begin to set so many bytes on the card to 0."""
        ...

    def load_kernels(self, code: bytes, names: tuple[str, ...]) -> Mapping[str, int]:
        """The kernels `names` of machine code made for this card, for as long as the device lives."""
        ...

    def launch(self, kernel: int, blocks: int, threads: int, arguments: int, stream: int) -> None:
        """Begin to run `kernel`, which takes one pointer: `arguments`, an address on the card."""
        ...

    def begin_capture(self, stream: int) -> None:
        """From now on note what is put into `stream` instead of doing it; allocate nothing meanwhile."""
        ...

    def end_capture(self, stream: int) -> int:
        """The graph of what was noted, ready to be replayed."""
        ...

    def replay(self, graph: int, stream: int) -> None:
        """Begin to do everything in `graph`, at the addresses it was noted with."""
        ...

    def end_graph(self, graph: int) -> None:
        """Free it."""
        ...

    def close(self) -> None:
        """Free what `load_kernels` loaded. Idempotent."""
        ...


class DeviceEngine(Protocol):
    """A network whose inputs and outputs stay on the card. One thread at a time; named by role."""

    @property
    def inputs(self) -> Mapping[str, DeviceTensor]:
        """Where what it takes is to be written, by role."""
        ...

    @property
    def outputs(self) -> Mapping[str, DeviceTensor]:
        """Where what it gives will be, by role."""
        ...

    @property
    def capturable(self) -> bool:
        """Whether `enqueue` may be noted into a graph."""
        ...

    def enqueue(self, stream: int) -> None:
        """Begin to run it on its inputs, at their largest.

        Raises:
            DeviceError: The card refused.
        """
        ...

    def close(self) -> None:
        """Free the card's memory. Idempotent."""
        ...
