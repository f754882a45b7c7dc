"""v4l2loopback on Linux: which nodes there are, what state they are in, and the repair of one that opened once.

What every writer needs besides writing. Constants are those of the kernel's ``linux/videodev2.h``.
"""

import errno
import os
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl

DRIVER = "v4l2 loopback"
SYSFS = Path("/sys/class/video4linux")

_QUERYCAP = 0x80685600
_STREAMON = 0x40045612
_GET_CONTROL = 0xC008561B
_SUSTAIN, _TIMEOUT = 0x98F901, 0x98F902
_BUFFER_OUTPUT = 2
_CAPABILITY = struct.Struct("16s32s32s6I")
_CAPTURE, _OUTPUT, _HAS_DEVICE_CAPS = 0x1, 0x2, 0x80000000

_LOOKS, _LOOK_S = 8, 0.02
"""How often, and how far apart, a node is looked at for fresh pictures: 0.16 s finds whoever sends seven a second."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node says of itself.

    Attributes:
        driver: ``v4l2 loopback`` for ours.
        card: Label.
        capture: It can be read from now.
        output: It can be written to now.
    """

    driver: str
    card: str
    capture: bool
    output: bool


def query(path: str) -> Capability:
    """Ask the node at `path` (VIDIOC_QUERYCAP).

    Raises:
        OSError: It is not there, may not be opened, is full of openers, or is no video device.
    """
    with _opened(path) as node:
        return capability(node.fd)


def capability(fd: int) -> Capability:
    """Ask the node that is open as `fd`.

    Raises:
        OSError: It is no video device, or is gone.
    """
    answer = bytearray(_CAPABILITY.size)
    fcntl.ioctl(fd, _QUERYCAP, answer)
    driver, card, _, _, all_caps, device_caps, *_ = _CAPABILITY.unpack(answer)
    caps = device_caps if all_caps & _HAS_DEVICE_CAPS else all_caps
    return Capability(_text(driver), _text(card), bool(caps & _CAPTURE), bool(caps & _OUTPUT))


def repair(path: str) -> None:
    """Make a node that was written to before take a writer again.

    With ``exclusive_caps=1``, v4l2loopback 0.12 (Debian 12, Ubuntu 22.04) takes the output capability away at the
    first write and gives it back only when somebody closes it who had called STREAMON. pyvirtualcam never does, so
    that a camera opens once and then never again until the module is loaded anew. Calling STREAMON and closing gives
    it back, needs no more permission than writing, and changes nothing in newer versions, which refuse it.

    Raises:
        OSError: It cannot be opened.
    """
    with _opened(path) as node:
        try:
            fcntl.ioctl(node.fd, _STREAMON, struct.pack("i", _BUFFER_OUTPUT))
        except OSError as error:
            # The capability comes back even when the call itself is refused.
            if error.errno not in (errno.EINVAL, errno.EIO, errno.EBUSY):
                raise


def is_fed(path: str) -> bool:
    """Whether fresh pictures arrive at the node at `path` now, from whichever program and user. Takes 0.16 s.

    `writer_of` sees neither other users' programs nor those that feed through a descriptor opened for reading as
    well, as OBS and ffmpeg do. A node that repeats its last picture by itself (the driver's controls
    ``sustain_framerate`` and ``timeout``) cannot be told from a fed one, and counts as not fed.
    """
    try:
        with _opened(path) as node:
            return not _repeats(node.fd) and _gets_pictures(node.fd)
    except OSError:
        # Gone, full of openers, or read by somebody who shares it with nobody: opening it for output will tell.
        return False


def nodes(sysfs: Path = SYSFS) -> list[tuple[str, str]]:
    """Names and labels of all v4l2loopback nodes, such as ``("video10", "livecam")``, by number.

    They are told from cameras by ``max_openers``, a file that only this driver has, so that it needs no permission.
    """
    found = [entry for entry in sysfs.glob("video*") if (entry / "max_openers").exists()]
    return [(entry.name, _line(entry / "name")) for entry in sorted(found, key=_number)]


def format_size(node: str, sysfs: Path = SYSFS) -> tuple[int, int] | None:
    """Width and height of what the node called `node` carries now; None when it carries nothing.

    The driver keeps its old size, and says all is well, when it is set up anew while somebody reads.
    """
    _, _, rest = _line(sysfs / node / "format").partition(":")
    width, _, height = rest.partition("@")[0].partition("x")
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


def writer_of(path: str, proc: Path = Path("/proc")) -> str:
    """Which program has the node open for writing only, such as ``python (4711)``; empty when none is seen.

    Readers open a node for reading and writing, so only a write-only opener is surely a feeder. Programs of other
    users are not seen.
    """
    for process in proc.glob("[0-9]*"):
        if any(is_write_only(process, number) for number in _descriptors(process, path)):
            return f"{_line(process / 'comm')} ({process.name})"
    return ""


def _repeats(fd: int) -> bool:
    for control in (_SUSTAIN, _TIMEOUT):
        answer = bytearray(struct.pack("Ii", control, 0))
        try:
            fcntl.ioctl(fd, _GET_CONTROL, answer)
        except OSError:
            # This version of the driver has no such control.
            continue
        if struct.unpack("Ii", answer)[1]:
            return True
    return False


def _gets_pictures(fd: int) -> bool:
    # A new reader is handed the last picture once, however old it is, so what is there at first does not count.
    for _ in range(3):
        if not _has_picture(fd):
            break
    for _ in range(_LOOKS):
        time.sleep(_LOOK_S)
        if _has_picture(fd):
            return True
    return False


def _has_picture(fd: int) -> bool:
    try:
        return bool(os.read(fd, 1))
    except BlockingIOError:
        return False


def _descriptors(process: Path, path: str) -> list[str]:
    try:
        names = os.listdir(process / "fd")
    except OSError:
        # Ended meanwhile, or another user's.
        return []
    return [name for name in names if _target(process / "fd" / name) == path]


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        # Closed meanwhile.
        return ""


def is_write_only(process: Path, descriptor: str) -> bool:
    """Whether `descriptor` of the process described in the folder `process` is open for writing alone."""
    for line in _read(process / "fdinfo" / descriptor).splitlines():
        name, _, value = line.partition(":")
        if name == "flags":
            return int(value, 8) & os.O_ACCMODE == os.O_WRONLY
    return False


class _Node:
    """An open node; closed at the end of a ``with`` block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> "_Node":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def _opened(path: str) -> _Node:
    return _Node(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _line(path: Path) -> str:
    return _read(path).strip()


def _number(entry: Path) -> int:
    digits = entry.name.removeprefix("video")
    return int(digits) if digits.isdecimal() else 0
