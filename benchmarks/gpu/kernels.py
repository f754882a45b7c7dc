"""Each kernel of the canvas at 1080p, against the time that its bytes take."""

import ctypes
from collections.abc import Callable
from contextlib import ExitStack
from ctypes import Structure
from dataclasses import dataclass

import numpy as np

from benchmarks.gpu.cards import Rig
from benchmarks.gpu.timing import together
from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.kernels import fill
from livecam.canvas.kernels.fill import Feed
from livecam.canvas.kernels.library import blocks_for
from livecam.core.face import Box
from livecam.core.frame import Frame, Size
from livecam.core.geometry import similarity
from livecam.vision.contract import Colour, Layout, PictureIn
from livecam.vision.template import Template, points_of

SIZE = Size(1920, 1080)
_NORMAL = PictureIn(
    side=640, colour=Colour.RGB, layout=Layout.NCHW, mean=(127.5, 127.5, 127.5), std=(128.0, 128.0, 128.0)
)
_FACE_PX = 400.0


@dataclass(frozen=True, slots=True)
class _Case:
    """One kernel's work.

    Attributes:
        name: Of the kernel.
        arguments: What it takes.
        items: Px or values that it covers.
        bytes: That it must read and write at least.
    """

    name: str
    arguments: Structure
    items: int
    bytes: int


def measure(rig: Rig, gb_per_s: float, runs: int = 20, copies: int = 50) -> dict[str, object]:
    """Milliseconds of each, its bytes, and their floor at `gb_per_s`."""
    with ExitStack() as held:
        canvas = rig.canvas(held)
        image = np.random.default_rng(0).integers(0, 255, SIZE.image_shape, np.uint8)
        canvas.load(Frame(image, 1, 1))
        canvas.device.wait(canvas.stream)
        found: dict[str, object] = {}
        for what, case in _cases(canvas, held).items():
            address = canvas.device.allocate(256)
            held.callback(canvas.device.free, address)
            times = together(canvas.device, canvas.stream, _begin(canvas, case, address), runs, copies)
            floor_ms = case.bytes / gb_per_s / 1e6 if gb_per_s else 0.0
            found[what] = {"kernel": case.name, **times, "bytes": case.bytes, "floor_ms": floor_ms}
        return found


def _begin(canvas: CudaCanvas, case: _Case, address: int) -> Callable[[], None]:
    device = canvas.device
    staged = device.pinned(256)
    ctypes.memmove(staged.ctypes.data, ctypes.addressof(case.arguments), ctypes.sizeof(case.arguments))
    device.upload(address, staged, canvas.stream)
    device.wait(canvas.stream)
    device.free_pinned(staged)
    return lambda: canvas.library.launch(case.name, address, blocks_for(case.items), canvas.stream)


def _cases(canvas: CudaCanvas, held: ExitStack) -> dict[str, _Case]:
    def memory(size: int) -> int:
        address = canvas.device.allocate(size)
        held.callback(canvas.device.free, address)
        return address

    frame = canvas.frame_image
    area, crop, box_side = SIZE.width * SIZE.height, Size(512, 512), int(_FACE_PX * 1.6)
    five = points_of(Template.FFHQ_512, int(_FACE_PX)) + np.float32(500)
    matrix = similarity(five, points_of(Template.FFHQ_512, 512))
    small = similarity(five, points_of(Template.ARCFACE_128, 128))
    target = memory(3 * 640 * 640 * 4)
    letterbox, _ = fill.letterbox_arguments(frame, Feed(target, Size(640, 640), _NORMAL))
    image, mask = fill.image(memory(crop.width * crop.height * 3), crop), memory(crop.width * crop.height)
    paint = fill.paint_arguments(frame, image, mask, matrix)
    painted = paint.box.width * paint.box.height
    box = Box(500, 300, 500 + box_side, 300 + box_side)
    blur = fill.blur_arguments(frame, memory(4 * fill.MOST_MEANS), box)
    return {
        "letterbox to 640, f32": _Case("warp", letterbox, 640 * 640, area * 3 + 640 * 640 * 12),
        "align to 128, f32": _Case(
            "warp",
            fill.feed_arguments(frame, small, Feed(target, Size(128, 128), _NORMAL)),
            128 * 128,
            box_side**2 * 3 + 128 * 128 * 12,
        ),
        "align to 512, f32": _Case(
            "warp",
            fill.feed_arguments(frame, matrix, Feed(target, crop, _NORMAL)),
            512 * 512,
            box_side**2 * 3 + 512 * 512 * 12,
        ),
        "paint 512": _Case("paint", paint, painted, painted * 6 + crop.width * crop.height * 4),
        "blur, means": _Case("block_means", blur, blur.box.width * blur.box.height, box_side**2 * 3),
        "blur, drawn": _Case("block_draw", blur, blur.box.width * blur.box.height, box_side**2 * 3),
        "to I420": _Case(
            "picture", fill.picture_arguments(frame, memory(area * 3 // 2)), area // 4, area * 3 + area * 3 // 2
        ),
    }
