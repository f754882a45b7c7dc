"""The control panel of a run, put together: the server, what it shows, and where it looks into the run."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from livecam.app.keys import kept_secret
from livecam.app.outlets import Outlets, public
from livecam.app.panel_around import Around
from livecam.app.panel_bank import PanelBank
from livecam.app.taps import CameraTap, OutputTap
from livecam.config import Config, Paths
from livecam.control.desk import Desk, Json
from livecam.control.web.keys import Keys
from livecam.control.web.log_lines import LogLines
from livecam.control.web.panel_server import PanelServer
from livecam.control.web.port import Side
from livecam.core.settings import Settings
from livecam.errors import ConfigError, LivecamError
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import SmallImage, SmallPicture, Whole
from livecam.output.tee import SinkState

log = logging.getLogger(__name__)

WIDTH: Final = 640
"""Of previews, px."""

RATE: Final = 15.0
_QUALITY: Final = 70
_PICTURE_QUALITY: Final = 85
_SECRET_FILE: Final = "picture-token"


class Watched(Protocol):
    """A run as the panel needs it. Any thread; all O(1) but `bring` and `take` of its outlets."""

    @property
    def outlets(self) -> Outlets:
        """Where pictures go."""
        ...

    def settings(self) -> Settings:
        """In force."""
        ...

    def figures(self) -> Mapping[str, Json]:
        """Durations, ages and drops of the last seconds."""
        ...

    def sinks(self) -> Sequence[SinkState]:
        """How each sink is doing."""
        ...

    def forget(self, persona: str) -> None:
        """Make it ready anew when it is worn next."""
        ...


class _Port:
    """A run as the panel's server needs it."""

    def __init__(
        self, run: Watched, desk: Desk, status: Callable[[], Mapping[str, Json]], view: "_View", around: "Around"
    ) -> None:
        self._run = run
        self._status = status
        self._view = view
        self._around = around
        self.desk = desk
        self.log = LogLines()
        self.bank = PanelBank(around.config, around.paths, view.camera, self._worn, self._changed)

    def _worn(self) -> str:
        return self._run.settings().persona

    def _changed(self, name: str) -> None:
        self._run.forget(name)
        if name == self._worn():
            # What is worn now is what it was before.
            self.desk.follow(f"persona {name}")

    def settings(self) -> Settings:
        return self._run.settings()

    def status(self) -> Mapping[str, Json]:
        # The figures are told by themselves, and less often.
        return {name: value for name, value in self._status().items() if name != "figures"}

    def figures(self) -> Mapping[str, Json]:
        return self._run.figures()

    def cameras(self) -> Sequence[Mapping[str, Json]]:
        return self._around.cameras()

    def outputs(self) -> Mapping[str, Json]:
        return {"outputs": [_sink(state) for state in self._run.sinks()], "available": self._around.available()}

    def doctor(self) -> Sequence[Mapping[str, Json]]:
        return self._around.doctor()

    def presets(self) -> Sequence[Mapping[str, Json]]:
        return self._around.presets()

    def previews(self) -> Mapping[Side, Feed | str]:
        return self._view.feeds()


class _View:
    """The two taps and the feeds they offer to."""

    def __init__(self, config: Config, outlets: Outlets, camera: CameraTap) -> None:
        self._size = config.output_size
        self._outlets = outlets
        self._output = OutputTap(config.output_size)
        self._no_output = ""
        self._shown: tuple[Feed, ...] = ()
        self.camera = camera

    def open(self) -> None:
        """Begin to look."""
        try:
            self._outlets.bring(self._output, listens=True)
        except LivecamError as error:
            self._no_output = str(error)

    def close(self) -> None:
        """Look no more."""
        self.camera.attach(None)
        self._output.attach(())
        if not self._no_output:
            # A sink that hangs keeps the others where they are; the run ends all the same.
            with suppress(LivecamError):
                self._outlets.take(self._output)

    @property
    def watched(self) -> bool:
        """Whether somebody watches one of them. Any thread."""
        return any(feed.watchers for feed in self._shown)

    def feeds(self) -> Mapping[Side, Feed | str]:
        """New ones, in place of those before."""
        shown = Feed(SmallImage(self._size, WIDTH), RATE, _QUALITY)
        self.camera.attach(shown)
        self._shown = (shown,)
        if self._no_output:
            return {Side.INPUT: shown, Side.OUTPUT: self._no_output, Side.PICTURE: self._no_output}
        small = Feed(SmallPicture(self._size, WIDTH), RATE, _QUALITY)
        whole = Feed(Whole(self._size), 60.0, _PICTURE_QUALITY)
        self._output.attach((small, whole))
        self._shown = (shown, small, whole)
        return {Side.INPUT: shown, Side.OUTPUT: small, Side.PICTURE: whole}


class PanelPart:
    """The panel as one of the ways in to a run.

    Args:
        run: What is shown.
        desk: Where orders go.
        status: How the run goes, as the socket tells it.
        camera: Sees the frames of the run.
        config: Of the run.
        paths: Where files are.
        doctor_flags: Flags of this run, so that the doctor judges it and not the usual one.
    """

    def __init__(
        self,
        run: Watched,
        desk: Desk,
        status: Callable[[], Mapping[str, Json]],
        camera: CameraTap,
        config: Config,
        paths: Paths,
        doctor_flags: Sequence[str] = (),
    ) -> None:
        self._view = _View(config, run.outlets, camera)
        self._port = _Port(run, desk, status, self._view, Around(config, paths, doctor_flags))
        keys = Keys(kept_secret(paths.data / _SECRET_FILE))
        self._server = PanelServer(self._port, round(config.panel.port), keys)
        self._open = False

    @property
    def url(self) -> str:
        """To be opened in a browser; it holds the secret. "" before the start."""
        return self._server.url

    @property
    def watched(self) -> bool:
        """Whether somebody watches one of its previews. Any thread."""
        return self._view.watched

    @property
    def picture_url(self) -> str:
        """For a browser source in OBS; the same in every run that gets the same port. "" before the start."""
        return self._server.picture_url

    def start(self) -> None:
        """Open the panel.

        Raises:
            ConfigError: No port is free.
        """
        logging.getLogger("livecam").addHandler(self._port.log)
        self._view.open()
        self._open = True
        try:
            self._server.start()
        except ConfigError:
            self.stop()
            raise

    def stop(self) -> None:
        """Close it. Idempotent."""
        if not self._open:
            return
        self._open = False
        self._server.stop()
        self._view.close()
        logging.getLogger("livecam").removeHandler(self._port.log)


def _sink(state: SinkState) -> Mapping[str, Json]:
    name = public(state.name)
    return {"spec": name, "name": name, "open": state.open, "problem": state.problem}
