"""How a run is going, and was: for the status line, for the socket, for the report."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from livecam.app import machine
from livecam.app.deeds import SourceKeeper
from livecam.app.exit import Exit
from livecam.app.figures import Figure, Figures
from livecam.app.outlets import public
from livecam.app.presets import Presets
from livecam.app.safety import told
from livecam.config import Config
from livecam.core.cleared import Withheld
from livecam.core.seams import Clock
from livecam.runtime.report import About, Meter, Report, Status, make_report
from livecam.runtime.supervisor import Health
from livecam.runtime.telemetry import Telemetry


class Account:
    """What can be told of a run. It changes nothing.

    Args:
        config: Of the run.
        telemetry: Its counters.
        clock: Where time comes from.
        presets: What swaps.
        keeper: Where frames come from.
        way_out: Where pictures go.
        without: Why nobody is worn, where a consent has ended.

    Attributes:
        figures: Of the last seconds.
    """

    def __init__(
        self,
        config: Config,
        telemetry: Telemetry,
        clock: Clock,
        presets: Presets,
        keeper: SourceKeeper,
        way_out: Exit,
        without: Callable[[], str] = lambda: "",
    ) -> None:
        self._without = without
        self._config = config
        self._telemetry = telemetry
        self._clock = clock
        self._presets = presets
        self._keeper = keeper
        self._exit = way_out
        self._meter = Meter(telemetry, clock)
        self.figures = Figures(telemetry, clock)

    def status(self, health: Health) -> Status:
        """How things stand, for the status line. One thread."""
        fps, p50, p95 = self._meter.read()
        settings = self._exit.cell.current
        sinks = tuple(f"{sink.name}: {sink.problem}" if sink.problem else sink.name for sink in self._exit.states())
        return Status(
            fps=fps,
            age_p50_ms=p50,
            age_p95_ms=p95,
            dropped=self._meter.dropped(),
            state=health.state,
            showing=self._meter.showing(),
            persona=settings.persona,
            mode=settings.mode,
            provider=self._presets.current.provider,
            note=self._noted(health),
            sinks=sinks,
            tier=self._telemetry.inference.tier,
            wearer=self._presets.current.wearer,
        )

    def about(self) -> dict[str, Figure]:
        """What a status says besides. Any thread."""
        figures = self.figures.read()
        return {
            "preset": self._presets.name,
            "source": _without_password(self._keeper.spec.text),
            "size": str(self._config.output_size),
            "delay_ms": figures["delay_ms"],
            "figures": figures,
        }

    def why(self) -> str:
        """Why there is nothing to be seen, where that is not plain to be seen. Any thread."""
        if self._meter.showing() != "slate":
            return ""
        reason = self._telemetry.inference.reason
        if reason is Withheld.UNCOVERED:
            return "the face is turned away, or too much of it is hidden"
        if reason is Withheld.NO_PERSONA:
            return self._without()
        if reason is not Withheld.NO_WEARER:
            return told(reason) if reason is not None else ""
        enrolled = self._presets.current.enrolment
        return "nobody enrolled is in the picture" if enrolled else "somebody else than the wearer is in the picture"

    def report(self, state: str, restarts: int, started_ns: int, files: Sequence[Mapping[str, str]] = ()) -> Report:
        """The run in numbers, so far; `files` were kept."""
        settings, info, assembly = self._exit.cell.current, self._keeper.source.info, self._presets.current
        about = About(
            state=state,
            problem=assembly.note or assembly.remark,
            source=f"{info.name} {info.size} {info.detail}".strip() if info else "",
            sinks=tuple(_plain(asdict(sink)) for sink in self._exit.states()),
            persona=settings.persona,
            mode=settings.mode,
            size=str(self._config.output_size),
            provider=assembly.provider,
            wearer=assembly.wearer,
            peak_memory_mb=round(machine.peak_memory_mb(), 1),
            cpu_s=round(machine.cpu_s(), 2),
            versions=machine.versions(),
            thread_restarts=restarts,
            files=tuple(files),
        )
        return make_report(self._telemetry, about, started_ns, self._clock.now_ns())

    def _noted(self, health: Health) -> str:
        starting, problem = self._presets.current.note, health.problem or self._exit.problem()
        return starting or problem or self.why() or self._presets.note


def _plain(state: Mapping[str, object]) -> dict[str, object]:
    """A sink's state without the secret in a web address."""
    return {**state, "name": public(str(state["name"]))}


def _without_password(address: str) -> str:
    """A source's spec without what stands before an @ in it, since a status is pasted into reports."""
    return re.sub(r"//[^/@\s]*@", "//", address)
