"""The three loops of the daemon. Each has open, step and close, and runs without threads in the tests."""

import threading
from collections.abc import Callable

from livecam.core.cleared import Cleared, Finished, How, Withheld
from livecam.core.clock import Metronome
from livecam.core.frame import Frame, Size
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock, Processor, Sink, Source, SourceInfo
from livecam.core.settings import SettingsCell
from livecam.privacy.gate import Gate
from livecam.runtime.governing import TierKeeper
from livecam.runtime.governor import Governor
from livecam.runtime.phase import PhaseFollower
from livecam.runtime.slots import FrameSlot, PictureReader, PictureSlot, PictureWriter, SettingsView
from livecam.runtime.telemetry import CaptureCounters, InferenceCounters, OutputCounters

__all__ = ["CaptureLoop", "FrameSlot", "InferenceLoop", "OutputLoop", "PictureSlot"]

IDLE_WAIT_S = 0.1


class CaptureLoop:
    """Source -> ring A.

    Args:
        source: Delivers images of the ring's size.
        ring: Ring A.
        ready: Set after every publication, to wake inference.
        restarted: Called after the source was opened, so that tracks of the old scene are dropped.
    """

    def __init__(
        self,
        source: Source,
        ring: LatestRing[FrameSlot],
        ready: threading.Event,
        clock: Clock,
        counters: CaptureCounters,
        restarted: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._ring = ring
        self._ready = ready
        self._clock = clock
        self._counters = counters
        self._restarted = restarted
        self.info: SourceInfo | None = None

    def open(self) -> None:
        """Open the source.

        Raises:
            SourceLost: Try again.
            SourceGone: Do not.
        """
        if self.info is not None:
            self._counters.reopened += 1
        self.info = self._source.open()
        self._restarted()

    def step(self) -> bool:
        """Capture one frame; always true.

        Raises:
            SourceLost: No frame came.
            SourceGone: The source has ended.
        """
        slot = self._ring.reserve()
        stamp_ns = self._source.read_into(slot.image)
        now_ns = self._clock.now_ns()
        if not 0 < stamp_ns <= now_ns:
            # A driver's stamp from the future would let a stale picture pass the gate as fresh.
            self._counters.bad_stamps += 1
            stamp_ns = now_ns
        slot.frame = Frame(slot.image, self._ring.published + 1, stamp_ns)
        self._ring.publish()
        self._counters.captured += 1
        self._ready.set()
        return True

    def failed(self, error: Exception) -> None:
        """Count a lost source."""
        self._counters.lost += 1

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class InferenceLoop:
    """Ring A -> processor -> ring B. What the processor withholds is counted and not published.

    Args:
        make_processor: Builds the processor; called in the inference thread, since networks belong to one thread.
        governor: Says how much may be spent on how the picture looks; None for all, always.
    """

    def __init__(
        self,
        make_processor: Callable[[], Processor],
        frames: LatestRing[FrameSlot],
        pictures: PictureWriter,
        ready: threading.Event,
        cell: SettingsCell,
        clock: Clock,
        counters: InferenceCounters,
        governor: Governor | None = None,
    ) -> None:
        self._make_processor = make_processor
        self._processor: Processor | None = None
        self._frames = frames
        self._pictures = pictures
        self._ready = ready
        self._cell = cell
        self._clock = clock
        self._counters = counters
        self._keep_tier = TierKeeper(governor, counters) if governor is not None else None
        self._reset_wanted = False

    def open(self) -> None:
        """Build the processor (first time) or make the old one forget (after a failure)."""
        if self._processor is None:
            self._processor = self._make_processor()
        else:
            self._processor.reset()

    def forget(self) -> None:
        """Ask for tracks and colours to be dropped before the next frame. Any thread."""
        self._reset_wanted = True

    def step(self) -> bool:
        """Process the newest frame, or wait a little for one; whether there was one."""
        assert self._processor is not None, "open() comes first"
        self._ready.clear()
        slot = self._frames.take()
        if slot is None or slot.frame is None:
            self._ready.wait(IDLE_WAIT_S)
            return False
        if self._reset_wanted:
            self._reset_wanted = False
            self._processor.reset()
        started_ns = self._counters.busy_since_ns = self._clock.now_ns()
        self._counters.taken += 1
        outcome = self._process(self._processor, slot.frame)
        self._counters.busy_since_ns = 0
        self._counters.failures_in_row = 0
        ended_ns = self._clock.now_ns()
        self._counters.whole.add(ended_ns - started_ns)
        if outcome is How.SWAPPED and self._keep_tier is not None:
            self._keep_tier(self._processor, ended_ns - started_ns, ended_ns, ended_ns - slot.frame.captured_ns)
        return True

    def _process(self, processor: Processor, frame: Frame) -> How | Withheld:
        settings = self._cell.current
        slot = self._pictures.reserve()
        slot.finished = None
        outcome = processor.process(frame, slot.picture, settings)
        self._counters.reason = None if isinstance(outcome, How) else outcome
        if not isinstance(outcome, How):
            self._counters.withheld[outcome] += 1
            return outcome
        now_ns = self._clock.now_ns()
        slot.finished = Finished(slot.picture, frame.seq, frame.captured_ns, now_ns, settings.revision, outcome)
        self._pictures.publish()
        self._counters.published += 1
        self._counters.add_stages(processor.stages())
        return outcome

    def failed(self, error: Exception) -> None:
        """Count the frame at hand as withheld."""
        if self._counters.busy_since_ns:
            self._counters.busy_since_ns = 0
            self._counters.withheld[Withheld.FAILED] += 1
        self._counters.failures_in_row += 1
        self._counters.last_failure = str(error)

    def close(self) -> None:
        """Nothing to free here; the processor's networks end with the process."""


class OutputLoop:
    """Ring B -> gate -> sink, on the beat, always.

    Args:
        sink: Never waits for its readers.
        interval_ns: Distance of ticks.
    """

    def __init__(
        self,
        sink: Sink,
        pictures: PictureReader,
        gate: Gate,
        cell: SettingsView,
        clock: Clock,
        interval_ns: int,
        counters: OutputCounters,
        size: Size,
    ) -> None:
        self._sink = sink
        self._pictures = pictures
        self._gate = gate
        self._cell = cell
        self._clock = clock
        self._interval_ns = interval_ns
        self._counters = counters
        self._size = size
        self._held: Finished | None = None
        self._last_sent_seq = 0
        self._open = False
        self._metronome = Metronome(clock, interval_ns)
        self._phase = PhaseFollower(self._metronome)

    def open(self) -> None:
        """Open the sink and send the slate at once, before anything else is ready."""
        self._sink.open(self._size, 1e9 / self._interval_ns)
        self._open = True
        self._metronome = Metronome(self._clock, self._interval_ns)
        self._phase = PhaseFollower(self._metronome)

    def adopt(self, pictures: PictureReader, gate: Gate, cell: SettingsView, counters: OutputCounters) -> None:
        """Go on with the pictures of another main process; beat and sink stay. Output thread only, between steps."""
        self._held = None
        self._last_sent_seq = 0
        self._pictures, self._gate, self._cell, self._counters = pictures, gate, cell, counters

    def step(self) -> bool:
        """Wait for the tick and send one picture; always true.

        Raises:
            SinkError: The sink cannot take pictures any more.
        """
        missed_before = self._metronome.missed
        self._metronome.tick()
        self._counters.missed += self._metronome.missed - missed_before
        slot = self._pictures.take()
        fresh = slot.finished if slot is not None else None
        self._held = fresh or self._held
        self._send()
        if fresh is not None:
            self._follow(fresh)
        return True

    def _send(self) -> None:
        now_ns = self._clock.now_ns()
        cleared = self._gate.choose(self._held, self._cell.current, now_ns)
        self._sink.send(cleared)
        self._counters.send.add(self._clock.now_ns() - now_ns)
        self._count(cleared, now_ns)

    def _count(self, cleared: Cleared, now_ns: int) -> None:
        counters = self._counters
        if cleared.how is How.SLATE:
            counters.slate += 1
            counters.last = "slate"
        elif cleared.seq == self._last_sent_seq:
            counters.held += 1
            counters.last = "held"
        else:
            self._last_sent_seq = cleared.seq
            counters.live += 1
            counters.last = "live"
            counters.first_live_ns = counters.first_live_ns or now_ns
            counters.last_live_ns = now_ns
            counters.age.add(now_ns - cleared.captured_ns)

    def _follow(self, fresh: Finished) -> None:
        wait_ns = self._clock.now_ns() - fresh.published_ns
        if fresh.seq == self._last_sent_seq:
            self._counters.wait.add(wait_ns)
        else:
            self._counters.expired += 1
        self._phase.follow(wait_ns)

    def failed(self, error: Exception) -> None:
        """Nothing to count: the sink keeps its own state."""

    def close(self) -> None:
        """Send the slate as the last picture and close the sink."""
        self._held = None
        if self._open:
            self._open = False
            self._send()
        self._sink.close()
