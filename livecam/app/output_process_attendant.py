"""The output process's ear: who attaches, who is gone, and when it is time to end."""

import logging
import os
import select
import socket
from typing import Final

from livecam.app.output_process_served import Production, Server
from livecam.app.output_process_wire import ATTACH, END, LONGEST, RETIRE, is_dying, peer
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.seams import Clock

log = logging.getLogger(__name__)

_ROUND_S: Final = 0.02
_TELL_NS: Final = 100 * NS_PER_MS
_FIRST_WAIT_NS: Final = 10 * NS_PER_S
_MOST: Final = 8


class Attendant:
    """Listens to main processes, one of which may be attached at a time.

    Args:
        listener: Where they connect.
        server: Sends pictures.
        clock: The same in all processes.

    Attributes:
        ending: Set to end in order.
    """

    def __init__(self, listener: socket.socket, server: Server, clock: Clock) -> None:
        self._listener = listener
        self._server = server
        self._clock = clock
        self._connections: list[socket.socket] = []
        self._attached: socket.socket | None = None
        self._attached_pid = 0
        self._production: Production | None = None
        self._alone_since_ns = clock.now_ns()
        self._tell_ns = 0
        self.ending = False

    def run(self) -> None:
        """Listen until it is time to end."""
        while not self.ending and not self._over():
            self._round()
            self._server.look_after()
            if self._clock.now_ns() >= self._tell_ns:
                self.tell()

    def tell(self) -> None:
        """Let the main process know how the sinks are."""
        self._tell_ns = self._clock.now_ns() + _TELL_NS
        if self._production is not None:
            self._production.segment.text.write(self._server.text())

    def close(self) -> None:
        """Let go of all connections, which tells the main process that this one is done."""
        for connection in (*self._connections, self._listener):
            connection.close()

    def _over(self) -> bool:
        if self._attached is not None:
            return False
        patience_ns = self._production.terms.orphan_ns if self._production else _FIRST_WAIT_NS
        return self._server.broken or self._clock.now_ns() - self._alone_since_ns > patience_ns

    def _round(self) -> None:
        ready, _, _ = select.select([*self._connections, self._listener], [], [], _ROUND_S)
        # Who is gone is noticed before who is new is heard.
        for connection in [known for known in self._connections if known in ready]:
            self._hear(connection)
        if self._attached is not None and is_dying(self._attached_pid):
            self._drop(self._attached)
        if self._listener in ready:
            self._accept()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if len(self._connections) >= _MOST or peer(connection)[1] != os.getuid():
            connection.close()
            return
        connection.setblocking(False)
        self._connections.append(connection)

    def _hear(self, connection: socket.socket) -> None:
        try:
            message, handles, _, _ = socket.recv_fds(connection, LONGEST, 1)
        except OSError:
            message, handles = b"", []
        if message == ATTACH and len(handles) == 1:
            self._attach(connection, handles[0])
        elif message == RETIRE and self._attached is not None:
            self._answer(connection, f"busy {self._attached_pid}")
        elif message == RETIRE or (message == END and connection is self._attached):
            self.ending = True
        else:
            self._drop(connection)
        for handle in handles:
            os.close(handle)

    def _attach(self, connection: socket.socket, handle: int) -> None:
        if self._attached is not None:
            self._answer(connection, f"busy {self._attached_pid}")
            return
        try:
            self._production = self._server.serve(handle)
        except (ValueError, OSError) as error:
            self._answer(connection, f"refused {error}")
            return
        self._attached, self._attached_pid = connection, peer(connection)[0]
        log.info("Process %d sends from here on.", self._attached_pid)
        self._answer(connection, f"attached {os.getpid()} {self._clock.now_ns()}")

    def _answer(self, connection: socket.socket, text: str) -> None:
        try:
            connection.sendall(text.encode()[: LONGEST - 1] + b"\n")
        except OSError:
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        if connection is self._attached:
            self._attached = None
            self._alone_since_ns = self._clock.now_ns()
            if self._production is not None:
                self._production.cell.alive = False
            log.warning("The main process %d is gone: the slate goes out.", self._attached_pid)
        if connection in self._connections:
            self._connections.remove(connection)
        connection.close()
