"""A stretch of network between a client and a server, that can go dead without a word, as a pulled cable does."""

import contextlib
import socket
import threading
from types import TracebackType


class Relay:
    """Passes on what comes to `port`, until it is told to swallow it.

    Connections that were there when it went dead stay dead; those made afterwards are connected, but nothing comes.

    Args:
        target: Port of the server, on this machine.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._dead = threading.Event()
        self._open: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._threads = [threading.Thread(target=self._welcome)]
        self._threads[0].start()

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._door, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(60)

    def die(self) -> None:
        """From now on, nothing gets through."""
        self._dead.set()

    def revive(self) -> None:
        """What is connected from now on gets through."""
        self._dead = threading.Event()

    def _welcome(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open += [near, far]
            for here, there in ((near, far), (far, near)):
                thread = threading.Thread(target=_pass_on, args=(here, there, self._dead))
                self._threads.append(thread)
                thread.start()


def _pass_on(here: socket.socket, there: socket.socket, dead: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := here.recv(1 << 16):
            if not dead.is_set():
                there.sendall(data)
        if not dead.is_set():
            there.shutdown(socket.SHUT_WR)
