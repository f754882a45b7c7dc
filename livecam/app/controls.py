"""The ways in to a run, put together: the control socket and the hotkeys."""

import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from livecam.app.outlets import public
from livecam.config import USUAL, Config, HotkeysConfig, Paths, PresetName
from livecam.control.chords import bindings
from livecam.control.desk import Desk, Doing, Json
from livecam.control.hotkeys import Hotkeys, desktop_keys, installed
from livecam.control.place import folder, make_private, own_socket
from livecam.core.seams import ControlPort
from livecam.core.settings import Command, Reply, SetPersona, Settings
from livecam.errors import ConfigError, LivecamError
from livecam.runtime.report import Status
from livecam.runtime.supervisor import State

if TYPE_CHECKING:
    from livecam.control.pipe import PipeServer
    from livecam.control.server import ControlServer

log = logging.getLogger(__name__)

Show = Callable[[Status], None]

_ASIDE_S: Final = 0.5


class Controlled(ControlPort, Protocol):
    """What can be controlled: a daemon. Any thread."""

    @property
    def deeds(self) -> Doing:
        """What it can be told to do."""
        ...

    def settings(self) -> Settings:
        """In force."""
        ...

    def about(self) -> Mapping[str, Json]:
        """What a status says besides."""
        ...


class Part(Protocol):
    """One of the ways in."""

    def stop(self) -> None:
        """Close it. Idempotent."""
        ...


class _Port:
    """A daemon as a desk needs it."""

    def __init__(self, daemon: Controlled, paths: Paths, allows: Callable[[str], bool]) -> None:
        self._daemon = daemon
        self._paths = paths
        self._allows = allows
        self.seen: Mapping[str, Json] = {}
        self.reload_wanted = False
        self.panel_url: Callable[[], str] = lambda: ""

    def submit(self, command: Command) -> Reply:
        if isinstance(command, SetPersona):
            self._demand_started("Change the persona in a moment.")
        return self._daemon.submit(command)

    def _demand_started(self, later: str) -> None:
        """Refuse what uses that which is still being made, in another thread.

        Raises:
            LivecamError: It is.
        """
        if self.starting:
            raise LivecamError("livecam is still starting.", later)

    @property
    def starting(self) -> bool:
        """Whether that which swaps is still being made."""
        return self.seen.get("state", State.STARTING) == State.STARTING

    def settings(self) -> Settings:
        return self._daemon.settings()

    def personas(self) -> Sequence[str]:
        from livecam.faces.library import PersonaLibrary  # brings OpenCV, which the slate does not wait for

        names = PersonaLibrary(self._paths.personas, {}, self._paths.prepared).names()
        return [name for name in names if self._allows(name)] or names

    def status(self) -> Mapping[str, Json]:
        return {**self.seen, **self._daemon.about()} if self.seen else self.seen

    def panel(self) -> str:
        url = self.panel_url()
        if not url:
            raise LivecamError("This livecam has no panel.", "Start it with --panel.")
        return url

    def record(self, on: bool) -> str:
        return self._daemon.deeds.record(on)

    def snapshot(self) -> str:
        return self._daemon.deeds.snapshot()

    def reload(self) -> str:
        if self.starting:
            self.reload_wanted = True
            return "livecam is still starting: the configuration is read again as soon as it runs."
        return self._daemon.deeds.reload()

    def preset(self, name: PresetName) -> str:
        self._demand_started("Change the preset in a moment.")
        return self._daemon.deeds.preset(name)

    def favourite(self, number: int) -> str:
        return self._daemon.deeds.favourite(number)

    def source(self, spec: str) -> str:
        self._demand_started("Change the source in a moment.")
        return self._daemon.deeds.source(spec)

    def sink(self, spec: str, on: bool) -> str:
        return self._daemon.deeds.sink(spec, on)


class Controls:
    """The control socket and the hotkeys of one run.

    Args:
        daemon: What is controlled.
        config: Sections ``control`` and ``hotkeys``.
        paths: Where personas are.
        allows: Whether the policy lets a persona of that name be worn; ``next`` leaves the others out.

    Attributes:
        desk: Follows orders, whichever way they come in.

    Raises:
        ConfigError: A hotkey cannot be read.
    """

    def __init__(
        self, daemon: Controlled, config: Config, paths: Paths, allows: Callable[[str], bool] = lambda name: True
    ) -> None:
        self._port = _Port(daemon, paths, allows)
        self._config = config
        self._bound = bindings(config.hotkeys.bound, USUAL)
        self.desk = Desk(self._port)
        self._parts: list[Part] = []
        self._hotkeys: Hotkeys | None = None

    def start(self) -> None:
        """Open the ways in. What nobody asked for by name and cannot be had is told in the log; the run goes on.

        Raises:
            ConfigError: The socket named in the configuration cannot be had.
        """
        self._open_socket()
        if self._config.control.hotkeys and self._bound:
            self._open_hotkeys()

    def status(self) -> Mapping[str, Json]:
        """How the run goes, as the socket tells it; empty before it has begun. Any thread."""
        return self._port.status()

    def _open_socket(self) -> None:
        named = self._config.control.socket
        try:
            server = self._server(named)
            server.start()
        except ConfigError as error:
            if named is not None:
                raise
            log.warning("livecam ctl will not find this run. %s", error)
        else:
            self._parts.append(server)
            log.info("Controlled at %s", server.path)

    def _server(self, named: Path | None) -> "ControlServer | PipeServer":
        """A socket, or what Windows has instead; not yet open.

        Raises:
            ConfigError: The folder for sockets cannot be had.
        """
        if sys.platform == "win32":
            from livecam.control.pipe import PipeServer  # needed there alone

            return PipeServer(self.desk, str(named or own_socket()))
        from livecam.control.server import ControlServer  # needs what Windows lacks

        if named is None:
            make_private(folder())
        return ControlServer(self.desk, named or own_socket())

    def _open_hotkeys(self) -> bool:
        """Whether they could be had; the log says why not."""
        try:
            hotkeys = Hotkeys(self._bound, self.desk, desktop_keys(self._bound))
            hotkeys.start()
        except LivecamError as error:
            asked = installed() or self._config.hotkeys != HotkeysConfig()
            log.log(logging.WARNING if asked else logging.INFO, "%s", error)
            return False
        self._hotkeys = hotkeys
        self._parts.append(hotkeys)
        return True

    def follow(self, config: Config) -> str:
        """Listen for the keys of `config` from now on; what now holds.

        Raises:
            ConfigError: A hotkey cannot be read; the old ones hold.
            LivecamError: The system does not let it.
        """
        bound = bindings(config.hotkeys.bound, USUAL)
        self._config = replace(self._config, hotkeys=config.hotkeys, control=config.control)
        self._bound = bound
        if self._hotkeys is not None:
            # Aside, since it waits for its threads, and this may be one of them: a key can say reload.
            aside = threading.Thread(target=self._hotkeys.stop, name="hotkeys-stop", daemon=True)
            aside.start()
            aside.join(_ASIDE_S)
            self._parts.remove(self._hotkeys)
            self._hotkeys = None
        if not (config.control.hotkeys and bound):
            return "There are no hotkeys."
        if not self._open_hotkeys():
            raise LivecamError("There are no hotkeys: the log says why.")
        return f"{len(bound)} hotkeys."

    def show_panel(self, url: Callable[[], str]) -> None:
        """From now on `url` says where the panel is."""
        self._port.panel_url = url

    def reload(self) -> None:
        """Do as ``reload`` says, and tell in the log what came of it."""
        answer = self.desk.follow("reload")
        log.log(logging.INFO if answer.ok else logging.WARNING, "Reload: %s", answer.said)

    def stop(self) -> None:
        """Close the ways in, before the run ends: nothing may resume what it covers then. Idempotent."""
        while self._parts:
            self._parts.pop().stop()

    def showing(self, show: Show | None) -> Show:
        """`show`, or nothing, with every status also kept for those who ask."""

        def both(status: Status) -> None:
            self._port.seen = _plain(status)
            if self._port.reload_wanted and not self._port.starting:
                self._port.reload_wanted = False
                threading.Thread(target=self.reload, name="livecam-reload", daemon=True).start()
            if show is not None:
                show(status)

        return both


def _plain(status: Status) -> dict[str, Json]:
    """Without the secrets in web addresses, since a status is pasted into reports."""
    rounded = {"fps": round(status.fps, 1), "age_p50_ms": round(status.age_p50_ms, 1)}
    sinks = tuple(public(sink) for sink in status.sinks)
    ages = {"age_p95_ms": round(status.age_p95_ms, 1)}
    return {**asdict(status), **rounded, **ages, "sinks": sinks, "panel": public(status.panel)}
