"""One run of the live path, from configuration to report."""

import threading
from collections.abc import Callable, Collection
from weakref import ref

from livecam.app.account import Account
from livecam.app.ahead import ahead_of
from livecam.app.assemble import Assembly
from livecam.app.consented import ConsentedOutlets
from livecam.app.consenting import consenting_of
from livecam.app.deeds import Deeds, SourceKeeper, recordings_folder
from livecam.app.disclosing import Disclosing, new_session
from livecam.app.dressing import Dresser
from livecam.app.exit import inner_exit, outer_exit
from livecam.app.figures import Figure
from livecam.app.following import followed
from livecam.app.governing import Governing
from livecam.app.idling import idling_of
from livecam.app.outlets import Outlets
from livecam.app.overseeing import Overseer, ReadPolicy
from livecam.app.patience import stuck_watch
from livecam.app.presets import Presets, same_people
from livecam.app.provenance.signing import signer_of
from livecam.app.recording import Recorder
from livecam.app.reload import Reloader
from livecam.app.safety import content_gate
from livecam.app.witness import overseen
from livecam.config import Config, Paths
from livecam.config.policy_file import installed
from livecam.core.backoff import DEVICE_BANDS, INFERENCE_BANDS
from livecam.core.clock import MonotonicClock
from livecam.core.persona import Persona
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock, Processor, Sink
from livecam.core.settings import Command, Reply, SetPersona, Settings
from livecam.errors import ConfigError, ExtraMissing, ModelError, PersonaError, SinkGone, SourceGone
from livecam.output.tee import SinkState
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
        may_restart: Whether the run may end because a driver hangs, to be started again.
        read_policy: Reads what an administrator allows; the policy of this machine unless given.

    Attributes:
        deeds: What it can be told to do, besides its settings.
        reloader: Follows changes of the configuration.
        session: Number of this run, which the mark carries.
        disclosing: Marks and labels its pictures, and can be told what the label says.
        overseer: Keeps the policy and the audit log.

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
        may_restart: Callable[[], bool] = lambda: False,
        read_policy: ReadPolicy = installed,
    ) -> None:
        self._may_restart = may_restart
        self._paths = paths = paths or Paths.find()
        self.session = new_session()
        self.overseer = Overseer(config, paths, self.session, read_policy)
        self.config = config = self.overseer.config
        self._clock: Clock = MonotonicClock()
        self._telemetry = Telemetry()
        marks = self.overseer.policy.mark_enabled
        self.disclosing = Disclosing(config, paths, config.output_size, self.session, marks)
        self._keeper = SourceKeeper(config, self._clock, self._drop_tracks)
        first = self._assembled(config)
        self._presets = Presets(first, self._assembled, self.settings, lambda: self._keeper.shows_user)
        self._governing = Governing(config.governor, self._presets)
        self._presets.entered = self._governing.renew
        make_exit = outer_exit if config.output.process else inner_exit
        self._signer = signer_of(config, paths, self.session)
        counters = self._telemetry.output
        self._exit = make_exit(config, paths, self._clock, counters, heartbeat, self._signer.finished)
        self._cell = self._exit.cell
        self._cell.changed = self.overseer.witness.changed
        make = make_processor or self._disclosed
        self._content = content_gate(config, paths, self._cell.tighten, self.overseer.auditor.note)
        self._supervisor = self._wire(lambda: wrap_processor(self._content.wrap(make)))
        self._idling = idling_of(config.idle, self._exit, self._supervisor, self._inference, self._clock)
        note, way_out = self.overseer.auditor.note, self._exit
        self._consents = consenting_of(paths, self._presets, self._cell, way_out.states, note)
        why = self._consents.told
        self._account = Account(config, self._telemetry, self._clock, self._presets, self._keeper, way_out, why)
        self._do(read_config)
        self._started_ns = self._clock.now_ns()

    def _do(self, read_config: Callable[[], Config] | None) -> None:
        paths, outlets = self._paths, ConsentedOutlets(self._exit.outlets, self._consents.demand)
        self.reloader = Reloader(self.config, self.overseer.reading(read_config), {})
        self._dresser = Dresser(paths, self._presets, self.reloader)
        begun, worn = lambda: bool(self._presets.current.wearer), lambda: self._cell.current.persona
        # Weakly, so that what was relieved is freed.
        self._ahead = ahead_of(self.config, paths, self._prepare_ahead, worn, begun, lambda: ref(self._presets.current))
        recorder = Recorder(outlets, lambda: recordings_folder(self.reloader.config, paths), self._signer)
        why = self._account.why
        self.deeds = Deeds(paths, outlets, recorder, self._presets, self._keeper, self.reloader, why, self.overseer)
        gate, label, govern = (self._exit.hold, self._exit.repaint), self.disclosing.relabel, self._governing.follow
        for settings, apply in followed(self, self.deeds.source, outlets, self._presets, *gate, label, govern).items():
            self.reloader.follow(settings, apply)

    def _permit(self, persona: Persona) -> None:
        self.overseer.permit(persona)
        self._consents.admit(persona)

    def _prepare_ahead(self, name: str) -> Persona:
        # For whoever serves now alone: what comes next is still being built in another thread.
        return self._presets.current.wardrobe.prepare(name)

    def _assembled(self, config: Config, before: Assembly | None = None) -> Assembly:
        """An assembly; with `before`, another one for the people whom that swaps."""
        people = same_people(config, before) if before else None
        return Assembly(
            config,
            self._paths,
            live_face=self._keeper.shows_user,
            compiles=True,
            find_wearers=(lambda: people) if people else None,
            permit=self._permit,
            begun=before is not None,
            mark=self.disclosing.card_mark,
        )

    def _disclosed(self) -> Processor:
        return self.disclosing(self._presets.make_processor())

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
            self._governing.made(),
            self._presets.lend,
        )
        self._governing.govern = inference.govern
        source, fps = self._keeper.source, self.config.source.fps
        capture = CaptureLoop(source, frames, ready, clock, telemetry.capture, inference.forget, fps)
        return Supervisor(
            Worker("capture", capture, _CAPTURE),
            Worker("inference", inference, _INFERENCE),
            Worker("output", self._exit.loop, _OUTPUT),
            telemetry,
            self._cell,
            clock,
            stuck_watch(self.config, telemetry, lambda: source.changing),
            self._may_restart,
        )

    def dress(self, asked: Collection[str]) -> None:
        """Have the first persona worn as it is to be, but for the settings `asked` for by name. Before `start`."""
        self._dresser.begin(self._cell, asked)

    def start(self) -> None:
        """Start: the slate is out at once, the swap as soon as it is ready."""
        self.overseer.auditor.demand()
        self._started_ns = self._clock.now_ns()
        self._supervisor.start()
        self._ahead.start()
        self.overseer.begin(overseen(self, self._presets, self._keeper, self._exit))

    def check(self) -> Health:
        """Look after the threads, and after who reads; to be called about ten times a second."""
        health = self._supervisor.check()
        self._idling.look()
        self._dresser.look()
        self._consents.look()
        self.overseer.look()
        return health

    def submit(self, command: Command) -> Reply:
        """Apply a command and say what now holds. A persona is made ready before it is switched to.

        Raises:
            ConfigError: The policy forbids it; nothing changed.
            PersonaError: There is no such persona; nothing changed.
            ValueError: A value is out of range; nothing changed.
        """
        self.overseer.demand(command)
        if not isinstance(command, SetPersona):
            return self._cell.submit(command)
        self.overseer.permit(self._presets.prepare(command.name))
        self._consents.wear(command.name)
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
        self.overseer.witness.stop()
        try:
            self._supervisor.stop()
        finally:
            self._ahead.stop()
            self._presets.stop()
            self._content.stop()
            self._signer.close()
            self.overseer.stop(self._signer.told())

    def report(self) -> Report:
        """The run in numbers, so far."""
        restarts = self._supervisor.restarts + self._exit.restarts()
        return self._account.report(str(self._supervisor.state), restarts, self._started_ns, self._signer.told())
