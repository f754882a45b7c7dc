r"""The control socket of Windows: a named pipe, ``\\.\pipe\livecam-USER-PID``, with the same lines.

Windows lets its user and administrators write to such a pipe; others may open it for reading at most, and then have an
end of their own, on which nothing is said. Only bytes are exchanged, never Python's own objects.

Not run on Windows so far: held by tests on a listener of the same kind over a Unix socket.
"""

import getpass
import logging
import os
import re
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from multiprocessing.connection import Client, Listener
from typing import Final, Protocol, TypeAlias

from livecam.control.desk import Desk
from livecam.control.lines import JOIN_S, LONGEST_BYTES, Crowd
from livecam.errors import ConfigError

log = logging.getLogger(__name__)

_PLACE: Final = r"\\.\pipe" + "\\"
_POLL_S: Final = 0.2


class Connection(Protocol):
    """One end of a pipe: what is sent at once is received at once."""

    def poll(self, timeout: float = 0.0) -> bool:
        """Whether something can be received, within `timeout` s. Raises `OSError` when the other side is gone."""
        ...

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """What was sent at once. Raises `EOFError` or `OSError`."""
        ...

    def send_bytes(self, data: bytes, /) -> None:
        """Send it. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Idempotent."""
        ...


class Door(Protocol):
    """Where connections come in."""

    def accept(self) -> Connection:
        """The next one, waited for. Raises `OSError`."""
        ...

    def close(self) -> None:
        """No more of them."""
        ...


Knock: TypeAlias = Callable[[str], Connection]


def open_door(address: str) -> Door:
    """A pipe of Windows, the first of its name.

    Raises:
        OSError: The name is taken.
    """
    return Listener(address, "AF_PIPE", authkey=None)


def knock(address: str) -> Connection:
    """Connect to a pipe of Windows.

    Raises:
        OSError: Nobody listens there, or only for others.
    """
    return Client(address, "AF_PIPE", authkey=None)


def own_pipe() -> str:
    """Where this process listens unless it is told otherwise."""
    return f"{_PLACE}{_prefix()}{os.getpid()}"


def pipes(names: Callable[[str], list[str]] = os.listdir) -> tuple[str, ...]:
    """Those of all daemons of this user that run now: a pipe ends with its process.

    Args:
        names: Of everything in a folder.
    """
    return tuple(sorted(_PLACE + name for name in names(_PLACE) if re.fullmatch(re.escape(_prefix()) + r"\d+", name)))


def _prefix() -> str:
    return f"livecam-{re.sub(r'[^A-Za-z0-9_.-]', '_', getpass.getuser())}-"


def exchange(address: str, line: str, wait_s: float, knocks: Knock = knock) -> Generator[str, None, None]:
    """Say `line` and yield what is answered, a line of JSON each, until the other side closes.

    Raises:
        TimeoutError: Nothing came for `wait_s`.
        OSError: Nobody listens there.
    """
    connection = knocks(address)
    try:
        connection.send_bytes(line.encode() + b"\n")
        buffer = bytearray()
        while True:
            if not connection.poll(wait_s):
                raise TimeoutError
            buffer += connection.recv_bytes()
            while (end := buffer.find(b"\n")) >= 0:
                yield buffer[:end].decode()
                del buffer[: end + 1]
    except (EOFError, BrokenPipeError):
        return
    finally:
        connection.close()


class _PipeWire:
    """See `Wire`.

    Args:
        connection: Owned from here on.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self) -> bytes | None:
        return self._connection.recv_bytes(2 * LONGEST_BYTES) if self._connection.poll(_POLL_S) else b""

    def send(self, data: bytes) -> None:
        self._connection.send_bytes(data)

    def cut(self) -> None:
        """Nothing to do: no call waits long, and the client's own thread alone touches the connection."""

    def close(self) -> None:
        self._connection.close()


class PipeServer:
    """Listens at one pipe, in threads of its own.

    Args:
        desk: Follows the orders.
        path: Name of the pipe.
        opens: Opens it.
        knocks: Connects to it.

    Attributes:
        path: The same.
        crowd: Those whom it serves.
    """

    def __init__(self, desk: Desk, path: str, opens: Callable[[str], Door] = open_door, knocks: Knock = knock) -> None:
        self.path = path
        self.crowd = Crowd(desk)
        self._opens, self._knocks = opens, knocks
        self._door: Door | None = None
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: The name is taken, or none for a pipe.
        """
        try:
            self._door = self._opens(self.path)
        except (OSError, ValueError) as error:
            text = f"The control pipe {self.path} cannot be made: {error}."
            raise ConfigError(text, "Name another --control-socket.") from None
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection and close the pipe. Idempotent."""
        self.crowd.stopping.set()
        if self._door is None:
            return
        # Nothing else wakes who waits for a connection.
        with suppress(OSError):
            self._knocks(self.path).close()
        self._thread.join(JOIN_S)
        self._door.close()
        self._door = None
        self.crowd.end()

    def _accept(self) -> None:
        door = self._door
        while door is not None and not self.crowd.stopping.is_set():
            try:
                connection = door.accept()
            except OSError as error:
                log.warning("The control pipe does not take a connection: %s", error)
                self.crowd.stopping.wait(_POLL_S)
                continue
            self.crowd.admit(_PipeWire(connection))
