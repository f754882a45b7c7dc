"""The panel, served: a thread of its own on this machine's loopback address."""

import logging

from livecam.control.web.application import Panel
from livecam.control.web.keys import Keys
from livecam.control.web.port import PanelPort
from livecam.errors import ConfigError, SinkLost
from livecam.output.local_server import HOST, PORTS_TRIED, LocalServer, listen

log = logging.getLogger(__name__)


class PanelServer:
    """Serves the panel. Nothing it does can hold up the run: it looks, and gives orders to the desk.

    Args:
        port: The run.
        wanted: Port number; the next free one is used when it is taken, 0 takes any.
        keys: The secrets; made up when none are given.
    """

    def __init__(self, port: PanelPort, wanted: int, keys: Keys | None = None) -> None:
        self._port = port
        self._wanted = wanted
        self._keys = keys or Keys()
        self._bound = 0
        self._server: LocalServer | None = None

    @property
    def url(self) -> str:
        """To be opened in a browser; it holds the secret. "" before the start."""
        return f"http://{HOST}:{self._bound}/?token={self._keys.token}" if self._bound else ""

    @property
    def picture_url(self) -> str:
        """For a browser source in OBS: nothing but the output picture. It holds a secret for that alone."""
        return f"http://{HOST}:{self._bound}/picture?token={self._keys.picture}" if self._bound else ""

    def start(self) -> None:
        """Begin to serve.

        Raises:
            ConfigError: No port is free, or the server does not start.
        """
        # Started again, it wants the port it had: pages that are open go on by themselves.
        wanted = self._bound or self._wanted
        listener = listen(wanted)
        if listener is None:
            last = min(wanted + PORTS_TRIED, 65536) - 1
            raise ConfigError(f"None of the ports {wanted} to {last} is free for the panel.", "Name one: --panel-port")
        self._bound = int(listener.getsockname()[1])
        panel = Panel(self._port, self._keys, self._bound)
        server = LocalServer("livecam-panel", listener, panel.app, panel.run, panel.end)
        try:
            server.begin()
        except SinkLost as error:
            raise ConfigError("The panel's server did not start.", "Start livecam without --panel.") from error
        self._server = server

    def stop(self) -> None:
        """Serve no more; pages that are open say so. Idempotent."""
        server, self._server = self._server, None
        if server is not None and not server.finish():
            log.warning("The panel's server did not stop in time.")
