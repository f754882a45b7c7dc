"""A v4l2loopback node that is open for writing: five system calls, each answer looked at."""

import contextlib
import errno
import os
import sys

from livecam.core.frame import Picture, Size
from livecam.errors import SinkError, SinkGone, SinkLost
from livecam.output import loopback
from livecam.output.loopback_usage import UsageEvents
from livecam.output.outputs import MODPROBE
from livecam.output.v4l2_format import (
    GET_FORMAT,
    SET_FORMAT,
    SET_PARAMETERS,
    Layout,
    Matrix,
    ask_format,
    ask_rate,
    empty_format,
    picture_bytes,
    read_format,
)

if sys.platform != "win32":
    import fcntl

_AGAIN = "It is opened again."


class OutputNode:
    """Owns the descriptor of one node. It is locked, so that no second livecam feeds it; a dead one's lock is gone.

    Args:
        device: Path.
        size: Of all pictures.
        fps: Told to readers.
        matrix: Told to readers, of which few ask.

    Raises:
        SinkGone: It may not be written to, or is no loopback device.
        SinkLost: It is gone, another program feeds it, or it carries something else.
    """

    def __init__(self, device: str, size: Size, fps: float, matrix: Matrix) -> None:
        self._device = device
        self._size = size
        self._bytes = picture_bytes(size)
        try:
            self._fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unopened(device, error) from error
        self._streaming: int | None = None
        try:
            self._set_up(fps, matrix)
        except OSError as error:
            self.close()
            raise SinkLost(f"{device} cannot be set up: {error.strerror}.") from error
        except SinkError:
            self.close()
            raise
        self._usage = UsageEvents(self._fd)

    @property
    def streaming(self) -> int | None:
        """How many stream from it, as the driver said last; None where this version does not say. Any thread."""
        return self._streaming

    def listen(self) -> None:
        """Take note of what the driver says of its readers; never waits."""
        self._streaming = self._usage.newest(self._streaming)

    def write(self, picture: Picture) -> None:
        """Show `picture`, (H * 3 / 2, W) u8 of the opened size, contiguous. Other threads run meanwhile.

        Raises:
            SinkLost: The driver did not take all of it.
        """
        try:
            taken = os.write(self._fd, picture.data)
        except OSError as error:
            raise _unwritten(self._device, error) from error
        if taken != self._bytes:
            raise SinkLost(f"{self._device} took {taken} of a picture's {self._bytes} bytes, so it is torn.", _AGAIN)

    def check(self) -> None:
        """See that the device at the path is still this one, that it can be read, and that it carries our pictures.

        Raises:
            SinkLost: One of these does not hold.
        """
        try:
            mine, there = os.fstat(self._fd), os.stat(self._device)
            caps = loopback.capability(self._fd)
            carried = self._carried()
        except FileNotFoundError as error:
            raise SinkLost(f"{self._device} is gone.", f"If the module was unloaded, run {MODPROBE}.") from error
        except OSError as error:
            raise SinkLost(f"{self._device} does not answer: {error.strerror}.", _AGAIN) from error
        if (mine.st_ino, mine.st_rdev) != (there.st_ino, there.st_rdev):
            raise SinkLost(f"{self._device} was taken away and made anew.", _AGAIN)
        if not caps.capture:
            # The driver offers pictures from the first write to the writer's close.
            raise SinkLost(f"{self._device} no longer takes pictures.", _AGAIN)
        self._demand(carried)

    def close(self) -> None:
        """Give the node back. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            # The descriptor is free whatever close says.
            with contextlib.suppress(OSError):
                os.close(fd)

    def _set_up(self, fps: float, matrix: Matrix) -> None:
        caps = loopback.capability(self._fd)
        if caps.driver != loopback.DRIVER:
            raise SinkGone(f"{self._device} is no virtual camera.", "Run livecam outputs to see those there are.")
        self._lock()
        if not caps.output:
            raise _fed(self._device)
        answer = ask_format(self._size, matrix)
        try:
            fcntl.ioctl(self._fd, SET_FORMAT, answer)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # So say newer versions of the driver while somebody else has set it up.
            raise _fed(self._device) from error
        self._demand(read_format(answer))
        # Readers who are not told take it for 30 a second; nothing else hangs on it.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, SET_PARAMETERS, ask_rate(fps))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _fed(self._device) from error

    def _carried(self) -> Layout:
        answer = empty_format()
        fcntl.ioctl(self._fd, GET_FORMAT, answer)
        return read_format(answer)

    def _demand(self, carried: Layout) -> None:
        if carried.holds(self._size):
            return
        raise SinkLost(
            f"{self._device} still carries {carried} for a program that reads it, not {self._size}.",
            f"Close that program, or run with --size {carried.size}.",
        )


def _fed(device: str) -> SinkLost:
    return SinkLost(f"{device} is being fed by another program.", "Stop that, or name another device.")


def _unopened(device: str, error: OSError) -> SinkError:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            step = "Run sudo usermod -aG video $USER, then log out and in again."
            return SinkGone(f"You may not write to {device}.", step)
        case errno.EBUSY:
            return SinkLost(f"{device} is open in as many programs as it allows.", "Close one of them.")
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return SinkLost(f"{device} is gone.", f"If the module was unloaded, run {MODPROBE}.")
        case _:
            return SinkLost(f"{device} cannot be opened: {error.strerror}.")


def _unwritten(device: str, error: OSError) -> SinkLost:
    if error.errno in (errno.ENODEV, errno.ENXIO, errno.EBADF):
        return SinkLost(f"{device} was taken away.", f"If the module was unloaded, run {MODPROBE}.")
    return SinkLost(f"{device} takes no picture: {error.strerror}.", _AGAIN)
