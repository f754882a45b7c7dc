"""A canvas on a card as one in main memory, so that one suite holds for both."""

import contextlib
import functools

import numpy as np
import pytest

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.kernels.library import KernelLibrary
from livecam.core.device import Device, DeviceImage
from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Matrix, Picture, Size
from livecam.errors import EngineError, ExtraMissing
from livecam.inference.cuda_device import CudaDevice


def sent(device: Device, stream: int, array: Image, stack: contextlib.ExitStack) -> DeviceImage:
    """`array`, (h, w, 3) or (h, w) u8, on the card until `stack` is closed."""
    data = np.ascontiguousarray(array)
    address, staged = device.allocate(data.nbytes), device.pinned(data.nbytes)
    stack.callback(device.free, address)
    staged[:] = data.reshape(-1)
    device.upload(address, staged, stream)
    device.wait(stream)
    device.free_pinned(staged)
    return DeviceImage(address, Size(data.shape[1], data.shape[0]), 1 if data.ndim == 2 else data.shape[2])


def fetched(device: Device, stream: int, image: DeviceImage) -> Image:
    """`image` as a new array, (h, w, 3) or (h, w) u8."""
    staged = device.pinned(image.bytes)
    device.download(staged, image.address, stream)
    device.wait(stream)
    shape = (image.size.height, image.size.width)
    found: Image = staged.reshape((*shape, image.channels) if image.channels > 1 else shape).copy()
    device.free_pinned(staged)
    return found


@functools.cache
def _real() -> tuple[KernelLibrary, Device]:
    device = CudaDevice()
    return KernelLibrary(device), device


def real_library() -> tuple[KernelLibrary, Device]:
    """The kernels on a real card, and the card; skips the test where there is none."""
    try:
        return _real()
    except (ExtraMissing, EngineError) as error:
        pytest.skip(f"no GPU: {error.what}")


class OnCard:
    """A `Canvas` of arrays over one of images on a card."""

    def __init__(self, canvas: CudaCanvas) -> None:
        self.canvas = canvas
        self._device, self._stream = canvas.device, canvas.stream

    def load(self, frame: Frame) -> None:
        self.canvas.load(frame)

    @property
    def pixels(self) -> Image:
        return fetched(self._device, self._stream, self.canvas.pixels)

    def crop(self, matrix: Matrix, size: Size, out: Image) -> Image:
        with contextlib.ExitStack() as stack:
            image = self.canvas.crop(matrix, size, sent(self._device, self._stream, out, stack))
            out[:] = fetched(self._device, self._stream, image)
        return out

    def paint(self, crop: Image, mask: Image, matrix: Matrix) -> None:
        with contextlib.ExitStack() as stack:
            image, where = (sent(self._device, self._stream, array, stack) for array in (crop, mask))
            self.canvas.paint(image, where, matrix)
            self._device.wait(self._stream)

    def patch(self, image: Image, alpha: Image, left: int, top: int) -> None:
        with contextlib.ExitStack() as stack:
            over, share = (sent(self._device, self._stream, array, stack) for array in (image, alpha))
            self.canvas.patch(over, share, left, top)
            self._device.wait(self._stream)

    def blur(self, box: Box) -> None:
        self.canvas.blur(box)

    def mark(self) -> None:
        self.canvas.mark()

    def store(self, out: Picture) -> None:
        self.canvas.store(out)

    def close(self) -> None:
        self.canvas.close()
