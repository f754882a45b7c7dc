"""Telling systemd that livecam is ready, and alive: sd_notify(3), without its library."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from livecam.core.seams import Clock
from livecam.core.settings import Mode
from livecam.runtime.report import Status

_NS_PER_US: Final = 1000


class ServiceNotifier:
    """Sends what the service manager waits for; does nothing where none is there. Any thread; never waits.

    Args:
        environment: Where the manager says that it listens: ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``.
        clock: Of the signs of life.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._interval_ns = _watchdog_ns(environment) // 3
        self._socket = _opened() if self._address else None
        self._next_ns = 0
        self._told_ready = False
        self._told = ""

    @property
    def watched(self) -> bool:
        """Whether the manager wants signs of life."""
        return self._socket is not None and self._interval_ns > 0

    def beat(self) -> None:
        """A picture has left: livecam is ready, and alive. Says so three times in each period, no oftener."""
        if self._socket is None:
            return
        if not self._told_ready:
            self._told_ready = True
            self._send("READY=1")
        now_ns = self._clock.now_ns()
        if self._interval_ns and now_ns >= self._next_ns:
            self._next_ns = now_ns + self._interval_ns
            self._send("WATCHDOG=1")

    def told(self, status: str) -> None:
        """A line for ``systemctl status``. Sent when it is another than before."""
        if status != self._told:
            self._told = status
            self._send("STATUS=" + " ".join(status.split()))

    def stopping(self) -> None:
        """Livecam stops, as it was told to."""
        self._send("STOPPING=1")

    def replaced(self) -> None:
        """Livecam stops, and is then started again by itself as the same process: to the manager it goes on.

        A sign of life, for the next one comes with the first picture after that.
        """
        if self.watched:
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A manager that is gone, or has no room: the next sign is as good.
        with suppress(OSError):
            self._socket.sendto(message.encode(), address)


def state_line(status: Status) -> str:
    """What a service manager shows of `status`: what is sent, and what is wrong; no figure that always changes."""
    sent = "passthrough, YOUR OWN FACE IS SENT" if status.mode == Mode.PASSTHROUGH else f"wearing {status.persona}"
    return f"{status.state}, {sent}" + (f". {status.note}" if status.note else "")


def _watchdog_ns(environment: Mapping[str, str]) -> int:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    period = environment.get("WATCHDOG_USEC", "")
    return int(period) * _NS_PER_US if period.isdecimal() else 0


def _opened() -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0))
    opened.setblocking(False)
    return opened
