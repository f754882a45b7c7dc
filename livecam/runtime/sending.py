"""The output loop: one picture a tick, whatever becomes of the other threads."""

import logging

from livecam.core.cleared import Cleared, Finished, How
from livecam.core.clock import Metronome
from livecam.core.frame import NS_PER_MS, NS_PER_S, Size
from livecam.core.seams import Clock, Sink
from livecam.privacy.gate import Gate
from livecam.runtime.heartbeat import Heartbeat
from livecam.runtime.phase import PhaseFollower
from livecam.runtime.slots import PictureReader, SettingsView
from livecam.runtime.telemetry import OutputCounters

log = logging.getLogger(__name__)

_MANY_MISSED = 2
"""So many ticks may be missed in a row without a word."""

RESTING_NS = 100 * NS_PER_MS
"""Distance of ticks while nobody looks: ten slates a second cost little, and whoever comes gets one within this."""


class OutputLoop:
    """Ring B -> gate -> sink, on the beat, always.

    Args:
        sink: Never waits for its readers.
        interval_ns: Distance of ticks.
        heartbeat: Told of every picture that was sent; nobody unless given.
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
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._heartbeat = heartbeat
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
        self._wanted_ns = interval_ns
        self._set_beat()

    def _set_beat(self) -> None:
        self._metronome = Metronome(self._clock, self._wanted_ns)
        self._phase = PhaseFollower(self._metronome)

    def rest(self, resting: bool) -> None:
        """Send seldom while nobody looks, or at full rate again. Any thread; holds from the next tick on."""
        self._wanted_ns = max(self._interval_ns, RESTING_NS) if resting else self._interval_ns

    def open(self) -> None:
        """Open the sink and send the slate at once, before anything else is ready."""
        self._sink.open(self._size, 1e9 / self._interval_ns)
        self._open = True
        self._set_beat()

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
        if self._metronome.interval_ns != self._wanted_ns:
            self._set_beat()
        missed_before = self._metronome.missed
        self._metronome.tick()
        self._count_missed(self._metronome.missed - missed_before)
        slot = self._pictures.take()
        fresh = slot.finished if slot is not None else None
        self._held = fresh or self._held
        self._send()
        if fresh is not None:
            self._follow(fresh)
        return True

    def _count_missed(self, missed: int) -> None:
        self._counters.missed += missed
        if missed > _MANY_MISSED:
            held_s = missed * self._metronome.interval_ns / NS_PER_S
            log.warning("The output was held up for %.1f s: the machine slept, or had no time for it.", held_s)

    def _send(self) -> None:
        now_ns = self._clock.now_ns()
        cleared = self._gate.choose(self._held, self._cell.current, now_ns)
        self._sink.send(cleared)
        self._counters.send.add(self._clock.now_ns() - now_ns)
        self._count(cleared, now_ns)
        if self._heartbeat is not None:
            self._heartbeat.beat()

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
