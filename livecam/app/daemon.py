"""One run of the live path, from configuration to report."""

import threading
from collections.abc import Callable

from livecam.app.account import Account
from livecam.app.ahead import ahead_of
from livecam.app.assemble import Assembly
from livecam.app.deeds import Deeds, SourceKeeper, recordings_folder
from livecam.app.disclosing import disclosed, new_session
from livecam.app.dressing import Dresser
from livecam.app.exit import inner_exit, outer_exit
from livecam.app.figures import Figure
from livecam.app.following import followed
from livecam.app.idling import idling_of
from livecam.app.outlets import Outlets
from livecam.app.presets import Presets, same_people
from livecam.app.recording import Recorder
from livecam.app.reload import Reloader
from livecam.config import Config, Paths
from livecam.core.backoff import DEVICE_BANDS, INFERENCE_BANDS
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS
from livecam.core.persona import Persona
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock, Processor, Sink
from livecam.core.settings import Command, Reply, SetPersona, Settings
from livecam.errors import ConfigError, ExtraMissing, ModelError, PersonaError, SinkGone, SourceGone
from livecam.output.tee import SinkState
from livecam.runtime.governor import Governor, Rules
from livecam.runtime.heartbeat import Heartbeat
from livecam.runtime.loops import CaptureLoop, FrameSlot, InferenceLoop
from livecam.runtime.report import Report, Status
from livecam.runtime.supervisor import Health, Supervisor
from livecam.runtime.telemetry import Telemetry
from livecam.runtime.worker import Policy, Worker

CHECK_S = 0.1
"""How often the run is looked at."""

_CAPTURE = Policy(DEVICE_BANDS, (SourceGone, ConfigError))
_INFERENCE = Policy(INFERENCE_BANDS, (ModelError, PersonaError, ConfigError, ExtraMissing), settle_s=1.0)
_OUTPUT = Policy(DEVICE_BANDS, (SinkGone, ConfigError))


class Daemon:
    """Threads, rings and drivers of one run.

    Args:
        config: Checked configuration.
        paths: Where files are kept; the user's own places unless given.
        make_processor: Builds what happens between the rings; the swap of the configured preset unless given.
        wrap_processor: Puts something around it, such as what looks at its frames.
        read_config: Reads the configuration again, from where it came, with the flags that were given.
        heartbeat: Told of every picture that was sent.

    Attributes:
        deeds: What it can be told to do, besides its settings.
        reloader: Follows changes of the configuration.
        session: Number of this run, which the mark carries.

    Raises:
        ConfigError: A source or sink is not known, or the slate picture cannot be read.
        ExtraMissing: A driver's package is not installed.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths | None = None,
        make_processor: Callable[[], Processor] | None = None,
        wrap_processor: Callable[[Processor], Processor] = lambda processor: processor,
        read_config: Callable[[], Config] | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.config = config
        self._paths = paths = paths or Paths.find()
        self._clock: Clock = MonotonicClock()
        self._telemetry = Telemetry()
        self.session = new_session()
        self._keeper = SourceKeeper(config, self._clock, self._drop_tracks)
        first = Assembly(config, paths, live_face=self._keeper.shows_user, compiles=True)
        self._presets = Presets(first, self._assembled, self.settings, lambda: self._keeper.shows_user)
        make_exit = outer_exit if config.output.process else inner_exit
        self._exit = make_exit(config, paths, self._clock, self._telemetry.output, heartbeat)
        self._cell = self._exit.cell
        make = make_processor or self._disclosed
        self._supervisor = self._wire(lambda: wrap_processor(make()))
        self._idling = idling_of(config.idle, self._exit, self._supervisor, self._inference, self._clock)
        self._account = Account(config, self._telemetry, self._clock, self._presets, self._keeper, self._exit)
        self._do(read_config)
        self._started_ns = self._clock.now_ns()

    def _do(self, read_config: Callable[[], Config] | None) -> None:
        outlets, paths = self._exit.outlets, self._paths
        self.reloader = Reloader(self.config, read_config, {})
        self._dresser = Dresser(paths, self._presets, self.reloader)
        begun, worn = lambda: bool(self._presets.current.wearer), lambda: self._cell.current.persona
        self._ahead = ahead_of(self.config, paths, self._prepare_ahead, worn, begun)
        recorder = Recorder(outlets, lambda: recordings_folder(self.reloader.config, paths))
        self.deeds = Deeds(paths, outlets, recorder, self._presets, self._keeper, self.reloader, self._account.why)
        for settings, apply in followed(self, self.deeds.source, outlets, self._presets, self._exit.hold).items():
            self.reloader.follow(settings, apply)

    def _prepare_ahead(self, name: str) -> Persona:
        # For whoever serves now alone: what comes next is still being built in another thread.
        return self._presets.current.wardrobe.prepare(name)

    def _assembled(self, config: Config, before: Assembly) -> Assembly:
        """Another assembly, for the people whom `before` swaps."""
        people = same_people(config, before)
        return Assembly(
            config,
            self._paths,
            live_face=self._keeper.shows_user,
            compiles=True,
            find_wearers=lambda: people,
        )

    def _disclosed(self) -> Processor:
        size = self.config.output_size
        return disclosed(self._presets.make_processor(), self.config, self._paths, size, self.session)

    def _drop_tracks(self) -> None:
        self._inference.forget()

    def _wire(self, make_processor: Callable[[], Processor]) -> Supervisor:
        size, telemetry, clock = self.config.output_size, self._telemetry, self._clock
        frames = LatestRing(lambda: FrameSlot(size))
        ready = threading.Event()
        self._inference = inference = InferenceLoop(
            make_processor,
            frames,
            self._exit.pictures,
            ready,
            self._cell,
            clock,
            telemetry.inference,
            self._governor(),
            self._presets.lend,
        )
        capture = CaptureLoop(self._keeper.source, frames, ready, clock, telemetry.capture, inference.forget)
        return Supervisor(
            Worker("capture", capture, _CAPTURE),
            Worker("inference", inference, _INFERENCE),
            Worker("output", self._exit.loop, _OUTPUT),
            telemetry,
            self._cell,
            clock,
        )

    def _governor(self) -> Governor | None:
        """Of what is configured; None where nothing can be given up."""
        ladder, governor = self._presets.current.ladder, self.config.governor
        if ladder is None:
            return None
        return Governor(ladder, Rules(int(governor.budget_ms * NS_PER_MS), int(governor.age_budget_ms * NS_PER_MS)))

    def start(self) -> None:
        """Start: the slate is out at once, the swap as soon as it is ready."""
        self._started_ns = self._clock.now_ns()
        self._supervisor.start()
        self._ahead.start()

    def check(self) -> Health:
        """Look after the threads, and after who reads; to be called about ten times a second."""
        health = self._supervisor.check()
        self._idling.look()
        return health

    def submit(self, command: Command) -> Reply:
        """Apply a command and say what now holds. A persona is made ready before it is switched to.

        Raises:
            PersonaError: There is no such persona; nothing changed.
            ValueError: A value is out of range; nothing changed.
        """
        if not isinstance(command, SetPersona):
            return self._cell.submit(command)
        self._presets.prepare(command.name)
        return self._dresser.wear(command, self._cell)

    def prepare(self, persona: str) -> None:
        """Make a persona ready ahead, so that a switch to it waits for nothing. Any thread.

        Raises:
            PersonaError: It cannot be.
        """
        self._presets.prepare(persona)

    def forget(self, persona: str) -> None:
        """Make it ready anew when it is worn or prepared next: it was changed or removed. Any thread."""
        self._presets.forget(persona)

    def settings(self) -> Settings:
        """In force. Any thread."""
        return self._cell.current

    @property
    def outlets(self) -> Outlets:
        """Where pictures go."""
        return self._exit.outlets

    def sinks(self) -> tuple[SinkState, ...]:
        """How each sink is doing. Any thread."""
        return self._exit.states()

    def add_sink(self, sink: Sink) -> None:
        """Send to `sink` too, which only listens: it is not shown among the sinks. Any thread; see `Tee.add`.

        Raises:
            SinkError: It cannot be opened, or the sinks are in another process.
        """
        self._exit.outlets.bring(sink, listens=True)

    def remove_sink(self, sink: Sink) -> None:
        """Send to it no more. Any thread.

        Raises:
            SinkError: It is not there.
        """
        self._exit.outlets.take(sink)

    def figures(self) -> dict[str, Figure]:
        """What the last seconds took; see `Figures.read`. Any thread."""
        return self._account.figures.read()

    def about(self) -> dict[str, Figure]:
        """What a status says besides: preset and source in use, the file of a recording, and `figures`. Any thread."""
        return {**self._account.about(), "recording": str(self.deeds.recorder.path or "")}

    def status(self, health: Health) -> Status:
        """How things stand, for the status line."""
        return self._account.status(health)

    def stop(self) -> None:
        """Stop everything; the slate goes out last.

        Raises:
            StopFailed: A thread did not end in time.
        """
        try:
            self._supervisor.stop()
        finally:
            self._ahead.stop()
            self._presets.stop()

    def report(self) -> Report:
        """The run in numbers, so far."""
        restarts = self._supervisor.restarts + self._exit.restarts()
        return self._account.report(str(self._supervisor.state), restarts, self._started_ns)
