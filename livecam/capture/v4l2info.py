"""What Linux knows about cameras, asked of the kernel by ioctl; no library, no stream is started.

Structures and numbers are those of the kernel's ``linux/videodev2.h``, which never change: they are its interface.
"""

import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from livecam.capture.devices import CameraFormat, CameraInfo
from livecam.core.frame import Size

LOOPBACK_DRIVER = "v4l2 loopback"

_DEV = Path("/dev")
_SYS = Path("/sys/class/video4linux")
_PROC = Path("/proc")

_CAPTURE_CAPS = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, _MPLANE
_DEVICE_CAPS = 0x80000000  # V4L2_CAP_DEVICE_CAPS: device_caps speaks of this node alone
_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE
_MOST_ANSWERS = 256

_CAPABILITY = struct.Struct("16s32s32sIII12x")
_FORMAT_NAME = struct.Struct("III32sI16x")
_FRAME_SIZE = struct.Struct("III6I8x")
_FRAME_RATE = struct.Struct("IIIII6I8x")
_FORMAT_BYTES = struct.calcsize("I0P200s")  # struct v4l2_format: its union is aligned to a pointer


def _read_write(number: int, size: int, direction: int = 3) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


VIDIOC_QUERYCAP = _read_write(0, _CAPABILITY.size, direction=2)
VIDIOC_ENUM_FMT = _read_write(2, _FORMAT_NAME.size)
VIDIOC_G_FMT = _read_write(4, _FORMAT_BYTES)
VIDIOC_S_FMT = _read_write(5, _FORMAT_BYTES)
VIDIOC_ENUM_FRAMESIZES = _read_write(74, _FRAME_SIZE.size)
VIDIOC_ENUM_FRAMEINTERVALS = _read_write(75, _FRAME_RATE.size)


def list_capture_nodes() -> tuple[CameraInfo, ...]:
    """Every node that can capture video, by number. Nodes of metadata, radios and mere outputs are left out."""
    links = _stable_links()
    nodes = sorted(_nodes(), key=lambda pair: pair[0])
    found = (_describe(index, path, links.get(str(path), "")) for index, path in nodes)
    return tuple(camera for camera in found if camera is not None)


def is_busy(path: str) -> bool:
    """Whether another program streams from `path`: setting the format it already has is then refused."""
    try:
        node = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        form = bytearray(_FORMAT_BYTES)
        struct.pack_into("I", form, 0, _CAPTURE)
        fcntl.ioctl(node, VIDIOC_G_FMT, form)
        fcntl.ioctl(node, VIDIOC_S_FMT, form)
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(node)
    return False


def users(path: str) -> tuple[str, ...]:
    """Other programs that hold `path` open, such as ``zoom (1234)``, as far as this user may see them."""
    others = (process for process in _PROC.glob("[0-9]*") if process.name != str(os.getpid()))
    return tuple(sorted(f"{_command(process)} ({process.name})" for process in others if _holds(process, path)))


def _nodes() -> Iterator[tuple[int, Path]]:
    for path in _DEV.glob("video*"):
        number = re.fullmatch(r"video(\d+)", path.name)
        if number:
            yield int(number[1]), path


def _describe(index: int, path: Path, stable: str) -> CameraInfo | None:
    try:
        node = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            return None
        problem = _problem(error)
        return CameraInfo(index, _system_name(path), str(path), stable, problem=problem)
    try:
        return _ask(node, index, path, stable)
    except OSError:
        return None  # no V4L2 device, or pulled out while we asked
    finally:
        os.close(node)


def _ask(node: int, index: int, path: Path, stable: str) -> CameraInfo | None:
    answer = bytearray(_CAPABILITY.size)
    fcntl.ioctl(node, VIDIOC_QUERYCAP, answer)
    driver, card, _, _, all_caps, own_caps = _CAPABILITY.unpack(answer)
    caps = own_caps if all_caps & _DEVICE_CAPS else all_caps
    if not caps & _CAPTURE_CAPS:
        return None
    driver_name = _text(driver)
    virtual = driver_name == LOOPBACK_DRIVER
    return CameraInfo(index, _text(card), str(path), stable, driver_name, virtual, tuple(_formats(node)))


def _formats(node: int) -> Iterator[CameraFormat]:
    for answer in _enumerate(node, VIDIOC_ENUM_FMT, _FORMAT_NAME, (_CAPTURE,)):
        code = answer[4]
        for size, least in _sizes(node, code):
            rates = tuple(sorted(_rates(node, code, *size), reverse=True))
            yield CameraFormat(_fourcc(code), size, rates, least)


def _sizes(node: int, code: int) -> Iterator[tuple[Size, Size | None]]:
    """Single sizes, or the largest and the smallest of a range."""
    for _, _, kind, *numbers in _enumerate(node, VIDIOC_ENUM_FRAMESIZES, _FRAME_SIZE, (code,)):
        if kind != _DISCRETE:  # given as least, most and step of either side
            yield Size(numbers[1], numbers[4]), Size(numbers[0], numbers[3])
            return
        yield Size(numbers[0], numbers[1]), None


def _rates(node: int, code: int, width: int, height: int) -> Iterator[float]:
    for answer in _enumerate(node, VIDIOC_ENUM_FRAMEINTERVALS, _FRAME_RATE, (code, width, height)):
        seconds, per = answer[5:7]  # of a range, the shortest interval: its highest rate
        if seconds:
            yield round(per / seconds, 3)
        if answer[4] != _DISCRETE:
            return


def _enumerate(node: int, request: int, layout: struct.Struct, asked: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The answers to index 0, 1, ... of an enumeration, until the driver has no more."""
    for index in range(_MOST_ANSWERS):
        answer = bytearray(layout.size)
        struct.pack_into(f"{1 + len(asked)}I", answer, 0, index, *asked)
        try:
            fcntl.ioctl(node, request, answer)
        except OSError:
            return
        yield layout.unpack(answer)


def _stable_links() -> dict[str, str]:
    """Node -> link, by-id before by-path: the first names the camera itself, the second the socket it is in."""
    links: dict[str, str] = {}
    for folder in ("by-id", "by-path"):
        for link in sorted((_DEV / "v4l" / folder).glob("*")):
            links.setdefault(str(link.resolve()), str(link))
    return links


def _system_name(path: Path) -> str:
    try:
        return (_SYS / path.name / "name").read_text().strip()
    except OSError:
        return path.name


def _problem(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "you may not open it; add yourself to the group video: sudo usermod -aG video $USER, then log in again"
    return (error.strerror or "cannot be opened").lower()


def _holds(process: Path, path: str) -> bool:
    try:
        return any(os.readlink(handle) == path for handle in (process / "fd").iterdir())
    except OSError:
        return False


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a program"


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()


def _fourcc(code: int) -> str:
    return struct.pack("<I", code & 0x7FFFFFFF).decode("latin-1").strip()
