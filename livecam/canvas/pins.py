"""Memory of the computer that frames come in and pictures go out: a card reaches it by itself once it is pinned."""

import contextlib
import logging
from collections import OrderedDict
from typing import Final

import numpy as np

from livecam.core.device import Bytes, Device
from livecam.core.seams import Tensor
from livecam.errors import DeviceError

log = logging.getLogger(__name__)

# Slots of both rings, and of those that are there while a source is opened again.
_MOST: Final = 16


class Pins:
    """Copies to and from memory that comes again and again, such as the slots of a ring. One thread.

    Each piece of memory is pinned once, remembered by address and size, and held, so that its address stays its own. If
    it cannot be pinned (it may be by somebody else, or the system's limit is reached), it is copied by way of memory
    that is; that costs a copy by the processor, and is logged.

    Args:
        device: The card.
        most: So many are remembered; the one that was not used for the longest time goes first.
    """

    def __init__(self, device: Device, most: int = _MOST) -> None:
        self._device, self._most = device, most
        self._held: OrderedDict[tuple[int, int], tuple[Tensor, Bytes | None]] = OrderedDict()
        self._coming: list[tuple[Tensor, Bytes]] = []

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        """Begin to copy `source`, in one piece, to the card."""
        detour = self._detour(source)
        if detour is not None:
            np.copyto(detour, _raw(source))
        self._device.upload(address, source if detour is None else detour, stream)

    def download(self, target: Tensor, address: int, stream: int) -> None:
        """Begin to copy to `target`, in one piece, from the card. It is there after a wait and `arrived`."""
        detour = self._detour(target)
        if detour is not None:
            self._coming.append((target, detour))
        self._device.download(target if detour is None else detour, address, stream)

    def arrived(self) -> None:
        """After the stream was waited for: what came by a detour reaches its place."""
        while self._coming:
            target, detour = self._coming.pop()
            np.copyto(_raw(target), detour)

    def close(self) -> None:
        """Let go of everything. Idempotent; never raises: a broken card has let go of all."""
        self._coming.clear()
        while self._held:
            with contextlib.suppress(DeviceError):
                self._forget()

    def _detour(self, memory: Tensor) -> Bytes | None:
        """Pinned memory as large as `memory`; None where that is pinned itself."""
        key = (memory.ctypes.data, memory.nbytes)
        if key not in self._held:
            while len(self._held) >= self._most:
                self._forget()
            self._held[key] = (memory, self._pin(memory))
        self._held.move_to_end(key)
        return self._held[key][1]

    def _pin(self, memory: Tensor) -> Bytes | None:
        try:
            self._device.pin(memory)
        except DeviceError as error:
            log.warning("Frames take a detour on their way to the graphics card: %s", error)
            return self._device.pinned(memory.nbytes)
        return None

    def _forget(self) -> None:
        _, (memory, detour) = self._held.popitem(last=False)
        if detour is None:
            self._device.unpin(memory)
        else:
            self._device.free_pinned(detour)


def _raw(memory: Tensor) -> Bytes:
    return memory.reshape(-1).view(np.uint8)
