"""One run of the live path, from configuration to report."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict

from livecam.app import machine
from livecam.app.assemble import Assembly
from livecam.app.choose import choose_source
from livecam.app.controls import Controls
from livecam.app.exit import inner_exit, outer_exit
from livecam.app.registry import make_source
from livecam.app.signals import stopping_on_signals
from livecam.capture.fit import FittedSource
from livecam.config import Config, Paths
from livecam.core.backoff import DEVICE_BANDS, INFERENCE_BANDS
from livecam.core.cleared import Withheld
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock, Processor
from livecam.core.settings import Command, Reply, SetPersona, Settings
from livecam.errors import (
    ConfigError,
    ExtraMissing,
    LivecamError,
    ModelError,
    PersonaError,
    SinkGone,
    SourceEnded,
    SourceGone,
)
from livecam.runtime.governor import Governor, Rules
from livecam.runtime.loops import CaptureLoop, FrameSlot, InferenceLoop
from livecam.runtime.report import About, Meter, Report, Status, make_report
from livecam.runtime.supervisor import Health, State, Supervisor
from livecam.runtime.telemetry import Telemetry
from livecam.runtime.worker import Policy, Worker

log = logging.getLogger(__name__)

CHECK_S = 0.1
"""How often the run is looked at."""

_CAPTURE = Policy(DEVICE_BANDS, (SourceGone, ConfigError))
_INFERENCE = Policy(INFERENCE_BANDS, (ModelError, PersonaError, ConfigError, ExtraMissing))
_OUTPUT = Policy(DEVICE_BANDS, (SinkGone, ConfigError))


class Daemon:
    """Threads, rings and drivers of one run.

    Args:
        config: Checked configuration.
        paths: Where files are kept; the user's own places unless given.
        make_processor: Builds what happens between the rings; the mesh swap unless given.

    Raises:
        ConfigError: A source or sink is not known, or the slate picture cannot be read.
        ExtraMissing: A driver's package is not installed.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths | None = None,
        make_processor: Callable[[], Processor] | None = None,
    ) -> None:
        self.config = config
        self._clock: Clock = MonotonicClock()
        self._telemetry = Telemetry()
        spec = choose_source(config.source.spec)
        live_face = spec.kind not in {"synthetic", "file"}
        self._assembly = Assembly(config, paths or Paths.find(), live_face=live_face, compiles=True)
        make_exit = outer_exit if config.output.process else inner_exit
        self._exit = make_exit(config, paths or Paths.find(), self._clock, self._telemetry.output)
        self._cell = self._exit.cell
        source = make_source(spec, config.wish, self._clock)
        self._source = FittedSource(source, config.output_size)
        self._supervisor = self._wire(make_processor or self._assembly.make_processor)
        self._meter = Meter(self._telemetry, self._clock)
        self._started_ns = self._clock.now_ns()

    def _wire(self, make_processor: Callable[[], Processor]) -> Supervisor:
        size, telemetry, clock = self.config.output_size, self._telemetry, self._clock
        frames = LatestRing(lambda: FrameSlot(size))
        ready = threading.Event()
        inference = InferenceLoop(
            make_processor,
            frames,
            self._exit.pictures,
            ready,
            self._cell,
            clock,
            telemetry.inference,
            self._governor(),
        )
        self._capture = CaptureLoop(self._source, frames, ready, clock, telemetry.capture, inference.forget)
        return Supervisor(
            Worker("capture", self._capture, _CAPTURE),
            Worker("inference", inference, _INFERENCE),
            Worker("output", self._exit.loop, _OUTPUT),
            telemetry,
            self._cell,
            clock,
        )

    def _governor(self) -> Governor | None:
        """Of what is configured; None where nothing can be given up."""
        ladder, governor = self._assembly.ladder, self.config.governor
        if ladder is None:
            return None
        return Governor(ladder, Rules(int(governor.budget_ms * NS_PER_MS), int(governor.age_budget_ms * NS_PER_MS)))

    def start(self) -> None:
        """Start: the slate is out at once, the swap as soon as it is ready."""
        self._started_ns = self._clock.now_ns()
        self._supervisor.start()

    def check(self) -> Health:
        """Look after the threads; to be called about ten times a second."""
        return self._supervisor.check()

    def submit(self, command: Command) -> Reply:
        """Apply a command and say what now holds. A persona is made ready before it is switched to.

        Raises:
            PersonaError: There is no such persona; nothing changed.
            ValueError: A value is out of range; nothing changed.
        """
        if isinstance(command, SetPersona):
            self._assembly.wardrobe.prepare(command.name)
        return self._cell.submit(command)

    def settings(self) -> Settings:
        """In force. Any thread."""
        return self._cell.current

    def status(self, health: Health) -> Status:
        """How things stand, for the status line."""
        fps, p50, p95 = self._meter.read()
        settings = self._cell.current
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
            provider=self._assembly.provider,
            note=self._assembly.note or health.problem or self._exit.problem() or self._why() or self._assembly.remark,
            sinks=sinks,
            tier=self._telemetry.inference.tier,
            wearer=self._assembly.wearer,
        )

    def _why(self) -> str:
        """Why there is nothing to be seen, where that is not plain to be seen."""
        if self._meter.showing() != "slate":
            return ""
        reason = self._telemetry.inference.reason
        if reason is Withheld.UNCOVERED:
            return "the face is turned away, or too much of it is hidden"
        if reason is not Withheld.NO_WEARER:
            return ""
        enrolled = self._assembly.enrolment
        return "nobody enrolled is in the picture" if enrolled else "somebody else than the wearer is in the picture"

    def stop(self) -> None:
        """Stop everything; the slate goes out last.

        Raises:
            StopFailed: A thread did not end in time.
        """
        try:
            self._supervisor.stop()
        finally:
            self._assembly.stop()

    def report(self) -> Report:
        """The run in numbers, so far."""
        settings, info = self._cell.current, self._capture.info
        about = About(
            state=self._supervisor.state,
            problem=self._assembly.note or self._assembly.remark,
            source=f"{info.name} {info.size} {info.detail}".strip() if info else "",
            sinks=tuple(_plain(asdict(state)) for state in self._exit.states()),
            persona=settings.persona,
            mode=settings.mode,
            size=str(self.config.output_size),
            provider=self._assembly.provider,
            wearer=self._assembly.wearer,
            peak_memory_mb=round(machine.peak_memory_mb(), 1),
            cpu_s=round(machine.cpu_s(), 2),
            versions=machine.versions(),
            thread_restarts=self._supervisor.restarts + self._exit.restarts(),
        )
        return make_report(self._telemetry, about, self._started_ns, self._clock.now_ns())


def _plain(state: Mapping[str, object]) -> dict[str, object]:
    """A sink's state without the secret in a web address."""
    name = str(state["name"])
    return {**state, "name": name.partition("?token=")[0]}


def run(
    config: Config,
    on_status: Callable[[Status], None] | None = None,
    stop: threading.Event | None = None,
    paths: Paths | None = None,
) -> Report:
    """Run until the time is over, the source has ended, a signal came or `stop` is set; returns the run's numbers.

    Args:
        config: Checked configuration; `run.report` names a file for the numbers.
        on_status: Called about ten times a second in this thread.
        stop: Ends the run in order when set.
        paths: Where files are kept; the user's own places unless given.

    Raises:
        LivecamError: The run ended in another way than asked for; the report was written all the same.
    """
    stop = stop or threading.Event()
    daemon = Daemon(config, paths)
    controls = Controls(daemon, config, paths or Paths.find())
    with stopping_on_signals(stop):
        daemon.start()
        try:
            controls.start()
            error = _watch(daemon, config.run.seconds, controls.showing(on_status), stop)
        except ConfigError as refused:
            error = refused
        finally:
            controls.stop()
        try:
            daemon.stop()
        except LivecamError as stuck:
            error = error or stuck
    report = daemon.report()
    if config.run.report is not None:
        report.write(config.run.report)
    if error is not None and not isinstance(error, SourceEnded):
        raise error
    return report


def _watch(
    daemon: Daemon, seconds: float, on_status: Callable[[Status], None] | None, stop: threading.Event
) -> LivecamError | None:
    """Look after the daemon until its end; what ended it, unless it was asked to end."""
    clock = MonotonicClock()
    end_ns = clock.now_ns() + int(seconds * NS_PER_S) if seconds else None
    while True:
        health = daemon.check()
        if on_status is not None:
            on_status(daemon.status(health))
        if health.ended or health.state is State.FAILED:
            return health.error
        left_s = CHECK_S if end_ns is None else min(CHECK_S, (end_ns - clock.now_ns()) / NS_PER_S)
        if left_s <= 0 or stop.wait(left_s):
            return None
