"""What the kernels of a face's chain take, as it lies in memory; as livecam/canvas/kernels/arguments.py."""

from ctypes import Structure, c_float, c_int, c_uint64, c_void_p

from livecam.canvas.kernels.layout import Image

MOST_REACH = 24
"""So many weights of a Gaussian fit, from its middle on."""


class PickArguments(Structure):
    """Of `yunet_pick` and `yolo_pick`, then `suppress`."""

    _fields_ = (
        ("score", c_void_p * 3),
        ("object", c_void_p * 3),
        ("box", c_void_p * 3),
        ("five", c_void_p * 3),
        ("keys", c_void_p),
        ("faces", c_void_p),
        ("found", c_void_p),
        ("width", c_int),
        ("height", c_int),
        ("rows", c_int),
        ("kind", c_int),
        ("threshold", c_float),
        ("iou", c_float),
        ("scale_x", c_float),
        ("scale_y", c_float),
    )


class SplitArguments(Structure):
    """Of `split`."""

    _fields_ = (
        ("image", Image),
        ("tensor", c_void_p),
        ("mean", c_float * 3),
        ("scale", c_float * 3),
        ("factor", c_int),
        ("first", c_int),
        ("rows", c_int),
        ("swap", c_int),
        ("planar", c_int),
        ("kind", c_int),
    )


class JoinArguments(Structure):
    """Of `join`."""

    _fields_ = (
        ("tensor", c_void_p),
        ("out", Image),
        ("bad", c_void_p),
        ("gain", c_float),
        ("offset", c_float),
        ("factor", c_int),
        ("first", c_int),
        ("rows", c_int),
        ("channels", c_int),
        ("swap", c_int),
        ("planar", c_int),
        ("kind", c_int),
        ("narrow", c_int),
    )


class LayArguments(Structure):
    """Of `lay`."""

    _fields_ = (("under", Image), ("over", Image), ("mask", c_void_p), ("mask_pitch", c_int), ("gain", c_float))


class MixArguments(Structure):
    """Of `mix` and `carry`."""

    _fields_ = (("image", Image), ("other", Image), ("detail", c_void_p), ("share", c_float), ("unused", c_int))


class Sums(Structure):
    """What `sums` gives."""

    _fields_ = (("sum", c_uint64 * 3), ("square", c_uint64 * 3), ("change", c_uint64))


class SumsArguments(Structure):
    """Of `sums`."""

    _fields_ = (("image", Image), ("given", Image), ("sums", c_void_p), ("step", c_int), ("unused", c_int))


class ShareArguments(Structure):
    """Of `share`."""

    _fields_ = (
        ("tensor", c_void_p),
        ("out", c_void_p),
        ("bad", c_void_p),
        ("side", c_int),
        ("out_side", c_int),
        ("classes", c_int),
        ("regions", c_int),
        ("kind", c_int),
        ("floor", c_float),
    )


class SoftenArguments(Structure):
    """Of `blur_rows` and `soften`."""

    _fields_ = (
        ("plane", c_void_p),
        ("rows", c_void_p),
        ("out", c_void_p),
        ("side", c_int),
        ("reach", c_int),
        ("weights", c_float * MOST_REACH),
    )


class MergeArguments(Structure):
    """Of `merge`."""

    _fields_ = (
        ("soft", c_void_p),
        ("shown", c_void_p),
        ("mask", c_void_p),
        ("soft_side", c_int),
        ("side", c_int),
        ("fresh", c_int),
        ("calm", c_float),
    )


class TrimArguments(Structure):
    """Of `trim`."""

    _fields_ = (
        ("mask", c_void_p),
        ("box", c_void_p),
        ("out", c_void_p),
        ("side", c_int),
        ("out_side", c_int),
        ("scale", c_float),
        ("left", c_float),
        ("top", c_float),
        ("unused", c_int),
    )


class Transfer(Structure):
    """A transfer of colours; see livecam/vision/color.py."""

    _fields_ = (("gain", c_float * 3), ("shift", c_float * 3), ("middle", c_float * 3))


class Colours(Structure):
    """What `colour_match` gives."""

    _fields_ = (("measured", c_int), ("known", c_int), ("transfer", Transfer))


class ColourArguments(Structure):
    """Of `colour_match`."""

    _fields_ = (
        ("swapped", c_void_p),
        ("original", c_void_p),
        ("mask", c_void_p),
        ("oval", c_void_p),
        ("matrix", c_void_p),
        ("colours", c_void_p),
        ("cells", c_int),
        ("known", c_int),
        ("calm", c_float),
        ("strength", c_float),
        ("before", Transfer),
        ("unused", c_int),
    )


CHAIN_KERNELS: dict[str, type[Structure]] = {
    "yunet_pick": PickArguments,
    "yolo_pick": PickArguments,
    "suppress": PickArguments,
    "split": SplitArguments,
    "join": JoinArguments,
    "lay": LayArguments,
    "mix": MixArguments,
    "carry": MixArguments,
    "sums": SumsArguments,
    "share": ShareArguments,
    "blur_rows": SoftenArguments,
    "soften": SoftenArguments,
    "merge": MergeArguments,
    "trim": TrimArguments,
    "colour_match": ColourArguments,
}
"""The kernels by name, with what each takes a pointer to."""
