"""Keeps a processor on the tier that the governor wants, and tells of every step."""

import logging

from livecam.core.ladder import Adaptable
from livecam.runtime.governor import Governor
from livecam.runtime.telemetry import InferenceCounters

log = logging.getLogger(__name__)


class TierKeeper:
    """Lets the governor judge frames, and does what it says. One thread.

    Args:
        governor: Decides.
        counters: Told the tier in force, and what was made on which.
    """

    def __init__(self, governor: Governor, counters: InferenceCounters) -> None:
        self._governor = governor
        self._counters = counters
        counters.tier = governor.tier.name

    def __call__(self, processor: Adaptable, took_ns: int, now_ns: int, age_ns: int) -> None:
        """Take note of one swapped frame; what was withheld or passed says nothing about what a swap takes.

        Args:
            processor: Told the new tier, where there is one.
            took_ns: What its inference took.
            now_ns: Monotonic time at which it was finished.
            age_ns: Its age then, from capture.
        """
        counters, made_on = self._counters, self._governor.tier.name
        counters.tiers[made_on] = counters.tiers.get(made_on, 0) + 1
        step = self._governor.observe(took_ns, now_ns, age_ns)
        if step is not None:
            log.log(logging.WARNING if step.down else logging.INFO, "%s", step)
            processor.adapt(step.after)
            counters.tier = step.after.name
