"""The control socket: a line in, a line of JSON out. In threads of its own, so that it answers while all else hangs."""

import fcntl
import json
import logging
import os
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from livecam.control.desk import Answer, Desk
from livecam.control.grammar import LONGEST, Ask, NotUnderstood, parse
from livecam.control.place import answers, sweep
from livecam.errors import ConfigError

log = logging.getLogger(__name__)

CLIENTS: Final = 16
"""As many are served at once; one more, and whoever was silent longest has to go, so that a panic always gets in."""

WATCHERS: Final = 8
WATCH_S: Final = 0.5
"""Between two lines of a watch."""

SEND_S: Final = 1.0
"""A reader that takes longer for a line is dropped."""

IDLE_S: Final = 60.0
LONGEST_BYTES: Final = 4 * LONGEST
_POLL_S: Final = 0.2
_JOIN_S: Final = 1.0
_LONGEST_ADDRESS: Final = 103
"""Bytes of a Unix socket's path that every system takes (macOS, with its 104, takes least)."""


class _Client(threading.Thread):
    """One connection, for as long as it lasts."""

    def __init__(self, connection: socket.socket, server: "ControlServer") -> None:
        super().__init__(name="control-client", daemon=True)
        self.heard_s = time.monotonic()
        self.watching = False
        self._connection = connection
        self._server = server

    def run(self) -> None:
        """Answer line by line until the other side goes, is silent too long, or is not worth waiting for."""
        try:
            with self._connection:
                self._connection.settimeout(SEND_S)
                for line in self._lines():
                    self.heard_s = time.monotonic()
                    self._answer(line)
        except OSError:
            pass  # It has gone, or was told to.
        finally:
            self._server.forget(self)

    def end(self) -> None:
        """Cut the connection. Any thread."""
        with suppress(OSError):  # it was cut already
            self._connection.shutdown(socket.SHUT_RDWR)

    def _lines(self) -> Iterator[bytes]:
        buffer = bytearray()
        while time.monotonic() - self.heard_s < IDLE_S:
            end = buffer.find(b"\n")
            if 0 <= end <= LONGEST_BYTES:
                line = bytes(buffer[:end])
                del buffer[: end + 1]
                yield line
            elif len(buffer) > LONGEST_BYTES:
                self._send(self._server.refusal("The line is too long."))
                return
            else:
                try:
                    received = self._connection.recv(LONGEST_BYTES)
                except TimeoutError:
                    continue
                if not received:
                    return
                buffer += received

    def _answer(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._send(self._server.refusal("The line is not UTF-8 text."))
            return
        if _is_watch(text):
            self._watch()
        else:
            self._send(self._server.desk.follow(text))

    def _watch(self) -> None:
        if not self._server.may_watch(self):
            self._send(self._server.refusal(f"{WATCHERS} are watching already."))
            return
        # Nothing more is read from a watcher: it goes by closing.
        while not self._server.stopping.is_set():
            self._send(self._server.desk.follow(Ask.STATUS.value))
            self._server.stopping.wait(WATCH_S)

    def _send(self, answer: Answer) -> None:
        self._connection.sendall(json.dumps(answer.json(), ensure_ascii=False).encode() + b"\n")


def _is_watch(text: str) -> bool:
    try:
        return parse(text) is Ask.WATCH
    except NotUnderstood:
        return False


class ControlServer:
    """Listens at one path of the file system, for this user alone.

    Args:
        desk: Follows the orders.
        path: Of the socket.

    Attributes:
        desk: The same.
        path: The same.
        stopping: Set when it is over.
    """

    def __init__(self, desk: Desk, path: Path) -> None:
        self.desk = desk
        self.path = path
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._clients: list[_Client] = []
        self._listener: socket.socket | None = None
        self._made: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        """Listen. The socket of a dead daemon is replaced.

        Raises:
            ConfigError: The path is too long or taken, by a living daemon or by something else; or it, or its folder,
                cannot be made.
        """
        if len(os.fsencode(self.path)) > _LONGEST_ADDRESS:
            raise ConfigError(f"The path {self.path} is too long for a socket.", "Name a shorter --control-socket.")
        try:
            with _alone(self.path.parent):
                sweep(self.path.parent)
                _clear(self.path)
                self._listener = self._bound()
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"The control socket {self.path} cannot be made: {reason}.") from None
        self._thread.start()

    def _bound(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(os.fspath(self.path))
            # Before `listen` nobody can connect, so there is no moment at which others could.
            self.path.chmod(0o600)
            # Room for a crowd: on Linux, who comes when the queue is full is turned away, and it may be a panic.
            listener.listen(socket.SOMAXCONN)
            listener.settimeout(_POLL_S)
            self._made = _identity(self.path)
        except OSError:
            listener.close()
            raise
        return listener

    def stop(self) -> None:
        """Cut every connection and remove the socket. Idempotent."""
        self.stopping.set()
        if self._listener is None:
            return
        self._thread.join(_JOIN_S)
        self._listener.close()
        self._listener = None
        for client in self._all():
            client.end()
        for client in self._all():
            client.join(_JOIN_S)
        if self._made is not None and _identity(self.path) == self._made:
            self.path.unlink(missing_ok=True)

    def refusal(self, why: str) -> Answer:
        """What is said to a line that does not get to the desk."""
        return self.desk.refusal(why)

    def may_watch(self, client: _Client) -> bool:
        """Whether `client` may, which then counts as one that does."""
        with self._lock:
            client.watching = sum(other.watching for other in self._clients) < WATCHERS
            return client.watching

    def forget(self, client: _Client) -> None:
        """A client's thread ends."""
        with self._lock:
            if client in self._clients:
                self._clients.remove(client)

    def _all(self) -> list[_Client]:
        with self._lock:
            return list(self._clients)

    def _accept(self) -> None:
        assert self._listener is not None, "start() makes it"
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                log.warning("The control socket does not take a connection: %s", error)
                self.stopping.wait(_POLL_S)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        if not is_own(connection):
            log.warning("Another user tried to control livecam and was refused.")
            connection.close()
            return
        client = _Client(connection, self)
        with self._lock:
            idle = [other for other in self._clients if not other.watching]
            over = len(self._clients) >= CLIENTS and idle
            gone = min(idle, key=lambda other: other.heard_s) if over else None
            if gone is not None:
                self._clients.remove(gone)
            self._clients.append(client)
        if gone is not None:
            gone.end()
        client.start()


def is_own(connection: socket.socket) -> bool:
    """Whether a process of this user, or of root, is at the other end.

    Where the system does not say, the mode of the socket and of its folder have to do.
    """
    if sys.platform != "linux":
        return True
    size = struct.calcsize("3i")
    _pid, user, _group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in {os.getuid(), 0}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _clear(path: Path) -> None:
    """Remove what a dead daemon left at `path`.

    Raises:
        ConfigError: A living one is there, or no socket at all.
        OSError: It cannot be removed.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is there and is no socket.", "Name another --control-socket.")
    if answers(path):
        raise ConfigError(f"Another livecam listens at {path}.", "Stop it, or name another --control-socket.")
    path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within it, no other daemon clears or binds a socket in `folder`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
