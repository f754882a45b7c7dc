"""The control socket of Linux and macOS: a Unix socket, for this user alone."""

import fcntl
import logging
import os
import socket
import stat
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from livecam.control.desk import Desk
from livecam.control.lines import JOIN_S, LONGEST_BYTES, Crowd
from livecam.control.place import answers, sweep
from livecam.errors import ConfigError

log = logging.getLogger(__name__)

SEND_S: Final = 1.0
"""A reader that takes longer for a line is dropped."""

_POLL_S: Final = 0.2
_LONGEST_ADDRESS: Final = 103
"""Bytes of a Unix socket's path that every system takes (macOS, with its 104, takes least)."""


class _SocketWire:
    """See `Wire`.

    Args:
        connection: Owned from here on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(SEND_S)

    def receive(self) -> bytes | None:
        try:
            return self._connection.recv(LONGEST_BYTES) or None
        except TimeoutError:
            return b""

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def cut(self) -> None:
        with suppress(OSError):  # it was cut already
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._connection.close()


class ControlServer:
    """Listens at one path of the file system, for this user alone.

    Args:
        desk: Follows the orders.
        path: Of the socket.

    Attributes:
        path: The same.
        crowd: Those whom it serves.
    """

    def __init__(self, desk: Desk, path: Path) -> None:
        self.path = path
        self.crowd = Crowd(desk)
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
        self.crowd.stopping.set()
        if self._listener is None:
            return
        self._thread.join(JOIN_S)
        self._listener.close()
        self._listener = None
        self.crowd.end()
        if self._made is not None and _identity(self.path) == self._made:
            self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self._listener is not None, "start() makes it"
        while not self.crowd.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                log.warning("The control socket does not take a connection: %s", error)
                self.crowd.stopping.wait(_POLL_S)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        if not is_own(connection):
            log.warning("Another user tried to control livecam and was refused.")
            connection.close()
            return
        self.crowd.admit(_SocketWire(connection))


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
