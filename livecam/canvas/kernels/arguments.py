"""What the kernels take, as it lies in memory: the structures of the .cuh files, field by field.

The comments there give shapes, units and ranges. Pointers are addresses on the device that runs the kernel.
"""

from ctypes import Structure, c_float, c_int, c_void_p

from livecam.canvas.kernels.chain_arguments import CHAIN_KERNELS
from livecam.canvas.kernels.layout import KIND_F16, KIND_F32, KIND_U8, Area, Image

__all__ = [
    "KERNELS",
    "KIND_F16",
    "KIND_F32",
    "KIND_U8",
    "MOST_FACES",
    "Area",
    "BlockArguments",
    "Found",
    "FoundFace",
    "Image",
    "MarkArguments",
    "PaintArguments",
    "PatchArguments",
    "PictureArguments",
    "ReadArguments",
    "RecolourArguments",
    "ScrfdArguments",
    "WarpArguments",
]

MOST_FACES = 64
"""So many faces fit into `Found`."""


class WarpArguments(Structure):
    """Of `warp`."""

    _fields_ = (
        ("source", Image),
        ("out", c_void_p),
        ("matrix", c_float * 6),
        ("mean", c_float * 3),
        ("scale", c_float * 3),
        ("width", c_int),
        ("height", c_int),
        ("fitted_width", c_int),
        ("fitted_height", c_int),
        ("taps", c_int),
        ("swap", c_int),
        ("planar", c_int),
        ("kind", c_int),
    )


class ReadArguments(Structure):
    """Of `read_tensor`."""

    _fields_ = (
        ("tensor", c_void_p),
        ("out", Image),
        ("bad", c_void_p),
        ("gain", c_float),
        ("offset", c_float),
        ("channels", c_int),
        ("swap", c_int),
        ("planar", c_int),
        ("kind", c_int),
    )


class PaintArguments(Structure):
    """Of `paint`."""

    _fields_ = (
        ("frame", Image),
        ("crop", Image),
        ("mask", c_void_p),
        ("mask_pitch", c_int),
        ("unused", c_int),
        ("matrix", c_float * 6),
        ("box", Area),
    )


class PatchArguments(Structure):
    """Of `patch`."""

    _fields_ = (
        ("frame", Image),
        ("image", Image),
        ("alpha", c_void_p),
        ("alpha_pitch", c_int),
        ("left", c_int),
        ("top", c_int),
        ("unused", c_int),
    )


class RecolourArguments(Structure):
    """Of `recolour`."""

    _fields_ = (("image", Image), ("matrix", c_float * 12))


class BlockArguments(Structure):
    """Of `block_means` and `block_draw`."""

    _fields_ = (
        ("image", Image),
        ("means", c_void_p),
        ("box", Area),
        ("columns", c_int),
        ("rows", c_int),
        ("channels", c_int),
        ("unused", c_int),
    )


class PictureArguments(Structure):
    """Of `picture`."""

    _fields_ = (
        ("image", Image),
        ("luma", c_void_p),
        ("chroma_u", c_void_p),
        ("chroma_v", c_void_p),
        ("luma_pitch", c_int),
        ("chroma_pitch", c_int),
        ("chroma_step", c_int),
        ("mean", c_int),
        ("kr", c_float),
        ("kb", c_float),
    )


class MarkArguments(Structure):
    """Of `mark_shrink`, `mark_weigh` and `mark_lay`."""

    _fields_ = (
        ("luma", Image),
        ("pattern", c_void_p),
        ("small", c_void_p),
        ("change", c_void_p),
        ("busy", c_float),
        ("most", c_float),
    )


class FoundFace(Structure):
    """One face of `Found`, px of the frame."""

    _fields_ = (("box", c_float * 4), ("five", c_float * 10), ("score", c_float))


class Found(Structure):
    """What `scrfd_suppress` gives. Zero before `scrfd_pick`."""

    _fields_ = (
        ("candidates", c_int),
        ("bad", c_int),
        ("count", c_int),
        ("more", c_int),
        ("faces", FoundFace * MOST_FACES),
    )


class ScrfdArguments(Structure):
    """Of `scrfd_pick` and `scrfd_suppress`."""

    _fields_ = (
        ("score", c_void_p * 3),
        ("box", c_void_p * 3),
        ("five", c_void_p * 3),
        ("keys", c_void_p),
        ("found", c_void_p),
        ("width", c_int),
        ("height", c_int),
        ("kind", c_int),
        ("threshold", c_float),
        ("iou", c_float),
        ("scale_x", c_float),
        ("scale_y", c_float),
        ("unused", c_int),
    )


KERNELS: dict[str, type[Structure]] = {
    "warp": WarpArguments,
    "read_tensor": ReadArguments,
    "paint": PaintArguments,
    "patch": PatchArguments,
    "recolour": RecolourArguments,
    "block_means": BlockArguments,
    "block_draw": BlockArguments,
    "picture": PictureArguments,
    "scrfd_pick": ScrfdArguments,
    "scrfd_suppress": ScrfdArguments,
    "mark_shrink": MarkArguments,
    "mark_weigh": MarkArguments,
    "mark_lay": MarkArguments,
    **CHAIN_KERNELS,
}
"""The kernels by name, with what each takes a pointer to."""
