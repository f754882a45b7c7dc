"""The canvas on a graphics card: a frame goes up once, a picture comes down once, and nothing is copied by the host."""

import contextlib
import ctypes
import math
from ctypes import Structure
from typing import Final

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.arguments import Image as Described
from livecam.canvas.kernels.library import KernelLibrary, blocks_for
from livecam.canvas.marking import KERNELS as MARK_KERNELS
from livecam.canvas.marking import CardMark, Marking
from livecam.canvas.pins import Pins
from livecam.core.device import Bytes, Device, DeviceImage
from livecam.core.face import Box
from livecam.core.frame import Frame, Matrix, Picture, Size
from livecam.errors import DeviceError

_SLOT_BYTES: Final = 256
_SLOTS: Final = 64
_MEANS_BYTES: Final = 4 * fill.MOST_MEANS


class CudaCanvas:
    """A `Canvas` of `DeviceImage`. One thread. Owns its memory; the frame's slot is borrowed.

    Everything is done in one stream, in order; `store` alone waits for it. Memory is allocated when a frame comes that
    is not of the size of the one before, and never else.

    Args:
        device: The card.
        library: The kernels, loaded on it.
        stream: One of the caller's, who ends it after `close`; None for one of its own.
        mark: The run's invisible mark; None where it is laid elsewhere, or not at all.

    Raises:
        DeviceError: The card has no memory left.
    """

    def __init__(
        self, device: Device, library: KernelLibrary, stream: int | None = None, mark: CardMark | None = None
    ) -> None:
        self._device, self._library = device, library
        self._fixed, self._sized = contextlib.ExitStack(), contextlib.ExitStack()
        self._pins = Pins(device)
        self._size, self._pixels, self._picture = Size(0, 0), 0, 0
        self._frame: Frame | None = None
        self._used, self._begun, self._marks = 0, False, False
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._stream = self._own_stream() if stream is None else stream
            self._means = self._memory(self._fixed, _MEANS_BYTES)
            self._arguments = self._memory(self._fixed, _SLOTS * _SLOT_BYTES)
            self._staged: Bytes = device.pinned(_SLOTS * _SLOT_BYTES)
            self._fixed.callback(device.free_pinned, self._staged)
            self._marking = Marking(device, mark, self._stream) if mark is not None else None
            if self._marking is not None:
                self._fixed.callback(self._marking.close)
            stack.pop_all()

    @property
    def device(self) -> Device:
        """The card."""
        return self._device

    @property
    def stream(self) -> int:
        """In which all work on the frame is done, one after the other; who adds to it need not wait."""
        return self._stream

    @property
    def library(self) -> KernelLibrary:
        """The kernels."""
        return self._library

    @property
    def frame(self) -> Frame | None:
        """What was loaded last, as it came; None before."""
        return self._frame

    @property
    def frame_image(self) -> Described:
        """The working image for a kernel. At one address for as long as frames have one size."""
        return fill.image(self._pixels, self._size)

    @property
    def pixels(self) -> DeviceImage:
        """The working image, (H, W, 3) u8 BGR, on the card. Borrowed until the next `load`.

        Raises:
            DeviceError: No frame was loaded.
        """
        if self._frame is None:
            raise DeviceError("The canvas on the graphics card has no frame yet.")
        return DeviceImage(self._pixels, self._size)

    def load(self, frame: Frame) -> None:
        """Begin to copy the frame's image to the card; it must stay as it is until `store`.

        Raises:
            DeviceError: The card failed, now or since the last frame.
            ValueError: The image is not in one piece.
        """
        self._marks = False
        height, width = frame.image.shape[:2]
        if not frame.image.flags.c_contiguous:
            raise ValueError("A frame's image must lie in one piece to be copied to the graphics card.")
        self._settle()
        if (width, height) != self._size:
            self._fit(Size(width, height))
        self._frame = frame
        self._begun = True
        self._pins.upload(self._pixels, frame.image, self._stream)

    def crop(self, matrix: Matrix, size: Size, out: DeviceImage) -> DeviceImage:
        """Begin to warp the working image by `matrix` (frame px to crop px) into `out`, of `size`; edges repeat.

        Raises:
            ValueError: `out` has another size, or the matrix is singular.
            DeviceError: The card refused.
        """
        if out.size != size or out.channels != 3:
            raise ValueError(f"A crop of {size} does not fit memory of {out.size} with {out.channels} channels.")
        self._run(fill.crop_arguments(self.frame_image, matrix, out.address, size), _area(size), "warp")
        return out

    def paint(self, crop: DeviceImage, mask: DeviceImage, matrix: Matrix) -> None:
        """Begin to put `crop` back where `crop()` with `matrix` took it from, where `mask`, of its size, says.

        Raises:
            ValueError: The mask has another size, or the matrix is singular.
            DeviceError: The card refused.
        """
        _check_mask(crop, mask)
        arguments = fill.paint_arguments(self.frame_image, _described(crop), mask.address, matrix)
        self._run(arguments, arguments.box.width * arguments.box.height, "paint")

    def patch(self, image: DeviceImage, alpha: DeviceImage, left: int, top: int) -> None:
        """Begin to blend `image` over the working image at (left, top) by `alpha`, of its size; cut at the edges.

        Raises:
            ValueError: Alpha has another size.
            DeviceError: The card refused.
        """
        _check_mask(image, alpha)
        arguments = fill.patch_arguments(self.frame_image, _described(image), alpha.address, left, top)
        self._run(arguments, _area(image.size), "patch")

    def blur(self, box: Box) -> None:
        """Begin to make what is inside `box`, grown a little, unrecognisable.

        Raises:
            DeviceError: The card refused.
        """
        arguments = fill.blur_arguments(self.frame_image, self._means, box)
        self._run(arguments, arguments.box.width * arguments.box.height, "block_means", "block_draw")

    def mark(self) -> None:
        """Have the next `store` lay the mark, if there is one: three kernels more, and nothing more to copy."""
        self._marks = True

    def store(self, out: Picture) -> None:
        """Write the whole working image into `out`, (H * 3 / 2, W) u8 I420: BT.601, limited range. Waits for all of it.

        Raises:
            ValueError: `out` is not for frames of this size, or a side of them is odd.
            DeviceError: The card failed at anything since `load`; `out` is undefined.
        """
        if out.shape != self._size.picture_shape or not out.flags.c_contiguous:
            raise ValueError(f"A picture of {self._size} does not fit memory of shape {out.shape}.")
        self._run(fill.picture_arguments(self.frame_image, self._picture), _area(self._size) // 4, "picture")
        marked = self._marked()
        self._pins.download(out, self._picture, self._stream)
        self._settle()
        if marked is not None:
            marked.arrived(out)

    def close(self) -> None:
        """Free the card's memory. Idempotent; never raises: a broken card has freed all."""
        self._frame, self._size, self._begun = None, Size(0, 0), False
        self._pins.close()
        for stack in (self._sized, self._fixed):
            with contextlib.suppress(DeviceError):
                stack.close()

    def _marked(self) -> Marking | None:
        """Begin to mark the picture, if that was asked for and can be; whom to tell once it has come down."""
        asked, self._marks = self._marks, False
        if not asked or self._marking is None or self._frame is None:
            return None
        arguments = self._marking.arguments(self._picture, self._size, self._frame.captured_ns)
        if arguments is None:
            return None
        self._run(arguments, _area(self._size), *MARK_KERNELS)
        return self._marking

    def _run(self, arguments: Structure, items: int, *names: str) -> None:
        """Begin to run kernels that take the same."""
        if self._frame is None:
            raise DeviceError("The canvas on the graphics card has no frame yet.")
        if items <= 0:
            return
        if self._used == _SLOTS:
            self._settle()
        start, self._used = self._used * _SLOT_BYTES, self._used + 1
        self._begun = True
        ctypes.memmove(self._staged[start:].ctypes.data, ctypes.addressof(arguments), ctypes.sizeof(arguments))
        self._device.upload(self._arguments + start, self._staged[start : start + _SLOT_BYTES], self._stream)
        for name in names:
            self._library.launch(name, self._arguments + start, blocks_for(items), self._stream)

    def _settle(self) -> None:
        """Wait for what was begun: only then may what the card reads be written again."""
        if self._begun:
            self._device.wait(self._stream)
            self._pins.arrived()
        self._used, self._begun = 0, False

    def _fit(self, size: Size) -> None:
        """Memory for frames of `size`."""
        self._size = Size(0, 0)
        self._sized.close()
        self._pixels = self._memory(self._sized, math.prod(size.image_shape))
        self._picture = self._memory(self._sized, max(math.prod(size.picture_shape), 1))
        self._size = size

    def _own_stream(self) -> int:
        stream = self._device.stream()
        self._fixed.callback(self._device.end_stream, stream)
        return stream

    def _memory(self, stack: contextlib.ExitStack, size: int) -> int:
        address = self._device.allocate(size)
        stack.callback(self._device.free, address)
        return address


def _described(image: DeviceImage) -> Described:
    return fill.image(image.address, image.size, image.channels)


def _area(size: Size) -> int:
    return size.width * size.height


def _check_mask(image: DeviceImage, mask: DeviceImage) -> None:
    if image.size != mask.size or image.channels != 3 or mask.channels != 1:
        raise ValueError(
            f"A mask of {mask.size} with {mask.channels} channels does not fit an image of {image.size} with "
            f"{image.channels}."
        )
