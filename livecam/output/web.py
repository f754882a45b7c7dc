"""The browser preview: what is sent, as a page and a stream on this machine's loopback address."""

import asyncio
import logging
import secrets
import socket
import sys
import threading
import time
from collections import deque

import uvicorn
from starlette.types import ASGIApp

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.obs import ObsSettings, obs_settings
from livecam.output.preview_app import preview_app
from livecam.output.preview_feed import Feed

_LOG = logging.getLogger("livecam.output")
_HOST = "127.0.0.1"
_PORTS_TRIED = 20
_START_S = 5.0
_STOP_S = 1.5
_LOOK_S, _FAREWELL_S = 0.1, 0.3
# Small, so that a watcher who stalls finds few old images waiting.
_SEND_BUFFER = 256 * 1024


def make(spec: Spec, wish: SinkWish) -> "WebSink":
    """Build ``web``, ``web:PORT`` or ``web:PORT?rate=15&quality=70``.

    Raises:
        ConfigError: The port, rate or quality is out of range, or a parameter is unknown.
    """
    spec.known("rate", "quality")
    rate, quality = spec.number("rate", 30.0), spec.number("quality", 80)
    port = int(spec.target) if spec.target.isdecimal() else -1 if spec.target else 0
    if not 0 <= port <= 65535:
        raise ConfigError(f"{spec.text!r} must name a port in 1..65535, such as web:8765, or none.")
    if not (1 <= rate <= 60 and 1 <= quality <= 100):
        raise ConfigError(f"In {spec.text!r}, rate must lie in 1..60 and quality in 1..100.")
    return WebSink(port, wish.token, rate, int(quality))


class WebSink:
    """Serves a page, ``/stream.mjpg`` and ``/snapshot.jpg`` to who knows the token. Loopback only.

    JPEG images are made in the server's thread, and only while somebody watches; `send` copies one picture then, and
    does nothing else. A slow watcher gets the newest image when it is ready for one.

    Args:
        port: To listen on; 0 takes a free one. When it is taken, the next free one is used.
        token: Secret that every request must carry; made up when empty.
        rate: Most images a second.
        quality: Of the JPEG images, 1..100.
        clock: Where time comes from.

    Attributes:
        sent: How many pictures it was sent.
    """

    def __init__(
        self, port: int = 0, token: str = "", rate: float = 30.0, quality: int = 80, clock: Clock | None = None
    ) -> None:
        self._wanted = port
        self._token = token or secrets.token_urlsafe(24)
        self._rate = rate
        self._quality = quality
        self._clock = clock or MonotonicClock()
        self._times: deque[int] = deque(maxlen=60)
        self._showing = ""
        self._size: Size | None = None
        self._server: _Server | None = None
        self._port = port
        self.sent = 0

    @property
    def url(self) -> str:
        """The page's address with the token; empty before the first opening."""
        return f"http://{_HOST}:{self._port}/?token={self._token}" if self._port else ""

    @property
    def name(self) -> str:
        """Such as ``web:http://127.0.0.1:8765/?token=...``. It holds the secret."""
        note = f" (port {self._wanted} is taken)" if self._wanted not in (0, self._port) else ""
        return f"web:{self.url}{note}"

    @property
    def obs(self) -> tuple[ObsSettings, ...]:
        """What to enter in OBS; empty before the first opening. It holds the secret."""
        return obs_settings(self.name)

    @property
    def watchers(self) -> int:
        """How many tabs and programs are watching."""
        return self._server.feed.watchers if self._server else 0

    @property
    def encoded(self) -> int:
        """How many images were made since it was opened."""
        return self._server.feed.encoded if self._server else 0

    def open(self, size: Size, fps: float) -> None:
        """Start the server.

        Raises:
            SinkGone: A side is odd.
            SinkLost: No port is free, or the server did not start.
        """
        demand_even(size, "web")
        self.close()
        # Opened again, it wants the port it had: pages that are open go on by themselves.
        listener = _listen(self._port)
        self._port = int(listener.getsockname()[1])
        feed = Feed(size, self._rate, self._quality, self._clock)
        server = _Server(listener, feed, preview_app(feed, self._token, self._status))
        server.begin()
        self._server, self._size = server, size

    def send(self, cleared: Cleared) -> None:
        """Show one picture to those who watch.

        Raises:
            SinkLost: The server has stopped.
        """
        picture = fitting(cleared, self._size, "web")
        self._times.append(self._clock.now_ns())
        self._showing = cleared.how.value
        self.sent += 1
        if self._server is not None:
            self._server.offer(picture)

    def close(self) -> None:
        """Stop the server; pages that are open say so."""
        server, self._server, self._size = self._server, None, None
        if server is not None and not server.finish(_STOP_S):
            _LOG.warning("The browser preview's server did not stop in time.")

    def _status(self) -> str:
        times = tuple(self._times)
        span_ns = times[-1] - times[0] if len(times) > 1 else 0
        fps = (len(times) - 1) * NS_PER_S / span_ns if span_ns else 0.0
        return f"{self._size or ''} · {fps:.1f} fps · {self._showing or 'waiting'} · {self.watchers} watching"


class _Server(threading.Thread):
    """The server and its event loop."""

    def __init__(self, listener: socket.socket, feed: Feed, app: ASGIApp) -> None:
        super().__init__(name="livecam-web", daemon=True)
        self.feed = feed
        self._listener = listener
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            log_config=None,
            log_level="warning",
            # An access log would hold the token.
            access_log=False,
            server_header=False,
            limit_concurrency=64,
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
                self.finish(_STOP_S)
                raise SinkLost("The browser preview's server did not start.")
            time.sleep(0.005)

    def offer(self, picture: Picture) -> None:
        """Show `picture` to those who watch.

        Raises:
            SinkLost: The server has stopped.
        """
        if not self.is_alive():
            raise SinkLost("The browser preview's server has stopped.", "It is started again.")
        self.feed.offer(picture)

    def finish(self, timeout_s: float) -> bool:
        """Stop, and wait for that; True when it came in time."""
        self.feed.end()
        self._uvicorn.should_exit = True
        self.join(timeout_s)
        self._listener.close()
        return not self.is_alive()

    def run(self) -> None:
        """Serve until told to finish."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        encoder = asyncio.create_task(self.feed.run())
        encoder.add_done_callback(self._encoder_ended)
        hanging_up = asyncio.create_task(self._hang_up())
        try:
            await self._uvicorn.serve(sockets=[self._listener])
        finally:
            encoder.cancel()
            hanging_up.cancel()

    async def _hang_up(self) -> None:
        """At the end, cut off who has stopped reading: the server would wait for them, and complain on the terminal."""
        while not self._uvicorn.should_exit:
            await asyncio.sleep(_LOOK_S)
        await asyncio.sleep(_FAREWELL_S)
        for connection in tuple(self._uvicorn.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _encoder_ended(self, encoder: asyncio.Task[None]) -> None:
        # Without images there is nothing to serve: the thread ends, and the sink is lost and opened again.
        self._uvicorn.should_exit = True
        if not encoder.cancelled() and (error := encoder.exception()):
            _LOG.error("The browser preview could not encode a picture.", exc_info=error)


def _listen(port: int) -> socket.socket:
    """Listen on `port`, or on the next free one; 0 takes any.

    Raises:
        SinkLost: None of them is free.
    """
    last = min(port + _PORTS_TRIED, 65536)
    for candidate in range(port, last) if port else (0,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                # On Windows this would share the port with whoever has it; elsewhere it skips the wait after a close.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            listener.bind((_HOST, candidate))
            listener.listen(16)
        except OSError as error:
            listener.close()
            _LOG.debug("Port %d: %s", candidate, error)
        else:
            return listener
    raise SinkLost(
        f"None of the ports {port} to {last - 1} is free for the browser preview.", "Choose another: web:PORT."
    )
