"""What a pycuda program already has on the card, taken by handle: context, stream, memory (extra ``pycuda``; ADR 10).

livecam works in a card's primary context, as everything does that uses CUDA's runtime. A context of pycuda's own is
another world, whose addresses and streams mean nothing here; so it is looked at before anything is believed.
"""

from math import prod
from typing import Protocol, SupportsInt

import numpy as np

from livecam.core.device import DeviceImage, DeviceTensor
from livecam.core.frame import Size
from livecam.errors import DeviceError
from livecam.inference.cuda_calls import bindings, call, number
from livecam.inference.cuda_device import CudaDevice


class Handled(Protocol):
    """A ``pycuda.driver.Context`` or ``pycuda.driver.Stream``."""

    @property
    def handle(self) -> int:
        """The driver's own."""
        ...


def device_of(context: Handled, device: int = 0) -> CudaDevice:
    """The card `device`, in the context of a pycuda program; the calling thread has entered it.

    Raises:
        ExtraMissing: ``cuda-bindings`` is not installed.
        DeviceError: It is not the card's primary context, or the driver refused.
    """
    driver = bindings("driver")
    call(driver.cuInit, 0)
    card = number(driver.cuDeviceGet, device)
    primary = number(driver.cuDevicePrimaryCtxRetain, card)
    try:
        if int(context.handle) != primary:
            raise DeviceError(
                f"That context of pycuda is not the primary one of graphics card {device}, in which livecam works.",
                "Import pycuda.autoprimaryctx in place of pycuda.autoinit, or use Device.retain_primary_context().",
            )
        return CudaDevice(device)
    finally:
        call(driver.cuDevicePrimaryCtxRelease, card)


def stream_of(stream: Handled) -> int:
    """A stream of pycuda, as a `Device` knows streams. Whoever made it ends it, after all work in it.

    Raises:
        DeviceError: It is the default stream, which waits for all others and cannot be captured.
    """
    if not stream.handle:
        raise DeviceError("The default stream cannot be used.", "Make one: pycuda.driver.Stream()")
    return int(stream.handle)


def image_of(allocation: SupportsInt, size: Size, channels: int = 3) -> DeviceImage:
    """A ``DeviceAllocation`` of pycuda as an image, (h, w, channels) u8. Whoever made it frees it.

    Raises:
        DeviceError: It is too small, or none of the card's memory.
    """
    image = DeviceImage(int(allocation), size, channels)
    _check_room(image.address, image.bytes)
    return image


def tensor_of(allocation: SupportsInt, shape: tuple[int, ...], dtype: str) -> DeviceTensor:
    """A ``DeviceAllocation`` of pycuda as numbers of `dtype`. Whoever made it frees it.

    Raises:
        DeviceError: It is too small, or none of the card's memory.
    """
    _check_room(int(allocation), prod(shape) * np.dtype(dtype).itemsize)
    return DeviceTensor(int(allocation), shape, dtype)


def _check_room(address: int, size: int) -> None:
    base, room = call(bindings("driver").cuMemGetAddressRange, address)
    left = int(base) + int(room) - address
    if left < size:
        raise DeviceError(f"That memory of pycuda has {left} bytes, not the {size} that are needed.")
