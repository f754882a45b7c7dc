"""The driver's own word on who reads: an event of v4l2loopback 0.13 and newer, on the writer's descriptor.

Numbers and layouts are those of ``linux/videodev2.h`` on 64 bit, and of ``v4l2loopback.c`` for the event itself.
"""

import select
import struct
import sys
from typing import Final

if sys.platform != "win32":
    import fcntl

# V4L2_EVENT_PRIVATE_START + the driver's offset + 1: V4L2_EVENT_PRI_CLIENT_USAGE.
CLIENT_USAGE: Final = 0x08000000 + 0x08E00000 + 1
_SEND_INITIAL: Final = 1

_SUBSCRIPTION: Final = struct.Struct("=3I20x")
_EVENT: Final = struct.Struct("=I4xI124x")
SUBSCRIBE_EVENT: Final = 1 << 30 | _SUBSCRIPTION.size << 16 | ord("V") << 8 | 90
DEQUEUE_EVENT: Final = 2 << 30 | _EVENT.size << 16 | ord("V") << 8 | 89


class UsageEvents:
    """What the driver says of the node's readers.

    Newer versions say only whether there is one, and 0.13 how many; programs that have it open and do not stream do
    not count.

    Args:
        fd: A descriptor of the node, open for writing, that outlives this.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll: select.poll | None = None
        try:
            fcntl.ioctl(fd, SUBSCRIBE_EVENT, _SUBSCRIPTION.pack(CLIENT_USAGE, 0, _SEND_INITIAL))
        except OSError:
            # Version 0.12 knows no such event.
            return
        self._poll = select.poll()
        self._poll.register(fd, select.POLLPRI)

    def newest(self, known: int | None) -> int | None:
        """The newest count, or `known` where nothing was told since; None where this driver tells nothing.

        The thread that writes; never waits.
        """
        if self._poll is None:
            return None
        while any(happened & select.POLLPRI for _, happened in self._poll.poll(0)):
            event = bytearray(_EVENT.size)
            try:
                fcntl.ioctl(self._fd, DEQUEUE_EVENT, event)
            except OSError:
                break
            kind, count = _EVENT.unpack(event)
            known = count if kind == CLIENT_USAGE else known
        return known
