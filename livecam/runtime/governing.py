"""Keeps a processor on the tier that the governor wants, and tells of every step."""

import logging

from livecam.core.ladder import FULL, Adaptable, Tier
from livecam.runtime.governor import Governor
from livecam.runtime.telemetry import InferenceCounters

log = logging.getLogger(__name__)


class TierKeeper:
    """Lets the governor judge frames, and does what it says. One thread.

    Args:
        governor: Decides; None gives nothing up.
        counters: Told the tier in force, and what was made on which.
    """

    def __init__(self, governor: Governor | None, counters: InferenceCounters) -> None:
        self._governor = governor
        self._next: tuple[Governor | None] | None = None
        self._counters = counters
        counters.tier = governor.tier.name if governor is not None else ""

    def govern(self, governor: Governor | None) -> None:
        """Let another one decide, or none, from the next frame on, which begins with the whole tier. Any thread."""
        self._next = (governor,)

    def __call__(self, processor: Adaptable, took_ns: int, now_ns: int, age_ns: int) -> None:
        """Take note of one swapped frame; what was withheld or passed says nothing about what a swap takes.

        Args:
            processor: Told the new tier, where there is one.
            took_ns: What its inference took.
            now_ns: Monotonic time at which it was finished.
            age_ns: Its age then, from capture.
        """
        governor, counters = self._governor, self._counters
        if governor is not None:
            made_on = governor.tier.name
            counters.tiers[made_on] = counters.tiers.get(made_on, 0) + 1
        if self._next is not None:
            (self._governor,), self._next = self._next, None
            self._begin(processor)
            return
        step = governor.observe(took_ns, now_ns, age_ns) if governor is not None else None
        if step is not None:
            log.log(logging.WARNING if step.down else logging.INFO, "%s", step)
            processor.adapt(step.after)
            counters.tier = step.after.name

    def _begin(self, processor: Adaptable) -> None:
        """Begin anew with the whole tier: that of another governor may be none of this one's."""
        processor.adapt(Tier(FULL))
        self._counters.tier = self._governor.tier.name if self._governor is not None else ""
