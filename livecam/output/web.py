"""The browser preview: what is sent, as a page and a stream on this machine's loopback address."""

import logging
import secrets
import socket
from collections import deque

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.local_server import HOST, PORTS_TRIED, LocalServer, listen
from livecam.output.obs import ObsSettings, obs_settings
from livecam.output.preview_app import preview_app
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import Whole

_LOG = logging.getLogger("livecam.output")


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
        self._server: LocalServer | None = None
        self._feed: Feed | None = None
        self._port = port
        self.sent = 0

    @property
    def url(self) -> str:
        """The page's address with the token; empty before the first opening."""
        return f"http://{HOST}:{self._port}/?token={self._token}" if self._port else ""

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
        return self._feed.watchers if self._feed else 0

    @property
    def readers(self) -> int:
        """The same; see `livecam.core.readers.Readable`."""
        return self.watchers

    @property
    def encoded(self) -> int:
        """How many images were made since it was opened."""
        return self._feed.encoded if self._feed else 0

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
        feed = Feed(Whole(size), self._rate, self._quality, self._clock)
        app = preview_app(feed, self._token, self._status)
        server = LocalServer("livecam-web", listener, app, feed.run, feed.end)
        server.begin()
        self._server, self._feed, self._size = server, feed, size

    def send(self, cleared: Cleared) -> None:
        """Show one picture to those who watch.

        Raises:
            SinkLost: The server has stopped.
        """
        picture = fitting(cleared, self._size, "web")
        self._times.append(self._clock.now_ns())
        self._showing = cleared.how.value
        self.sent += 1
        if self._server is None or self._feed is None:
            return
        if not self._server.is_alive():
            raise SinkLost("The browser preview's server has stopped.", "It is started again.")
        self._feed.offer(picture)

    def close(self) -> None:
        """Stop the server; pages that are open say so."""
        server, self._server, self._feed, self._size = self._server, None, None, None
        if server is not None and not server.finish():
            _LOG.warning("The browser preview's server did not stop in time.")

    def _status(self) -> str:
        times = tuple(self._times)
        span_ns = times[-1] - times[0] if len(times) > 1 else 0
        fps = (len(times) - 1) * NS_PER_S / span_ns if span_ns else 0.0
        return f"{self._size or ''} · {fps:.1f} fps · {self._showing or 'waiting'} · {self.watchers} watching"


def _listen(port: int) -> socket.socket:
    """Listen on `port`, or on the next free one; 0 takes any.

    Raises:
        SinkLost: None of them is free.
    """
    listener = listen(port)
    if listener is None:
        last = min(port + PORTS_TRIED, 65536)
        raise SinkLost(
            f"None of the ports {port} to {last - 1} is free for the browser preview.", "Choose another: web:PORT."
        )
    return listener
