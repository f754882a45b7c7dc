"""What of a run is written into the audit log, besides what whoever does it notes by themselves."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from livecam.app.auditing import Auditor
from livecam.app.discreet import told_sink, told_spec
from livecam.app.exit import Exit
from livecam.app.presets import Presets
from livecam.core.persona import Persona
from livecam.core.seams import ControlPort
from livecam.core.settings import Mode, Settings
from livecam.core.spec import Spec

if TYPE_CHECKING:
    from livecam.app.daemon import Daemon
    from livecam.app.deeds import SourceKeeper

_READERS_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run, as it is watched over. All of it any thread, and none waits.

    Attributes:
        port: Takes commands.
        settings: In force.
        ready: The persona of a name, if it is ready to be worn.
        people: Names of personas that people besides the wearer are to wear.
        preset: Name of the one that serves.
        source: Where frames come from.
        sinks: Names of those in use, each with its kind before a colon.
        drop: Sends to one of them no more; raises `LivecamError`.
        readers: How many read; None where that cannot be told.
        programs: Names of those that do, as far as they can be told; takes a few milliseconds.
    """

    port: ControlPort
    settings: Callable[[], Settings]
    ready: Callable[[str], Persona | None]
    people: Callable[[], Sequence[str]]
    preset: Callable[[], str]
    source: Callable[[], Spec]
    sinks: Callable[[], Sequence[str]]
    drop: Callable[[str], str]
    readers: Callable[[], int | None]
    programs: Callable[[], Sequence[str]]


def overseen(daemon: "Daemon", presets: Presets, keeper: "SourceKeeper", way_out: Exit) -> Run:
    """A daemon's run."""

    def ready(name: str) -> Persona | None:
        return presets.current.wardrobe.get(name)

    def drop(name: str) -> str:
        # What was begun by an order is no sink of the configuration.
        ordered = name.startswith("record:") and str(daemon.deeds.recorder.path) in name
        return daemon.deeds.record(False) if ordered else way_out.outlets.remove(name)

    return Run(
        port=daemon,
        settings=daemon.settings,
        ready=ready,
        people=lambda: [name for _, name in presets.current.config.people.worn if name],
        preset=lambda: presets.name,
        source=lambda: keeper.spec,
        sinks=lambda: [sink.name for sink in way_out.states()],
        drop=drop,
        readers=way_out.readers,
        programs=lambda: programs_at([sink.name for sink in way_out.states()]),
    )


def programs_at(sinks: Sequence[str]) -> list[str]:
    """Names of the programs that read the virtual cameras among `sinks`, on Linux."""
    devices = {told_sink(name).partition(":")[2] for name in sinks}
    if sys.platform != "linux" or not any(device.startswith("/dev/") for device in devices):
        return []
    from livecam.output.loopback_readers import programs_reading  # needs what only Linux has

    return sorted({name for device in devices if device.startswith("/dev/") for name in programs_reading(device)})


def told_sinks(run: Run) -> list[str]:
    """Where pictures go, for the log."""
    return [told_sink(name) for name in run.sinks()]


class Witness:
    """Writes down what changes.

    Args:
        auditor: Writes.

    Attributes:
        panel: Whether somebody watches the previews of the control panel.
    """

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self._run: Run | None = None
        self._worn: dict[str, str] = {}
        self._preset = self._source = ""
        self._sinks: frozenset[str] = frozenset()
        self._readers: int | None = 0
        self._watched = False
        self._stops = False
        self._next_s = 0.0
        self.panel: Callable[[], bool] = lambda: False

    def begin(self, run: Run) -> None:
        """From here on `run` is watched."""
        self._preset, self._source, self._sinks = run.preset(), told_spec(run.source()), frozenset(told_sinks(run))
        self._run = run

    def stop(self) -> None:
        """What the run does to itself while it stops is nobody's order."""
        self._stops = True

    def changed(self, before: Settings, after: Settings) -> None:
        """Other settings are in force. Called in their order, by whoever changed them; never waits."""
        if self._stops:
            return
        note = self._auditor.note
        if after.panic is not before.panic:
            note("panic" if after.panic else "resume")
        if after.mode is not before.mode:
            note("passthrough", on=after.mode is Mode.PASSTHROUGH)
        if after.label is not before.label:
            note("label", on=after.label)
        if after.others is not before.others:
            note("others", they_are=str(after.others))
        if after.persona != before.persona:
            self._worn.pop(after.persona, None)
            self._wears(after.persona)

    def look(self, now_s: float) -> None:
        """See what has changed by itself. The thread that looks after the run, about ten times a second."""
        run = self._run
        if run is None:
            return
        for name in (run.settings().persona, *run.people()):
            self._wears(name)
        preset, source, sinks = run.preset(), told_spec(run.source()), frozenset(told_sinks(run))
        if preset != self._preset:
            self._auditor.note("preset", preset=preset)
        if source != self._source:
            self._auditor.note("source", source=source)
        if sinks != self._sinks:
            self._auditor.note("sinks", sinks=" ".join(sorted(sinks)))
        self._preset, self._source, self._sinks = preset, source, sinks
        if now_s >= self._next_s:
            self._next_s = now_s + _READERS_S
            self._consumers(run)

    def _wears(self, name: str) -> None:
        """A persona is worn, once it is known which one: its name may stand for other photos than yesterday."""
        persona = self._run.ready(name) if self._run is not None else None
        if persona is None or self._worn.get(name) == persona.digest:
            return
        self._worn[name] = persona.digest
        basis = str(persona.consent.basis)
        self._auditor.note("persona", persona=name, digest=persona.digest, basis=basis)

    def _consumers(self, run: Run) -> None:
        readers, watched = run.readers(), self.panel()
        if readers != self._readers and readers is not None:
            self._auditor.note("readers", readers=readers, programs=", ".join(run.programs() if readers else ()))
        if watched is not self._watched:
            self._auditor.note("panel", watched=watched)
        self._readers, self._watched = readers, watched
