"""A canvas over the kernels on the host: what the CUDA canvas does, without its device."""

import numpy as np

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.arguments import Image as Described
from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Matrix, Picture, Size
from tests.canvas.host_kernels import HostKernels, address


def described(array: Image) -> Described:
    """`array`, (h, w, 3) u8 whose pixels follow each other in a row, for a kernel."""
    return fill.image(address(array), Size(array.shape[1], array.shape[0]), pitch=array.strides[0])


class HostCanvas:
    """A `Canvas` over host memory."""

    def __init__(self, kernels: HostKernels, blocks: int = 3) -> None:
        self._run = kernels
        self._blocks = blocks
        self._means = np.zeros(fill.MOST_MEANS, np.float32)
        self._pixels: Image = np.empty((0, 0, 3), np.uint8)

    def load(self, frame: Frame) -> None:
        self._pixels = frame.image

    @property
    def pixels(self) -> Image:
        return self._pixels

    def crop(self, matrix: Matrix, size: Size, out: Image) -> Image:
        arguments = fill.crop_arguments(described(self._pixels), matrix, address(out), size)
        self._run("warp", arguments, self._blocks)
        return out

    def paint(self, crop: Image, mask: Image, matrix: Matrix) -> None:
        arguments = fill.paint_arguments(described(self._pixels), described(crop), address(mask), matrix)
        self._run("paint", arguments, self._blocks)

    def patch(self, image: Image, alpha: Image, left: int, top: int) -> None:
        arguments = fill.patch_arguments(described(self._pixels), described(image), address(alpha), left, top)
        self._run("patch", arguments, self._blocks)

    def blur(self, box: Box) -> None:
        arguments = fill.blur_arguments(described(self._pixels), address(self._means), box)
        self._run("block_means", arguments, self._blocks)
        self._run("block_draw", arguments, self._blocks)

    def store(self, out: Picture) -> None:
        self._run("picture", fill.picture_arguments(described(self._pixels), address(out)), self._blocks)
