"""Memory and launches of one part of the chain on a card."""

import contextlib
import ctypes
import logging
from collections.abc import Callable, Hashable, Sequence
from ctypes import Structure
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.kernels.layout import Image
from livecam.canvas.kernels.library import blocks_for
from livecam.core.device import Bytes, Device, DeviceEngine, DeviceImage
from livecam.core.frame import Size
from livecam.errors import DeviceError, EngineError

log = logging.getLogger(__name__)

S = TypeVar("S", bound=Structure)

_ARGUMENTS_BYTES: Final = 1 << 15
_ALIGNMENT: Final = 16


@dataclass(frozen=True, slots=True)
class Arguments(Generic[S]):
    """What a kernel takes.

    Attributes:
        host: To be written; it reaches the card with the next `Workspace.upload`.
        address: On the card.
    """

    host: S
    address: int

    def write(self, structure: S) -> None:
        """Replace it whole."""
        ctypes.memmove(ctypes.addressof(self.host), ctypes.addressof(structure), ctypes.sizeof(structure))


class Workspace:
    """Memory of one part of the chain, and the block of its kernels' arguments; all is freed together. One thread.

    Args:
        canvas: Whose card and stream are used; it outlives this.
    """

    def __init__(self, canvas: CudaCanvas) -> None:
        self._device, self._library = canvas.device, canvas.library
        self.stream = canvas.stream
        self._undo = contextlib.ExitStack()
        self._used = 0
        self._host = self.pinned(_ARGUMENTS_BYTES)
        self._host[:] = 0
        self._card = self.memory(_ARGUMENTS_BYTES)

    def memory(self, size: int) -> int:
        """So many bytes on the card."""
        address = self._device.allocate(size)
        self._undo.callback(self._device.free, address)
        return address

    def image(self, size: Size, channels: int = 3) -> DeviceImage:
        """An image on the card."""
        return DeviceImage(self.memory(size.width * size.height * channels), size, channels)

    def pinned(self, size: int) -> Bytes:
        """So many bytes of the computer's memory that the card reaches."""
        memory = self._device.pinned(size)
        self._undo.callback(self._device.free_pinned, memory)
        return memory

    def constant(self, data: Bytes) -> int:
        """`data` on the card, for good."""
        address = self.memory(len(data))
        self.put(address, data)
        return address

    def put(self, address: int, data: Bytes) -> None:
        """Copy `data` to the card, and wait for it."""
        staged = self._device.pinned(len(data))
        try:
            staged[:] = data
            self._device.upload(address, staged, self.stream)
            self._device.wait(self.stream)
        finally:
            self._device.free_pinned(staged)

    def arguments(self, structure: S) -> Arguments[S]:
        """`structure` in the block.

        Raises:
            DeviceError: The block is full.
        """
        start, size = self._used, ctypes.sizeof(structure)
        if start + size > _ARGUMENTS_BYTES:
            raise DeviceError("The chain has more steps than its block of arguments holds.", "Lower the pixel boost.")
        self._used = (start + size + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
        ctypes.memmove(self._host.ctypes.data + start, ctypes.addressof(structure), size)
        return Arguments(type(structure).from_address(self._host.ctypes.data + start), self._card + start)

    def upload(self) -> None:
        """Begin to copy all arguments to the card."""
        self._device.upload(self._card, self._host[: max(self._used, _ALIGNMENT)], self.stream)

    def launch(self, name: str, arguments: Arguments[S], work: int) -> None:
        """Begin to run a kernel that covers `work` pixels or rows."""
        self.blocks(name, arguments, blocks_for(work))

    def blocks(self, name: str, arguments: Arguments[S], blocks: int) -> None:
        """Begin to run a kernel on so many blocks."""
        self._library.launch(name, arguments.address, blocks, self.stream)

    @property
    def device(self) -> Device:
        """The card."""
        return self._device

    def close(self) -> None:
        """Free it all. Idempotent; never raises: a broken card has freed all."""
        with contextlib.suppress(DeviceError):
            self._undo.close()


class Graphs:
    """Pieces of work that are noted once and then replayed. One thread.

    The first time a piece is done step by step, since networks set themselves up then and may allocate; the second time
    it is noted. Where a network or the card refuses that, every time is like the first, and the log tells.

    Args:
        device: The card.
        stream: Where the work is done.
        engines: The networks that are run in it.
    """

    def __init__(self, device: Device, stream: int, engines: Sequence[DeviceEngine]) -> None:
        self._device, self._stream = device, stream
        self._engines = tuple(engines)
        self._refused = False
        self._warm: set[Hashable] = set()
        self._graphs: dict[Hashable, int] = {}

    def __call__(self, piece: Hashable, steps: Callable[[], None]) -> None:
        """Begin to do `steps`, which are the same each time for the same `piece`.

        Raises:
            DeviceError: The card refused.
        """
        if piece not in self._graphs and piece in self._warm:
            self._note(piece, steps)
        if piece in self._graphs:
            self._device.replay(self._graphs[piece], self._stream)
        else:
            steps()
            self._warm.add(piece)

    def close(self) -> None:
        """Free them. Idempotent; never raises: a broken card has freed all."""
        while self._graphs:
            with contextlib.suppress(DeviceError):
                self._device.end_graph(self._graphs.popitem()[1])

    def _note(self, piece: Hashable, steps: Callable[[], None]) -> None:
        """Note `steps`, if that can be done."""
        if self._refused or not all(engine.capturable for engine in self._engines):
            return
        try:
            self._device.begin_capture(self._stream)
            steps()
            self._graphs[piece] = self._device.end_capture(self._stream)
        except EngineError as error:
            # A card that is broken refuses the steps themselves next.
            self._refused = True
            log.warning("The networks cannot be noted into a graph and run step by step, which is slower: %s", error)
            # The stream must not stay in capture; what is noted so far is of no use.
            with contextlib.suppress(DeviceError):
                self._device.end_graph(self._device.end_capture(self._stream))


def described(image: DeviceImage, left: int = 0, top: int = 0, size: Size | None = None) -> Image:
    """`image` for a kernel; or the part of it of `size`, from (`left`, `top`) px on."""
    pitch = image.size.width * image.channels
    size = size or image.size
    return Image(
        data=image.address + top * pitch + left * image.channels, width=size.width, height=size.height, pitch=pitch
    )
