r"""The control socket of Windows: a named pipe, ``\\.\pipe\livecam-USER-PID``, with the same lines.

Windows lets its user and administrators write to such a pipe; others may open it for reading at most, and then have an
end of their own, on which nothing is said. Only bytes are exchanged, never Python's own objects.

Not run on Windows so far: held by tests on a listener of the same kind over a Unix socket.
"""

import getpass
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Client, Listener
from typing import Final, Protocol, TypeAlias

from livecam.control.desk import Answer, Desk
from livecam.control.grammar import LONGEST, Ask, NotUnderstood, parse
from livecam.errors import ConfigError

log = logging.getLogger(__name__)

CLIENTS: Final = 16
"""As at the Unix socket: one more, and whoever was silent longest has to go, so that a panic always gets in."""

WATCHERS: Final = 8
WATCH_S: Final = 0.5
IDLE_S: Final = 60.0
LONGEST_BYTES: Final = 4 * LONGEST
_PLACE: Final = r"\\.\pipe" + "\\"
_POLL_S: Final = 0.2
_JOIN_S: Final = 1.0


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


class _Guest(threading.Thread):
    """One connection, for as long as it lasts."""

    def __init__(self, connection: Connection, server: "PipeServer") -> None:
        super().__init__(name="control-client", daemon=True)
        self.heard_s = time.monotonic()
        self.watching = False
        self._over = False
        self._connection = connection
        self._server = server

    def run(self) -> None:
        """Answer line by line until the other side goes, or is silent too long."""
        try:
            for line in self._lines():
                self.heard_s = time.monotonic()
                self._answer(line)
        except (OSError, EOFError):
            pass  # It has gone, or was told to.
        finally:
            self._connection.close()
            self._server.forget(self)

    def end(self) -> None:
        """Be over in a moment: its own thread alone touches the connection. Any thread."""
        self._over = True

    def _lines(self) -> Iterator[bytes]:
        buffer = bytearray()
        while time.monotonic() - self.heard_s < IDLE_S and not (self._over or self._server.stopping.is_set()):
            end = buffer.find(b"\n")
            if 0 <= end <= LONGEST_BYTES:
                yield bytes(buffer[:end])
                del buffer[: end + 1]
            elif len(buffer) > LONGEST_BYTES:
                self._send(self._server.desk.refusal("The line is too long."))
                return
            elif self._connection.poll(_POLL_S):
                buffer += self._connection.recv_bytes(2 * LONGEST_BYTES)

    def _answer(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._send(self._server.desk.refusal("The line is not UTF-8 text."))
            return
        if _is_watch(text):
            self._watch()
        else:
            self._send(self._server.desk.follow(text))

    def _watch(self) -> None:
        if not self._server.may_watch(self):
            self._send(self._server.desk.refusal(f"{WATCHERS} are watching already."))
            return
        while not self._server.stopping.is_set():
            self._send(self._server.desk.follow(Ask.STATUS.value))
            self._server.stopping.wait(WATCH_S)

    def _send(self, answer: Answer) -> None:
        self._connection.send_bytes(json.dumps(answer.json(), ensure_ascii=False).encode() + b"\n")


def _is_watch(text: str) -> bool:
    try:
        return parse(text) is Ask.WATCH
    except NotUnderstood:
        return False


class PipeServer:
    """Listens at one pipe, in threads of its own.

    Args:
        desk: Follows the orders.
        path: Name of the pipe.
        opens: Opens it.
        knocks: Connects to it.

    Attributes:
        desk: The same.
        path: The same.
        stopping: Set when it is over.
    """

    def __init__(self, desk: Desk, path: str, opens: Callable[[str], Door] = open_door, knocks: Knock = knock) -> None:
        self.desk = desk
        self.path = path
        self.stopping = threading.Event()
        self._opens, self._knocks = opens, knocks
        self._lock = threading.Lock()
        self._guests: list[_Guest] = []
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
        self.stopping.set()
        if self._door is None:
            return
        # Nothing else wakes who waits for a connection.
        with suppress(OSError):
            self._knocks(self.path).close()
        self._thread.join(_JOIN_S)
        self._door.close()
        self._door = None
        for guest in self._all():
            guest.end()
        for guest in self._all():
            guest.join(_JOIN_S)

    def may_watch(self, guest: _Guest) -> bool:
        """Whether `guest` may, which then counts as one that does."""
        with self._lock:
            guest.watching = sum(other.watching for other in self._guests) < WATCHERS
            return guest.watching

    def forget(self, guest: _Guest) -> None:
        """Its thread ends."""
        with self._lock:
            if guest in self._guests:
                self._guests.remove(guest)

    def _all(self) -> list[_Guest]:
        with self._lock:
            return list(self._guests)

    def _accept(self) -> None:
        door = self._door
        while door is not None and not self.stopping.is_set():
            try:
                connection = door.accept()
            except OSError as error:
                log.warning("The control pipe does not take a connection: %s", error)
                self.stopping.wait(_POLL_S)
                continue
            self._admit(connection)

    def _admit(self, connection: Connection) -> None:
        guest = _Guest(connection, self)
        with self._lock:
            idle = [other for other in self._guests if not other.watching]
            gone = min(idle, key=lambda other: other.heard_s) if len(self._guests) >= CLIENTS and idle else None
            if gone is not None:
                self._guests.remove(gone)
            self._guests.append(guest)
        if gone is not None:
            gone.end()
        guest.start()
