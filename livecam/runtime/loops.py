"""The three loops of the daemon. Each has open, step and close, and runs without threads in the tests.

The third, which sends, has a file of its own: `sending.py`.
"""

import logging
import threading
from collections.abc import Callable

from livecam.core.cleared import Finished, How, Withheld
from livecam.core.frame import Frame
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock, Processor, Source, SourceInfo
from livecam.core.settings import SettingsCell
from livecam.runtime.feed import FeedWatch
from livecam.runtime.governing import TierKeeper
from livecam.runtime.governor import Governor
from livecam.runtime.sending import OutputLoop
from livecam.runtime.slots import FrameSlot, PictureSlot, PictureWriter
from livecam.runtime.telemetry import CaptureCounters, InferenceCounters

__all__ = ["CaptureLoop", "FrameSlot", "InferenceLoop", "OutputLoop", "PictureSlot"]

log = logging.getLogger(__name__)

IDLE_WAIT_S = 0.1


class CaptureLoop:
    """Source -> ring A.

    Args:
        source: Delivers images of the ring's size.
        ring: Ring A.
        ready: Set after every publication, to wake inference.
        restarted: Called after the source was opened, so that tracks of the old scene are dropped.
        fps: Asked for; 0 for no rate.
    """

    def __init__(
        self,
        source: Source,
        ring: LatestRing[FrameSlot],
        ready: threading.Event,
        clock: Clock,
        counters: CaptureCounters,
        restarted: Callable[[], None] = lambda: None,
        fps: float = 0.0,
    ) -> None:
        self._feed = FeedWatch(fps)
        self._last_ns = 0
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
        self._feed.reset()
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
        if not max(self._last_ns, 1) <= stamp_ns <= now_ns:
            # From the future it would let a stale picture pass the gate as fresh; backwards, hold back fresh ones.
            self._bad_stamp()
            stamp_ns = now_ns
        self._last_ns = stamp_ns
        if self.info is not None and self.info.live:
            self._feed.look(slot.image, now_ns)
        slot.frame = Frame(slot.image, self._ring.published + 1, stamp_ns)
        self._ring.publish()
        self._counters.captured += 1
        self._ready.set()
        return True

    def _bad_stamp(self) -> None:
        if not self._counters.bad_stamps:
            log.warning("The source dates its frames wrongly; such ones are dated by their arrival.")
        self._counters.bad_stamps += 1

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
        free: Frees what the processor holds, in the inference thread, while nobody looks, and says whether it did; the
            processor is then built anew. What is small is better kept, to be back the sooner; None keeps it always.
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
        free: Callable[[], bool] | None = None,
    ) -> None:
        self._free = free
        self._resting = False
        self._make_processor = make_processor
        self._processor: Processor | None = None
        self._frames = frames
        self._pictures = pictures
        self._ready = ready
        self._cell = cell
        self._clock = clock
        self._counters = counters
        self._keep_tier = TierKeeper(governor, counters)
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

    def govern(self, governor: Governor | None) -> None:
        """Let another governor say how much may be spent, or none. Any thread."""
        self._keep_tier.govern(governor)

    def rest(self, resting: bool) -> None:
        """Whether the next closing is for a rest, in which memory is worth more than a quick return. Any thread."""
        self._resting = resting

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
        ended_ns = self._clock.now_ns()
        self._counters.whole.add(ended_ns - started_ns)
        if outcome is How.SWAPPED:
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
        # A frame without a face shows nothing about what failed: only a picture ends the row.
        self._counters.failures_in_row = 0
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
        """Free what is to be freed for a rest; otherwise the processor's networks end with the process."""
        if self._resting and self._free is not None and self._processor is not None and self._free():
            self._processor = None
