"""Making a v4l2loopback node ready, and seeing once a second that pictures still arrive there."""

import errno
import os
from pathlib import Path

from livecam.core.frame import Size
from livecam.errors import SinkLost
from livecam.output import loopback
from livecam.output.outputs import MODPROBE

_AGAIN = "It is opened again."


class LoopbackWatch:
    """Looks after one node.

    Args:
        device: Its path.
        sysfs: Where the system describes its video devices.
    """

    def __init__(self, device: str, sysfs: Path = loopback.SYSFS) -> None:
        self._device = device
        self._sysfs = sysfs
        self._inode = (0, 0)

    def prepare(self, repairable: bool, size: Size) -> None:
        """Give the node its output capability back if it lost it, and remember which node it is.

        Raises:
            SinkLost: It is gone, cannot be opened, or still carries another size than `size`.
        """
        if repairable:
            try:
                loopback.repair(self._device)
            except OSError as error:
                raise SinkLost(f"{self._device} cannot be made ready: {error.strerror}.") from error
        self._inode = _inode(self._device)
        self._check_size(size)

    def check(self, size: Size) -> None:
        """See that it is the same node, that it can be read, and that it carries `size`.

        Raises:
            SinkLost: One of these does not hold.
        """
        if _inode(self._device) != self._inode:
            raise SinkLost(f"{self._device} was taken away and made anew.", _AGAIN)
        try:
            caps = loopback.query(self._device)
        except OSError as error:
            if error.errno == errno.EBUSY:
                # Open in as many programs as it allows: it is there, and in use.
                return
            raise SinkLost(f"{self._device} does not answer: {error.strerror}.", _AGAIN) from error
        if not caps.capture:
            # The driver offers pictures from the first write to the writer's close.
            raise SinkLost(f"{self._device} no longer takes pictures.", _AGAIN)
        self._check_size(size)

    def _check_size(self, size: Size) -> None:
        carried = loopback.format_size(os.path.basename(self._device), self._sysfs)
        if carried is not None and carried != size:
            old = Size(*carried)
            raise SinkLost(
                f"{self._device} still carries {old} for a program that reads it, not {size}.",
                f"Close that program, or run with --size {old}.",
            )


def _inode(device: str) -> tuple[int, int]:
    try:
        status = os.stat(device)
    except OSError as error:
        raise SinkLost(f"{device} is gone.", f"If the module was unloaded, run {MODPROBE}.") from error
    return (status.st_ino, status.st_rdev)
