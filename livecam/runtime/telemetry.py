"""Counters of a run. Each is written by one thread; any thread may read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from livecam.core.cleared import Withheld
from livecam.core.shared import Numbers
from livecam.core.stats import HISTOGRAM_WORDS, Histogram

_COUNTS: Final = ("live", "held", "slate", "expired", "missed", "first_live_ns", "last_live_ns")
_SHOWN: Final = ("slate", "held", "live")
_OUTPUT_WORDS: Final = len(_COUNTS) + 1 + 3 * HISTOGRAM_WORDS


@dataclass(slots=True)
class CaptureCounters:
    """Written by the capture thread."""

    captured: int = 0
    lost: int = 0
    reopened: int = 0
    bad_stamps: int = 0


@dataclass(slots=True)
class InferenceCounters:
    """Written by the inference thread.

    Attributes:
        taken: Frames taken from the first ring; equals `published` plus all of `withheld`.
        busy_since_ns: When the frame in progress was taken; 0 when idle.
        tier: Of quality, in force; "" where nothing can be given up.
        tiers: Swapped and published frames by the tier they were made on.
        reason: Why the last frame was withheld; None when it was published.
    """

    taken: int = 0
    published: int = 0
    withheld: dict[Withheld, int] = field(default_factory=lambda: dict.fromkeys(Withheld, 0))
    failures_in_row: int = 0
    last_failure: str = ""
    busy_since_ns: int = 0
    whole: Histogram = field(default_factory=Histogram)
    stages: dict[str, Histogram] = field(default_factory=dict)
    tier: str = ""
    tiers: dict[str, int] = field(default_factory=dict)
    reason: Withheld | None = None

    def add_stages(self, stages: Mapping[str, int]) -> None:
        """Add one frame's stage durations, ns."""
        for name, duration_ns in stages.items():
            histogram = self.stages.get(name)
            if histogram is None:
                histogram = self.stages[name] = Histogram()
            histogram.add(duration_ns)


@dataclass(slots=True)
class OutputCounters:
    """Written by the output thread.

    Attributes:
        live: Ticks that sent a picture for the first time.
        held: Ticks that sent the same picture again.
        slate: Ticks that sent the slate.
        expired: Pictures taken from the second ring that the gate never let out.
        age: From capture to the moment before sending, of live pictures.
        wait: From publication to sending, of live pictures.
        send: Duration of the sink's `send`.
    """

    live: int = 0
    held: int = 0
    slate: int = 0
    expired: int = 0
    missed: int = 0
    first_live_ns: int = 0
    last_live_ns: int = 0
    last: str = "slate"
    age: Histogram = field(default_factory=Histogram)
    wait: Histogram = field(default_factory=Histogram)
    send: Histogram = field(default_factory=Histogram)

    @property
    def ticks(self) -> int:
        """How many pictures were sent."""
        return self.live + self.held + self.slate

    def store(self) -> Numbers:
        """All of it as numbers, for another process."""
        numbers = np.zeros(_OUTPUT_WORDS, dtype=np.int64)
        numbers[: len(_COUNTS)] = [getattr(self, name) for name in _COUNTS]
        numbers[len(_COUNTS)] = _SHOWN.index(self.last)
        for part, histogram in self._parts(numbers):
            histogram.store(part)
        return numbers

    def load(self, numbers: Numbers) -> None:
        """Become what `store` gave; anything else changes nothing."""
        if len(numbers) != _OUTPUT_WORDS or not 0 <= numbers[len(_COUNTS)] < len(_SHOWN):
            return
        for name, number in zip(_COUNTS, numbers, strict=False):
            setattr(self, name, int(number))
        self.last = _SHOWN[int(numbers[len(_COUNTS)])]
        for part, histogram in self._parts(numbers):
            histogram.load(part)

    def _parts(self, numbers: Numbers) -> Iterator[tuple[Numbers, Histogram]]:
        parts = numbers[len(_COUNTS) + 1 :].reshape(3, HISTOGRAM_WORDS)
        return zip(parts, (self.age, self.wait, self.send), strict=True)


@dataclass(slots=True)
class Telemetry:
    """All counters of one run."""

    capture: CaptureCounters = field(default_factory=CaptureCounters)
    inference: InferenceCounters = field(default_factory=InferenceCounters)
    output: OutputCounters = field(default_factory=OutputCounters)
