"""A panel that is served, and a browser that was let in, for tests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from livecam.control.web.panel_server import PanelServer
from tests.control.web.pretend import PretendPanel

SHORT = httpx.Limits(keepalive_expiry=1.0)
"""A connection is asked nothing more long before the server cuts it, after 5 s: both at once would be an error."""


class Served:
    """A pretended run behind a real server."""

    def __init__(self) -> None:
        self.run = PretendPanel()
        self.server = PanelServer(self.run, 0)
        self.server.start()

    @property
    def base(self) -> str:
        return self.server.url.split("/?")[0]

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """One that was let in, and may change things."""
        headers = {"X-Livecam": "1"}
        with httpx.Client(base_url=self.base, headers=headers, timeout=60, verify=False, limits=SHORT) as client:
            assert client.get(self.server.url).status_code == 303
            yield client

    @contextmanager
    def showing(self, luma: int = 200) -> Iterator[None]:
        """Pictures come while the block runs."""
        stop = threading.Event()
        thread = threading.Thread(target=self.run.show, args=(stop, luma))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def wait_until(true: Callable[[], bool], what: str = "") -> None:
    """Wait until something holds; at most a minute."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what or "It never came true."
        time.sleep(0.005)
