"""The longest times of a soak without a new picture, and what is known of each when the soak is over.

Only then: whoever watches the machine is kept waiting by it too, and may write down later what it did.
"""

import heapq
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from livecam.core.frame import NS_PER_S
from tests.faults import witness
from tests.faults.witness import Stall

MOST: Final = 20
"""So many are told of, at most."""

_KEPT: Final = 1000
"""So many are remembered: the longest by themselves need not be the longest less what the machine did."""

AROUND: Final = timedelta(seconds=1)
"""What the log says so long before and after belongs to a gap."""

_LINES: Final = 6
_STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


@dataclass
class Gaps:
    """Takes note of them; written by the thread that judges.

    Attributes:
        least_ns: What is shorter is not told of by itself.
        began_ns: When the soak began, monotonic.
    """

    least_ns: int
    began_ns: int = 0
    _last_ns: int = 0
    _longest: list[tuple[int, int]] = field(default_factory=list)
    _apart_ns: int = field(default_factory=lambda: time.time_ns() - time.monotonic_ns())

    def take(self, sent_ns: int) -> None:
        """A picture was sent then."""
        gap_ns, before_ns, self._last_ns = sent_ns - self._last_ns, self._last_ns, sent_ns
        if before_ns:
            heapq.heappush(self._longest, (gap_ns, before_ns))
            if len(self._longest) > _KEPT:
                heapq.heappop(self._longest)

    def told(
        self, interval_ns: int, folder: Path, log: str, during: Callable[[int], str]
    ) -> tuple[float, float, list[dict[str, object]]]:
        """The longest in ticks, less what the machine stood still, and with it; and what is known of the longest.

        Args:
            interval_ns: Of a tick.
            folder: Where the witness wrote.
            log: What the daemon said.
            during: What happened at a time.
        """
        machine, all_waits = witness.stalls(folder), witness.stalls(folder, ready=True)
        spoken = _spoken(log)
        found: list[tuple[float, dict[str, object]]] = []
        for gap_ns, since_ns in self._longest:
            until_ns = since_ns + gap_ns
            still, waited = (_ticks(stalls, since_ns, until_ns, interval_ns) for stalls in (machine, all_waits))
            about: dict[str, object] = {
                "at_min": round((since_ns - self.began_ns) / NS_PER_S / 60, 2),
                "ticks": round(gap_ns / interval_ns, 2),
                "of which the machine stood still": round(still, 2),
                "of which livecam waited for a processor": round(waited, 2),
                "during": during(until_ns),
                "log": self._lines(spoken, since_ns, until_ns),
            }
            found.append((gap_ns / interval_ns - still, about))
        found.sort(key=lambda one: -one[0])
        raw = max((gap_ns for gap_ns, _ in self._longest), default=0) / interval_ns
        worth = [about for ticks, about in found[:MOST] if ticks * interval_ns >= self.least_ns]
        return found[0][0] if found else 0.0, raw, worth

    def _lines(self, spoken: Sequence[tuple[datetime, str]], since_ns: int, until_ns: int) -> list[str]:
        """What was said around that time, the time in front as seconds since its beginning."""
        begin, end = (datetime.fromtimestamp((ns + self._apart_ns) / NS_PER_S) for ns in (since_ns, until_ns))
        near = [(at, text) for at, text in spoken if begin - AROUND <= at <= end + AROUND]
        return [f"{(at - begin).total_seconds():+.2f} s {text[:160]}" for at, text in near[:_LINES]]


def _ticks(stalls: Sequence[Stall], since_ns: int, until_ns: int, interval_ns: int) -> float:
    return witness.stalled_ns(stalls, since_ns, until_ns) / interval_ns


def _spoken(log: str) -> list[tuple[datetime, str]]:
    """The lines that begin with a time, by it; those of a traceback do not."""
    lines = [line for line in log.splitlines() if _STAMP.match(line)]
    return [(datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f"), line[24:]) for line in lines]
