"""The output loop as the output process runs it: it goes on while main processes come and go."""

import json
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from livecam.app.output_process_news import Recording
from livecam.app.output_process_wire import map_memory
from livecam.core.backoff import DEVICE_BANDS
from livecam.core.frame import NS_PER_MS, NS_PER_S, Size
from livecam.core.seams import Clock
from livecam.core.shared import SharedCell
from livecam.core.shared_ring import SharedRingReader
from livecam.core.shared_segment import SharedSegment, Terms
from livecam.errors import ConfigError, SinkGone
from livecam.output.tee import Tee
from livecam.privacy.gate import Gate
from livecam.runtime.loops import OutputLoop
from livecam.runtime.telemetry import OutputCounters
from livecam.runtime.worker import Policy, Worker

SILENCE_NS: Final = 150 * NS_PER_MS
"""A main process that gave no sign of life for longer than this counts as dead; it gives one every 20 ms."""

_RECORDINGS: Final = 4
"""So many are told of; more do not end within a tenth of a second."""

_POLICY: Final = Policy(DEVICE_BANDS, (SinkGone, ConfigError))


@dataclass(frozen=True, slots=True)
class Production:
    """What comes from one main process.

    Attributes:
        segment: Shared with it.
        terms: That it offered.
        pictures: The reader's end of the ring.
        gate: With its slate.
        cell: Its privacy settings; the slate from the moment it is gone.
        counters: Of what was sent on its behalf.
    """

    segment: SharedSegment
    terms: Terms
    pictures: SharedRingReader
    gate: Gate
    cell: SharedCell
    counters: OutputCounters

    @classmethod
    def of(cls, handle: int, size: Size, clock: Clock) -> "Production":
        """What comes through the segment with the descriptor `handle`.

        Raises:
            ValueError: It is no segment for pictures of `size`.
        """
        segment = SharedSegment(map_memory(handle, size), size)
        terms = segment.terms()
        counters = OutputCounters()
        # Those of an output process that died before this one, for the same main process.
        so_far = segment.counters.read()
        if so_far is not None:
            counters.load(so_far)
        return cls(
            segment,
            terms,
            SharedRingReader(segment.ring, segment.pictures, segment.fence),
            Gate(segment.slate, terms.hold_ns),
            SharedCell(segment.settings, segment.beat, clock, SILENCE_NS),
            counters,
        )


class _ServedLoop:
    """The output loop, with a change of production between two steps."""

    def __init__(self, tee: Tee, first: Production, clock: Clock, interval_ns: int, size: Size) -> None:
        self.offered = first
        self._now = first
        self._loop = OutputLoop(tee, first.pictures, first.gate, first.cell, clock, interval_ns, first.counters, size)

    def open(self) -> None:
        """Open the sinks."""
        self._loop.open()

    def step(self) -> bool:
        """Send one picture, and count it where the main process sees it."""
        offered = self.offered
        if offered is not self._now:
            self._now = offered
            self._loop.adopt(offered.pictures, offered.gate, offered.cell, offered.counters)
        worked = self._loop.step()
        self._count()
        return worked

    def failed(self, error: Exception) -> None:
        """Tell the loop."""
        self._loop.failed(error)

    def close(self) -> None:
        """Send the slate as the last picture and close the sinks."""
        self._loop.close()
        self._count()

    def _count(self) -> None:
        self._now.segment.counters.write(self._now.counters.store())


class Recordings:
    """Those that ended while the same main process was attached, for it to sign. Any thread."""

    def __init__(self) -> None:
        self._latest: deque[Recording] = deque(maxlen=_RECORDINGS)
        self._count = 0

    def add(self, path: Path, swapped: bool) -> None:
        """The recording at `path` is whole."""
        self._count += 1
        self._latest.append(Recording(self._count, str(path), swapped))

    def told(self) -> list[dict[str, object]]:
        """The latest, for the news."""
        return [asdict(one) for one in tuple(self._latest)]

    def forget(self) -> None:
        """Another main process is attached, to whose session they do not belong."""
        self._latest.clear()


class Server:
    """Sends what the attached main process makes; main thread only, but for the worker it starts.

    Args:
        tee: The sinks.
        clock: The same in all processes.
        size: Of every picture.
        fps: Pictures a second.
        recordings: That the sinks end.
    """

    def __init__(self, tee: Tee, clock: Clock, size: Size, fps: float, recordings: Recordings | None = None) -> None:
        self._recordings = recordings or Recordings()
        self._tee = tee
        self._clock = clock
        self._size = size
        self._interval_ns = round(NS_PER_S / fps)
        self._loop: _ServedLoop | None = None
        self._worker: Worker | None = None

    @property
    def broken(self) -> bool:
        """Whether something final happened: no sink will ever open."""
        return self._worker is not None and self._worker.done

    def serve(self, handle: int) -> Production:
        """Go on with the main process whose segment has the descriptor `handle`.

        Raises:
            ValueError: It is no segment for these pictures.
        """
        production = Production.of(handle, self._size, self._clock)
        self._recordings.forget()
        if self._loop is None:
            self._loop = _ServedLoop(self._tee, production, self._clock, self._interval_ns, self._size)
            self._worker = Worker("output", self._loop, _POLICY)
            self._worker.start()
        self._loop.offered = production
        return production

    def look_after(self) -> None:
        """Start the worker again if it died."""
        if self._worker is not None and self._worker.died:
            self._worker.start()

    def text(self) -> str:
        """How things are, as JSON; `livecam.app.output_process_news` reads it."""
        worker = self._worker
        error, problem = (str(worker.error or ""), worker.problem) if worker is not None else ("", "")
        sinks, readers = [asdict(state) for state in self._tee.states()], self._tee.readers()
        ended = self._recordings.told()
        return json.dumps({"error": error, "problem": problem, "sinks": sinks, "readers": readers, "recordings": ended})

    def stop(self, timeout_s: float) -> bool:
        """Slate last, sinks closed; whether that was done in time."""
        if self._worker is None:
            return True
        self._worker.ask_stop()
        return self._worker.join(timeout_s)
