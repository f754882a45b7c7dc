"""From the words of a `Canvas` to what the kernels take. Addresses are those of the device that runs them."""

import math
from ctypes import Array, c_float
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.canvas.kernels.arguments import (
    KIND_F16,
    KIND_F32,
    KIND_U8,
    Area,
    BlockArguments,
    Image,
    PaintArguments,
    PatchArguments,
    PictureArguments,
    ReadArguments,
    RecolourArguments,
    WarpArguments,
)
from livecam.core.face import Box, box_of
from livecam.core.frame import Matrix, Size
from livecam.core.geometry import invert, transform
from livecam.vision.contract import Colour, Layout, PictureIn, PictureOut
from livecam.vision.mesh.detect import Fit

# The same as on the CPU, see livecam/canvas/cpu.py; tests/canvas/test_agreement.py holds the two together.
_BLUR_GROWTH: Final = 0.15
_BLUR_BLOCKS: Final = 8
MOST_MEANS: Final = 3 * _BLUR_BLOCKS * _BLUR_BLOCKS
"""Numbers, f32, that the means of one blurred box need at most."""

_HALVED: Final = 0.5


class Standard(Enum):
    """Weights of red and blue in luma."""

    BT601 = (0.299, 0.114)
    BT709 = (0.2126, 0.0722)


@dataclass(frozen=True, slots=True)
class Feed:
    """A network's input on the device.

    Attributes:
        address: Of its first number.
        size: Of the picture, px.
        picture: What the network wants.
        half: Its numbers are f16, not f32.
    """

    address: int
    size: Size
    picture: PictureIn
    half: bool = False


def image(address: int, size: Size, channels: int = 3, pitch: int = 0) -> Image:
    """An image of 8 bit at `address`; rows follow each other unless `pitch`, bytes, says otherwise."""
    return Image(data=address, width=size.width, height=size.height, pitch=pitch or size.width * channels)


def crop_arguments(frame: Image, matrix: Matrix, out: int, size: Size) -> WarpArguments:
    """For `warp`: `frame` by `matrix` (frame px to crop px) into (h, w, 3) u8 BGR of `size` at `out`.

    Raises:
        ValueError: The matrix is singular.
    """
    arguments = _warp(frame, invert(matrix), out, size, KIND_U8)
    arguments.mean[:], arguments.scale[:] = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return arguments


def feed_arguments(frame: Image, matrix: Matrix, feed: Feed) -> WarpArguments:
    """For `warp`: `frame` by `matrix` (frame px to crop px) into a network's input.

    Raises:
        ValueError: The matrix is singular.
    """
    return _normalised(_warp(frame, invert(matrix), feed.address, feed.size, _kind(half=feed.half)), feed.picture)


def letterbox_arguments(frame: Image, feed: Feed) -> tuple[WarpArguments, Fit]:
    """For `warp`: all of `frame` at the top left of a detector's input, on black; and how it was fitted."""
    fitted = _fitted(frame.width, frame.height, feed.size)
    fit = Fit(fitted.width / frame.width, fitted.height / frame.height, 0, 0)
    arguments = _warp(frame, invert(_centred(fit)), feed.address, feed.size, _kind(half=feed.half))
    arguments.fitted_width, arguments.fitted_height = fitted
    arguments.taps = 1 if fitted.width >= frame.width * _HALVED else 2
    return _normalised(arguments, feed.picture), fit


def read_arguments(tensor: int, result: PictureOut, out: Image, bad: int, *, half: bool = False) -> ReadArguments:
    """For `read_tensor`: a network's picture at `tensor` into the crop `out`; `bad` counts what is not finite."""
    gain = 255.0 / (result.high - result.low)
    arguments = ReadArguments(tensor=tensor, out=out, bad=bad, gain=gain, offset=-result.low * gain)
    arguments.channels, arguments.kind = 3, _kind(half=half)
    arguments.swap, arguments.planar = result.colour is Colour.RGB, result.layout is Layout.NCHW
    return arguments


def mask_arguments(tensor: int, out: Image, bad: int, *, half: bool = False) -> ReadArguments:
    """For `read_tensor`: a network's mask, 0..1, at `tensor` into the mask `out`, (h, w) u8."""
    kind = _kind(half=half)
    return ReadArguments(tensor=tensor, out=out, bad=bad, gain=255.0, channels=1, planar=1, kind=kind)


def paint_arguments(frame: Image, crop: Image, mask: int, matrix: Matrix) -> PaintArguments:
    """For `paint`: `crop` by its mask at `mask` back to where `matrix` (frame px to crop px) took it from.

    Raises:
        ValueError: The matrix is singular.
    """
    right, bottom = crop.width, crop.height
    # One px around the crop is touched by its edge.
    corners = np.array([[-1, -1], [right, -1], [-1, bottom], [right, bottom]], np.float32)
    around = box_of(transform(invert(matrix), corners))
    return PaintArguments(
        frame=frame, crop=crop, mask=mask, mask_pitch=crop.width, matrix=_floats(matrix), box=_area(around, frame)
    )


def patch_arguments(frame: Image, patch: Image, alpha: int, left: int, top: int) -> PatchArguments:
    """For `patch`: `patch` by its alpha at `alpha`, (h, w) u8, over `frame` at (left, top)."""
    return PatchArguments(frame=frame, image=patch, alpha=alpha, alpha_pitch=patch.width, left=left, top=top)


def blur_arguments(frame: Image, means: int, box: Box) -> BlockArguments:
    """For `block_means`, then `block_draw`: make what is inside `box`, grown a little, unrecognisable.

    Args:
        frame: Drawn on.
        means: Working memory, `MOST_MEANS` f32.
        box: Px of the frame.
    """
    area = _area(box.grown(_BLUR_GROWTH), frame)
    scale = _BLUR_BLOCKS / max(area.width, area.height, 1)
    columns, rows = (max(1, min(round(side * scale), side)) for side in (area.width, area.height))
    return BlockArguments(image=frame, means=means, box=area, columns=columns, rows=rows, channels=3)


def means_arguments(crop: Image, means: int, side: int, channels: int = 3) -> BlockArguments:
    """For `block_means`: `crop`, a mask where `channels` is 1, as (side, side, channels) f32 levels at `means`."""
    box = Area(width=crop.width, height=crop.height)
    return BlockArguments(image=crop, means=means, box=box, columns=side, rows=side, channels=channels)


def recolour_arguments(crop: Image, matrix: npt.NDArray[np.float64]) -> RecolourArguments:
    """For `recolour`: `crop` by `matrix`, (3, 4) f64, from B, G, R, 1 to B, G, R."""
    return RecolourArguments(image=crop, matrix=(c_float * 12)(*matrix.ravel().tolist()))


def picture_arguments(
    frame: Image, out: int, *, nv12: bool = False, standard: Standard = Standard.BT601, mean: bool = False
) -> PictureArguments:
    """For `picture`: `frame`, of even sides, as I420 or NV12, (H * 3 / 2, W) u8, at `out`.

    Args:
        frame: (H, W, 3) u8 BGR.
        out: Address of the first byte.
        nv12: One plane of chroma pairs, not two planes.
        standard: Of the colours.
        mean: Chroma is the mean of four pixels: softer edges, and no longer what the CPU canvas gives.

    Raises:
        ValueError: A side is odd.
    """
    if frame.width % 2 or frame.height % 2:
        raise ValueError(f"A picture has even sides, not {frame.width}x{frame.height}.")
    chroma = out + frame.width * frame.height
    kr, kb = standard.value
    return PictureArguments(
        image=frame,
        luma=out,
        chroma_u=chroma,
        chroma_v=chroma + (1 if nv12 else frame.width * frame.height // 4),
        luma_pitch=frame.width,
        chroma_pitch=frame.width if nv12 else frame.width // 2,
        chroma_step=2 if nv12 else 1,
        mean=mean,
        kr=kr,
        kb=kb,
    )


def _warp(frame: Image, to_frame: Matrix, out: int, size: Size, kind: int) -> WarpArguments:
    arguments = WarpArguments(source=frame, out=out, matrix=_floats(to_frame), taps=1, kind=kind)
    arguments.width, arguments.height = size
    arguments.fitted_width, arguments.fitted_height = size
    return arguments


def _normalised(arguments: WarpArguments, picture: PictureIn) -> WarpArguments:
    arguments.mean[:], arguments.scale[:] = picture.mean, [1.0 / std for std in picture.std]
    arguments.swap, arguments.planar = picture.colour is Colour.RGB, picture.layout is Layout.NCHW
    return arguments


def _centred(fit: Fit) -> Matrix:
    """The matrix of `fit` as OpenCV resizes: what is scaled are places counted from the upper left corner of a px."""
    return np.array([[fit.scale_x, 0, (fit.scale_x - 1) / 2], [0, fit.scale_y, (fit.scale_y - 1) / 2]])


def _fitted(width: int, height: int, size: Size) -> Size:
    """What a frame becomes: as large as fits, rounded down; see livecam/vision/detect/letterbox.py."""
    aspect = height / width
    if aspect > size.height / size.width:
        return Size(max(1, int(size.height / aspect)), size.height)
    return Size(size.width, max(1, int(size.width * aspect)))


def _area(box: Box, frame: Image) -> Area:
    """`box` in whole px, cut to `frame`; empty where it lies beside it."""
    left, top = max(0, math.floor(box.x1)), max(0, math.floor(box.y1))
    right, bottom = min(frame.width, math.ceil(box.x2)), min(frame.height, math.ceil(box.y2))
    return Area(left=left, top=top, width=max(0, right - left), height=max(0, bottom - top))


def _kind(*, half: bool) -> int:
    return KIND_F16 if half else KIND_F32


def _floats(matrix: Matrix) -> Array[c_float]:
    return (c_float * 6)(*matrix.ravel().tolist())
