"""The structures that a V4L2 output is set up with: ``v4l2_format`` and ``v4l2_streamparm``.

Numbers and layouts are those of the kernel's ``linux/videodev2.h``; nothing here touches a device.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

from livecam.core.frame import Size

I420 = "YU12"
"""What V4L2 calls I420."""

_POINTER = struct.calcsize("P")
# The union inside v4l2_format holds pointers, and is aligned to them.
_FORMAT = struct.Struct(f"=I{_POINTER - 4}x2I4s9I152x")
_PARAMETERS = struct.Struct("=6I180x")
_OUTPUT = 2
_PROGRESSIVE, _SRGB, _LIMITED = 1, 8, 2
_EXTENDED = 0xFEEDCAFE
_TIME_PER_FRAME = 0x1000


class Matrix(IntEnum):
    """By which recommendation a picture's luma and chroma are to be read."""

    BT601 = 601
    BT709 = 709


_ENCODING = {Matrix.BT601: 1, Matrix.BT709: 2}


def _request(number: int, size: int) -> int:
    """``_IOWR('V', number, size)``."""
    return 3 << 30 | size << 16 | ord("V") << 8 | number


GET_FORMAT = _request(4, _FORMAT.size)
SET_FORMAT = _request(5, _FORMAT.size)
SET_PARAMETERS = _request(22, _PARAMETERS.size)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a node carries.

    Attributes:
        size: In px.
        fourcc: Pixel format, such as ``YU12``.
        bytes_held: Room for a picture.
    """

    size: Size
    fourcc: str
    bytes_held: int

    def __str__(self) -> str:
        return f"{self.size} {self.fourcc}"

    def holds(self, size: Size) -> bool:
        """Whether I420 pictures of `size` fit it exactly."""
        return self.size == size and self.fourcc == I420 and self.bytes_held >= picture_bytes(size)


def picture_bytes(size: Size) -> int:
    """Bytes of an I420 picture."""
    return size.width * size.height * 3 // 2


def ask_format(size: Size, matrix: Matrix) -> bytearray:
    """A ``v4l2_format`` that asks for I420 pictures of `size`, limited range, said to be of `matrix`."""
    width, height = size
    return bytearray(
        _FORMAT.pack(
            _OUTPUT, width, height, I420.encode(), _PROGRESSIVE, width, picture_bytes(size),
            _SRGB, _EXTENDED, 0, _ENCODING[matrix], _LIMITED, 0,
        )
    )  # fmt: skip


def empty_format() -> bytearray:
    """A ``v4l2_format`` to be filled by ``VIDIOC_G_FMT``."""
    answer = bytearray(_FORMAT.size)
    answer[0] = _OUTPUT
    return answer


def read_format(answer: bytearray) -> Layout:
    """What the driver wrote into `answer`."""
    _, width, height, fourcc, _, _, held, *_ = _FORMAT.unpack(answer)
    return Layout(Size(width, height), fourcc.decode("ascii", "replace"), held)


def ask_rate(fps: float) -> bytearray:
    """A ``v4l2_streamparm`` that tells readers `fps`."""
    rate = Fraction(fps).limit_denominator(1001)
    return bytearray(_PARAMETERS.pack(_OUTPUT, _TIME_PER_FRAME, 0, rate.denominator, rate.numerator, 0))
