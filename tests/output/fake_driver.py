"""v4l2loopback 0.12 as far as it can be played on a plain file: its ioctls and writes, the one-open bug included."""

import errno
import os
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from livecam.core.frame import Picture, Size

CAPTURE, OUTPUT = 1, 2
QUERYCAP, STREAMON, GET_CONTROL = 0x80685600, 0x40045612, 0xC008561B
SUBSCRIBE_EVENT, DEQUEUE_EVENT, CLIENT_USAGE = 0x4020565A, 0x80885659, 0x10E00001
GET_FORMAT, SET_FORMAT, SET_PARAMETERS = 0xC0D05604, 0xC0D05605, 0xCC5616 | 0xC0000000
_PAGE = 4096


class FakeDriver:
    """Answers for every node of this process.

    Attributes:
        caps: What it claims now; the first write takes output away.
        name: Of the driver.
        repairs: How often it was asked to stream.
        refuse: What every ioctl fails with.
        refuse_write: What every write fails with.
        short: How many bytes too few a write takes.
        kept: Width, height and fourcc that it will not change, as while somebody reads.
        busy: Whether setting it up is refused, as by newer versions while somebody else feeds it.
        format: The last ``v4l2_format``.
        last: The last write.
        writes: How many there were.
        rate: Numerator and denominator of the time per frame.
        told: Counts of readers that wait to be told; None as in 0.12, which knows no such event.
    """

    installed: ClassVar[list["FakeDriver"]] = []

    def __init__(self, caps: int = OUTPUT, name: bytes = b"v4l2 loopback") -> None:
        self.caps = caps
        self.name = name
        self.repairs = 0
        self.refuse: OSError | None = None
        self.refuse_write: OSError | None = None
        self.short = 0
        self.kept: tuple[int, int, bytes] | None = None
        self.busy = False
        self.format = bytearray(208)
        self.last = b""
        self.writes = 0
        self.rate = (0, 0)
        self.told: list[int] | None = None

    def install(self, monkeypatch: pytest.MonkeyPatch, node: Path | None = None) -> None:
        """Take the place of the kernel; with `node`, for writes to it too."""
        FakeDriver.installed[:] = [self]
        monkeypatch.setattr("fcntl.ioctl", self.ioctl)
        if node is None:
            return
        real = os.write

        def write(fd: int, data: bytes | memoryview) -> int:
            # A node that was removed or renamed meanwhile is still the one that was opened.
            ours = os.path.dirname(os.readlink(f"/proc/self/fd/{fd}")) == str(node.parent)
            return self.write(bytes(data)) if ours else real(fd, data)

        monkeypatch.setattr("os.write", write)

    def picture(self, size: Size) -> Picture:
        """What was written last."""
        return np.frombuffer(self.last, np.uint8).reshape(size.picture_shape)

    def write(self, data: bytes) -> int:
        if self.refuse_write:
            raise self.refuse_write
        self.caps = CAPTURE
        self.last = data
        self.writes += 1
        return len(data) - self.short

    def ioctl(self, fd: int, request: int, argument: bytearray | bytes) -> int:
        if self.refuse:
            raise self.refuse
        if request == GET_CONTROL:
            raise OSError(errno.EINVAL, "no such control")
        if request == STREAMON:
            assert struct.unpack("i", argument) == (2,)
            self.repairs += 1
            self.caps |= OUTPUT
            raise OSError(errno.EINVAL, "Invalid argument")
        if request == SUBSCRIBE_EVENT:
            assert struct.unpack("=8I", argument) == (CLIENT_USAGE, 0, 1, 0, 0, 0, 0, 0)
            if self.told is None:
                raise OSError(errno.EINVAL, "Invalid argument")
            return 0
        assert isinstance(argument, bytearray)
        self._answer(request, argument)
        return 0

    def _answer(self, request: int, argument: bytearray) -> None:
        if request == QUERYCAP:
            assert len(argument) == 104
            claims = (b"platform:x", 0, 0x80000000 | 7, self.caps)
            struct.pack_into("16s32s32s3I", argument, 0, self.name, b"livecam", *claims)
        elif request == SET_FORMAT:
            self._set_format(argument)
        elif request == DEQUEUE_EVENT:
            assert self.told, "nobody may wait for an event"
            assert len(argument) == 136
            struct.pack_into("=I4xI", argument, 0, CLIENT_USAGE, self.told.pop(0))
        elif request == GET_FORMAT:
            assert argument[0] == OUTPUT
            argument[:] = self.format
        else:
            assert request == SET_PARAMETERS
            self.rate = struct.unpack_from("2I", argument, 12)

    def _set_format(self, argument: bytearray) -> None:
        if self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        self.format[:] = argument
        if self.kept:
            struct.pack_into("2I4s", self.format, 8, *self.kept)
        width, height = struct.unpack_from("2I", self.format, 8)
        struct.pack_into("I", self.format, 28, -(-width * height * 3 // 2 // _PAGE) * _PAGE)
        argument[:] = self.format
