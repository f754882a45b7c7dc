"""The ways in to a run, put together: the control socket and the hotkeys."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final, Protocol

from livecam.config import USUAL, Config, HotkeysConfig, Paths
from livecam.control.chords import bindings
from livecam.control.desk import Desk, Json
from livecam.control.hotkeys import Hotkeys, desktop_keys, installed
from livecam.control.place import folder, make_private, own_socket
from livecam.core.seams import ControlPort
from livecam.core.settings import Command, Reply, SetPersona, Settings
from livecam.errors import ConfigError, LivecamError, PersonaError
from livecam.runtime.report import Status
from livecam.runtime.supervisor import State

log = logging.getLogger(__name__)

Show = Callable[[Status], None]

_SECRET: Final = "?token="


class Controlled(ControlPort, Protocol):
    """What can be controlled: a daemon. Any thread."""

    def settings(self) -> Settings:
        """In force."""
        ...


class Part(Protocol):
    """One of the ways in."""

    def stop(self) -> None:
        """Close it. Idempotent."""
        ...


class _Port:
    """A daemon as a desk needs it."""

    def __init__(self, daemon: Controlled, paths: Paths) -> None:
        self._daemon = daemon
        self._paths = paths
        self.seen: Mapping[str, Json] = {}

    def submit(self, command: Command) -> Reply:
        if isinstance(command, SetPersona) and self.seen.get("state", State.STARTING) == State.STARTING:
            # What makes a persona ready is itself still being made, in another thread.
            raise PersonaError("livecam is still starting.", "Change the persona in a moment.")
        return self._daemon.submit(command)

    def settings(self) -> Settings:
        return self._daemon.settings()

    def personas(self) -> Sequence[str]:
        from livecam.faces.library import PersonaLibrary  # brings OpenCV, which the slate does not wait for

        return PersonaLibrary(self._paths.personas, {}, self._paths.prepared).names()

    def status(self) -> Mapping[str, Json]:
        return self.seen


class Controls:
    """The control socket and the hotkeys of one run.

    Args:
        daemon: What is controlled.
        config: Sections ``control`` and ``hotkeys``.
        paths: Where personas are.

    Raises:
        ConfigError: A hotkey cannot be read.
    """

    def __init__(self, daemon: Controlled, config: Config, paths: Paths) -> None:
        self._port = _Port(daemon, paths)
        self._config = config
        self._bound = bindings(config.hotkeys.bound, USUAL)
        self._desk = Desk(self._port)
        self._parts: list[Part] = []

    def start(self) -> None:
        """Open the ways in. What nobody asked for by name and cannot be had is told in the log; the run goes on.

        Raises:
            ConfigError: The socket named in the configuration cannot be had.
        """
        self._open_socket()
        if self._config.control.hotkeys and self._bound:
            self._open_hotkeys()

    def _open_socket(self) -> None:
        named = self._config.control.socket
        if sys.platform == "win32":
            log.log(logging.WARNING if named else logging.INFO, "There is no control socket on Windows yet.")
            return
        from livecam.control.server import ControlServer  # needs what Windows lacks

        try:
            if named is None:
                make_private(folder())
            server = ControlServer(self._desk, named or own_socket())
            server.start()
        except ConfigError as error:
            if named is not None:
                raise
            log.warning("livecam ctl will not find this run. %s", error)
        else:
            self._parts.append(server)
            log.info("Controlled at %s", server.path)

    def _open_hotkeys(self) -> None:
        try:
            hotkeys = Hotkeys(self._bound, self._desk, desktop_keys(self._bound))
            hotkeys.start()
        except LivecamError as error:
            asked = installed() or self._config.hotkeys != HotkeysConfig()
            log.log(logging.WARNING if asked else logging.INFO, "%s", error)
        else:
            self._parts.append(hotkeys)

    def stop(self) -> None:
        """Close the ways in, before the run ends: nothing may resume what it covers then. Idempotent."""
        while self._parts:
            self._parts.pop().stop()

    def showing(self, show: Show | None) -> Show:
        """`show`, or nothing, with every status also kept for those who ask."""

        def both(status: Status) -> None:
            self._port.seen = _plain(status)
            if show is not None:
                show(status)

        return both


def _plain(status: Status) -> dict[str, Json]:
    """Without the secrets in web addresses, since a status is pasted into reports."""
    rounded = {"fps": round(status.fps, 1), "age_p50_ms": round(status.age_p50_ms, 1)}
    sinks = tuple(_without_secret(sink) for sink in status.sinks)
    return {**asdict(status), **rounded, "age_p95_ms": round(status.age_p95_ms, 1), "sinks": sinks}


def _without_secret(sink: str) -> str:
    address, found, rest = sink.partition(_SECRET)
    return address + rest[len(rest.split(":")[0]) :] if found else sink
