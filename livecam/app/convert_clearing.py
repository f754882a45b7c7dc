"""One frame of a file at a time: the live path's processor, then its gate, with media time as the clock."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from livecam.app.convert_summary import HELD, SLATED, SWAPPED
from livecam.core.cleared import Cleared, Finished, How, Withheld
from livecam.core.frame import Frame, Image, Size
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import ContractError, EngineError
from livecam.privacy.gate import SLATE_SEQ, Gate

MOST_FAILURES: Final = 30
"""So many frames in a row may fail on the backend; then it is broken, and an hour of slate helps nobody."""


Draw = Callable[[Image], None]
"""Writes the frame, as it is in the file, into an image, (H, W, 3) u8 BGR."""


class Judged(NamedTuple):
    """What is shown for a frame.

    Attributes:
        cleared: Borrowed until the next frame is judged.
        fate: ``swapped``, or ``held`` or ``slated`` with the reason behind it.
    """

    cleared: Cleared
    fate: str


class MediaTime:
    """The time of the frame at hand, so that what is smoothed over time does not depend on the machine's speed."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        """Nanoseconds of media time."""
        return self.ns


class Clearing:
    """Judges the frames of one file in order.

    Args:
        processor: What happens to a frame.
        gate: Decides between the picture, the one before, and the slate.
        settings: For the whole file.
        size: Of all frames.
        time: Told the time of each frame.
    """

    def __init__(
        self, processor: Processor, gate: Gate, settings: Settings, size: Size, time: MediaTime | None = None
    ) -> None:
        self._time = time or MediaTime()
        self._processor = processor
        self._gate = gate
        self._settings = settings
        # Two, so that the held picture stays whole while the next one is being made.
        self._spare = np.empty(size.picture_shape, np.uint8)
        self._other = np.empty(size.picture_shape, np.uint8)
        self._image = np.empty(size.image_shape, np.uint8)
        self._held: Finished | None = None
        self._failures = 0
        self.problem = ""
        """What went wrong last, in a sentence; empty when nothing has."""

    @property
    def failing(self) -> bool:
        """Whether the backend failed on the last frame, so that its end may be near."""
        return self._failures > 0

    def __call__(self, draw: Draw, seq: int, media_ns: int) -> Judged:
        """Judge frame `seq`, due at `media_ns`.

        Raises:
            EngineError: The backend has failed for many frames in a row.
        """
        self._time.ns = media_ns
        outcome = self._process(draw, seq, media_ns)
        if isinstance(outcome, How):
            self._held = Finished(self._spare, seq, media_ns, media_ns, self._settings.revision, outcome)
            self._spare, self._other = self._other, self._spare
        cleared = self._gate.choose(self._held, self._settings, media_ns)
        if cleared.seq == seq:
            return Judged(cleared, SWAPPED)
        return Judged(cleared, f"{SLATED if cleared.seq == SLATE_SEQ else HELD} {outcome}")

    def _process(self, draw: Draw, seq: int, media_ns: int) -> How | Withheld:
        """Try twice: a file can wait where a camera cannot, and a stall of the machine is no reason for a gap."""
        try:
            outcome = self._attempt(draw, seq, media_ns)
        except EngineError:
            self._processor.reset()
            try:
                outcome = self._attempt(draw, seq, media_ns)
            except EngineError as error:
                self.problem = str(error)
                self._failures += 1
                if self._failures >= MOST_FAILURES:
                    raise
                self._processor.reset()
                return Withheld.FAILED
        self._failures = 0
        return outcome

    def _attempt(self, draw: Draw, seq: int, media_ns: int) -> How | Withheld:
        draw(self._image)
        try:
            return self._processor.process(Frame(self._image, seq, media_ns), self._spare, self._settings)
        except ContractError as error:
            self.problem = str(error)
            # Of this frame only, such as a face seen from behind; what was learnt from it is not to be trusted.
            self._processor.reset()
            return Withheld.FAILED
