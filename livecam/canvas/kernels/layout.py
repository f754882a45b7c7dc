"""Words that all kernels share, as they lie in memory."""

from ctypes import Structure, c_int, c_void_p

KIND_U8, KIND_F32, KIND_F16 = 0, 1, 2
"""Numbers of a tensor."""


class Image(Structure):
    """An image of 8 bit; `pitch` bytes from row to row."""

    _fields_ = (("data", c_void_p), ("width", c_int), ("height", c_int), ("pitch", c_int), ("unused", c_int))


class Area(Structure):
    """A box, px."""

    _fields_ = (("left", c_int), ("top", c_int), ("width", c_int), ("height", c_int))
