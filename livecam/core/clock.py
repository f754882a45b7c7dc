"""Monotonic time, an absolute grid that never drifts, and a fake clock's counterpart for the real world."""

import time

from livecam.core.frame import NS_PER_S
from livecam.core.seams import Clock

_SPIN_NS = 300_000

STEADY = 0.01
"""A nudge moves the grid by at most this share of the interval, so that no reader sees the rate change."""


class MonotonicClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds; the kernel's CLOCK_MONOTONIC on Linux, as V4L2 stamps its buffers."""
        return time.monotonic_ns()

    def sleep_until(self, deadline_ns: int) -> None:
        """Return at `deadline_ns` or, when it has passed, at once. Usually within 0.1 ms of it."""
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            time.sleep(max(left_ns - _SPIN_NS // 2, 0) / NS_PER_S if left_ns > _SPIN_NS else 0)


class Metronome:
    """An absolute grid of ticks: each grid point is ticked or counted as missed, never shifted by a late caller.

    The phase of the grid may be nudged (`nudge`), by a small share of the interval a tick, so that ticks follow the
    moment at which pictures become ready and a finished picture does not wait a whole interval.

    Args:
        clock: Where time comes from.
        interval_ns: Distance of grid points.
    """

    __slots__ = ("_clock", "interval_ns", "missed", "next_ns", "ticked")

    def __init__(self, clock: Clock, interval_ns: int) -> None:
        if interval_ns <= 0:
            raise ValueError(f"A metronome needs a positive interval, not {interval_ns} ns.")
        self._clock = clock
        self.interval_ns = interval_ns
        self.next_ns = clock.now_ns()
        self.ticked = 0
        self.missed = 0

    def tick(self) -> int:
        """Sleep to the next grid point and return it, in ns. Points that have passed whole are counted as missed."""
        late_ns = self._clock.now_ns() - self.next_ns
        if late_ns >= self.interval_ns:
            skipped = late_ns // self.interval_ns
            self.missed += skipped
            self.next_ns += skipped * self.interval_ns
        point_ns = self.next_ns
        self._clock.sleep_until(point_ns)
        self.ticked += 1
        self.next_ns = point_ns + self.interval_ns
        return point_ns

    def nudge(self, shift_ns: int, most: float = STEADY) -> int:
        """Move the grid by `shift_ns`, cut to the share `most` of the interval; returns the shift that was made."""
        limit_ns = int(self.interval_ns * most)
        made_ns = max(-limit_ns, min(limit_ns, shift_ns))
        self.next_ns += made_ns
        return made_ns
