"""A web server on this machine's loopback address, with a thread and an event loop of its own."""

import asyncio
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from livecam.errors import SinkLost

_LOG = logging.getLogger("livecam.output")
HOST = "127.0.0.1"
PORTS_TRIED = 20
_START_S = 5.0
_STOP_S = 1.5
_LOOK_S, _FAREWELL_S = 0.1, 0.3
_MOST_AT_ONCE = 64
_MOST_OPEN = 48
# Small, so that a watcher who stalls finds few old images waiting.
_SEND_BUFFER = 256 * 1024


class LocalServer(threading.Thread):
    """A server and its event loop.

    Args:
        name: Of the thread.
        listener: From `listen`; closed at the end.
        app: What is served.
        beside: Runs in the event loop as long as the server does; when it ends, so does the server.
        farewell: Called first when the server is to stop, to end answers that have no end of their own.
    """

    def __init__(
        self,
        name: str,
        listener: socket.socket,
        app: ASGIApp,
        beside: Callable[[], Coroutine[None, None, None]],
        farewell: Callable[[], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._listener = listener
        self._beside = beside
        self._farewell = farewell
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            http=_Connection,
            loop="asyncio",
            log_config=None,
            log_level="warning",
            # An access log would hold the token.
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)

    def begin(self) -> None:
        """Start, and wait until it answers.

        Raises:
            SinkLost: It does not.
        """
        self.start()
        deadline = time.monotonic() + _START_S
        while not self._uvicorn.started:
            if not self.is_alive() or time.monotonic() > deadline:
                self.finish()
                raise SinkLost(f"The server {self.name} did not start.")
            time.sleep(0.005)

    def finish(self, timeout_s: float = _STOP_S) -> bool:
        """Stop, and wait for that; True when it came in time."""
        self._farewell()
        self._uvicorn.should_exit = True
        self.join(timeout_s)
        self._listener.close()
        return not self.is_alive()

    def run(self) -> None:
        """Serve until told to finish."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        beside = asyncio.create_task(self._beside())
        beside.add_done_callback(self._beside_ended)
        hanging_up = asyncio.create_task(self._hang_up())
        try:
            await self._uvicorn.serve(sockets=[self._listener])
        finally:
            beside.cancel()
            hanging_up.cancel()

    async def _hang_up(self) -> None:
        """At the end, cut off who has stopped reading: the server would wait for them, and complain on the terminal."""
        while not self._uvicorn.should_exit:
            await asyncio.sleep(_LOOK_S)
        await asyncio.sleep(_FAREWELL_S)
        for connection in tuple(self._uvicorn.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _beside_ended(self, beside: asyncio.Task[None]) -> None:
        # Without what runs beside it there is nothing to serve: the thread ends, and its owner sees that.
        self._uvicorn.should_exit = True
        if not beside.cancelled() and (error := beside.exception()):
            _LOG.error("The server %s failed beside its answers.", self.name, exc_info=error)


class _Connection(H11Protocol):
    """One connection. Where too many are open, the one that asks for nothing and came first has to go.

    Everybody on this machine may connect, and only then has to show the token: without this, another user could keep
    the daemon's own from it, and take all the files that it may have open, by connections that say nothing.
    """

    came = 0.0
    sent_off = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self.came = self.loop.time()
        others = [other for other in self.connections if isinstance(other, _Connection) and not other.sent_off]
        idle = [other for other in others if other.is_idle()]
        if len(others) > _MOST_OPEN and idle:
            min(idle, key=lambda other: other.came).send_off()

    def is_idle(self) -> bool:
        """Whether no answer is being given."""
        return self.conn.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)

    def send_off(self) -> None:
        """Cut it."""
        self.sent_off = True
        self.transport.abort()


def listen(port: int) -> socket.socket | None:
    """Listen on `port`, or on the next free one of `PORTS_TRIED`; 0 takes any. None when none of them is free."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)) if port else (0,):
        # Named TCP, for only then asyncio sends small answers at once instead of 40 ms later.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if sys.platform != "win32":
                # On Windows this would share the port with whoever has it; elsewhere it skips the wait after a close.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            listener.bind((HOST, candidate))
            listener.listen(16)
        except OSError as error:
            listener.close()
            _LOG.debug("Port %d: %s", candidate, error)
        else:
            return listener
    return None
