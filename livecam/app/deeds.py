"""What a running daemon can be told to do, besides its settings; each is answered with what now holds."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from livecam.app.choose import choose_source
from livecam.app.outlets import Outlets
from livecam.app.overseeing import Overseer
from livecam.app.presets import Presets, with_preset
from livecam.app.recording import Recorder
from livecam.app.registry import make_source
from livecam.app.reload import Reloader
from livecam.capture.fit import FittedSource
from livecam.capture.switch import SwitchingSource
from livecam.config import Config, Paths, PresetName
from livecam.core.seams import Clock, SourceInfo
from livecam.core.spec import Spec, parse_spec
from livecam.errors import ConfigError, LivecamError

_DRAWN = frozenset({"synthetic", "file"})
"""Sources that do not show whoever sits before the computer."""


def shows_user(spec: Spec) -> bool:
    """Whether a source may show the user, live."""
    return spec.kind not in _DRAWN


class SourceKeeper:
    """Knows where frames come from, and has them come from elsewhere.

    Args:
        config: What is asked of sources.
        clock: Stamps.
        restarted: Called between two frames when another source takes over.

    Attributes:
        source: For the capture loop.
        spec: As chosen, of the source in use.

    Raises:
        ConfigError: The source is not known.
        ExtraMissing: A driver's package is not installed.
    """

    def __init__(self, config: Config, clock: Clock, restarted: Callable[[], None]) -> None:
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self.spec = choose_source(config.source.spec)
        self.source = SwitchingSource(self._made(self.spec), config.output_size, restarted)

    @property
    def shows_user(self) -> bool:
        """Whether the user may be seen now. Any thread."""
        return shows_user(self.spec)

    def replace(self, spec: Spec) -> SourceInfo:
        """Read from `spec`, which was chosen.

        Raises:
            LivecamError: It cannot be; the old source goes on.
        """
        with self._lock:
            same_device = (spec.kind, spec.target) == (self.spec.kind, self.spec.target) and shows_user(spec)
            before, made = self.spec, self._made(spec)
            if shows_user(spec):
                # Told before its first frame is.
                self.spec = spec
            try:
                # While the run rests the camera is closed, and stays so.
                info = self.source.settle(made) or self.source.replace(made, relay=same_device)
            except LivecamError:
                self.spec = before
                raise
            self.spec = spec
            return info

    def _made(self, spec: Spec) -> FittedSource:
        return FittedSource(make_source(spec, self._config.wish, self._clock), self._config.output_size)


@dataclass(frozen=True, slots=True)
class Deeds:
    """What can be done. Any thread.

    Attributes:
        paths: Where files are kept.
        outlets: Where pictures go.
        recorder: Records.
        presets: What swaps.
        keeper: Where frames come from.
        reloader: Reads the configuration again.
        why: Why there is only the slate.
        overseer: Keeps the policy and the audit log.
    """

    paths: Paths
    outlets: Outlets
    recorder: Recorder
    presets: Presets
    keeper: SourceKeeper
    reloader: Reloader
    why: Callable[[], str]
    overseer: Overseer

    def record(self, on: bool) -> str:
        """Begin a recording of what is sent, or end it.

        Raises:
            SinkError: It cannot be.
        """
        if on:
            self.overseer.demand_output("record")
        before = self.recorder.path
        said = self.recorder.start() if on else self.recorder.stop()
        file = self.recorder.path or before
        self.overseer.auditor.note("recording", on=on, file=file.name if file else "")
        return said

    def snapshot(self) -> str:
        """Keep the next picture that is cleared and not the slate.

        Raises:
            LivecamError: None came in time, or it cannot be written.
        """
        from livecam.app.snapshot import snapshot

        self.overseer.demand_output("snapshot")
        folder = recordings_folder(self.reloader.config, self.paths)

        def kept(path: Path) -> None:
            self.overseer.auditor.note("snapshot", file=path.name)

        return snapshot(self.outlets, folder, self.why, self.recorder.signer, kept)

    def reload(self) -> str:
        """Read the configuration again.

        Raises:
            LivecamError: It cannot be used, or part of it not be followed.
        """
        policy = self.overseer.reread()
        said = self.reloader()
        self.overseer.auditor.note("reload")
        return f"{policy} {said}".strip()

    def preset(self, name: PresetName) -> str:
        """Have other networks swap.

        Raises:
            LivecamError: They cannot be had; nothing changed.
        """
        config = with_preset(self.presets.current.config, self.reloader.config, name)
        if config.neural == self.presets.current.config.neural:
            return f"Preset {name}: {self.presets.current.provider}."
        return self.presets.change(config)

    def favourite(self, number: int) -> str:
        """The persona on that number.

        Raises:
            PersonaError: There is none.
        """
        from livecam.faces.favourites import Favourites, path_of

        return Favourites(path_of(self.paths.data), self.reloader.config.bank.favourites).name_of(number)

    def source(self, spec: str) -> str:
        """Take frames from elsewhere.

        Raises:
            LivecamError: They do not come from there; the old source goes on.
        """
        chosen = choose_source(parse_spec(spec))
        if shows_user(chosen) and self.presets.swaps_nothing():
            raise ConfigError(
                "Stand-ins swap nothing: your own face would be sent.",
                "Change the preset first: livecam ctl preset mesh",
            )
        info = self.keeper.replace(chosen)
        return f"Frames come from {info.name}, {info.size}."

    def sink(self, spec: str, on: bool) -> str:
        """Send to one more place, or to one less.

        Raises:
            LivecamError: It cannot be; nothing changed.
        """
        if on:
            self.overseer.demand_output(parse_spec(spec).kind)
            return f"Sent to {self.outlets.add(parse_spec(spec))} too."
        return f"No more sent to {self.outlets.remove(spec)}."


def recordings_folder(config: Config, paths: Paths) -> Path:
    """Where recordings and snapshots are kept that were given no path."""
    return config.output.recordings or paths.recordings
