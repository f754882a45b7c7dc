"""What this machine does to a run, said in the log: its clock is set, processors are taken or limited, memory ends.

None of it stops livecam, and nothing is done about it here. But whoever reads the log later wants to know why pictures
came late, or why its times do not follow one another.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from livecam.core.frame import NS_PER_S
from livecam.runtime.control_groups import Limits, Throttle

log = logging.getLogger(__name__)

EVERY_NS: Final = NS_PER_S // 2
SET_NS: Final = NS_PER_S
"""A clock that runs off by less than this between two looks is being corrected, not set."""

BUSY, FREE = 0.95, 0.85
"""Shares of all processors that are in use: from the first on none is idle; below the second there is time again."""

OTHERS: Final = 0.6
"""The share that other programs must have of them."""

HELD, LET = 0.5, 0.2
"""Shares of a second's periods in which a container reached its limit of processor time: as above."""

SHORT_BYTES: Final = 64 << 20
"""With less memory left than this, anything may fail; with twice as much, it is over."""

_MB: Final = 1_000_000
# Elsewhere the steady clock may have stood still.
_FORWARD: Final = "forward" if sys.platform == "linux" else "forward (or the machine slept)"


class Load(NamedTuple):
    """Processor time so far, s.

    Attributes:
        all: Of all processors together, idle or not.
        used: Of that, used by anybody.
        own: Of that, by this process.
    """

    all: float
    used: float
    own: float


@dataclass(frozen=True, slots=True)
class Readings:
    """Where the figures come from.

    Attributes:
        wall_ns: The clock that says what time it is.
        steady_ns: One that nobody sets, and that goes on while the machine sleeps, where there is such a one.
        load: See `Load`.
        memory_left: Bytes that this process can still take, as far as the machine goes.
        throttles: Limits of the container or service that it runs in; see `Limits`.
        limit_left: Bytes until such a limit of memory is reached; None without one.
    """

    wall_ns: Callable[[], int]
    steady_ns: Callable[[], int]
    load: Callable[[], Load]
    memory_left: Callable[[], int]
    throttles: Callable[[], Mapping[Path, Throttle]]
    limit_left: Callable[[], int | None]


class MachineWatch:
    """Looks twice a second, and says what begins and what ends. One thread.

    Args:
        readings: Of this machine unless given.
    """

    def __init__(self, readings: Readings | None = None) -> None:
        self._readings = readings or of_this_machine()
        now_ns = self._readings.steady_ns()
        self._next_ns = now_ns + EVERY_NS
        self._apart_ns = self._readings.wall_ns() - now_ns
        self._before: Load | None = None
        self._crowded = _Lasting(2, "The processors have time again")
        self._held = _Lasting(4, "The limit of processor time holds livecam back no more")
        self._throttles: deque[tuple[int, Mapping[Path, Throttle]]] = deque(maxlen=3)
        self._short = _Lasting(1, "There is memory again")

    def look(self) -> None:
        """Look, if it is time to. Never fails."""
        now_ns = self._readings.steady_ns()
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + EVERY_NS
        self._look_at_clock(now_ns)
        try:
            self._look_at_load(now_ns)
            self._look_at_limit(now_ns)
            self._look_at_memory(now_ns)
        except (OSError, MemoryError):
            # The system does not tell, or this very look wanted some: the next one will.
            return

    def _look_at_clock(self, now_ns: int) -> None:
        apart_ns = self._readings.wall_ns() - now_ns
        by_ns, self._apart_ns = apart_ns - self._apart_ns, apart_ns
        if abs(by_ns) >= SET_NS:
            way, by = "back" if by_ns < 0 else _FORWARD, timedelta(seconds=round(abs(by_ns) / NS_PER_S))
            log.warning("The wall clock was set %s by %s: times in logs do not follow one another here.", way, by)

    def _look_at_load(self, now_ns: int) -> None:
        load = self._readings.load()
        before, self._before = self._before or load, load
        whole = load.all - before.all
        if whole <= 0:
            return
        used, own = (load.used - before.used) / whole, (load.own - before.own) / whole
        others = used - own
        self._crowded.see(now_ns, begins=used >= BUSY and others >= OTHERS, ends=used < FREE or others < OTHERS / 2)
        if self._crowded.news:
            log.warning(
                "Other programs take %.0f %% of this machine's processors, and none is idle: pictures may come late. "
                "Close some of them, or choose a lighter preset.",
                100 * others,
            )

    def _look_at_limit(self, now_ns: int) -> None:
        # Over a second: a period of it is a tenth of one as a rule, and may be a whole one.
        self._throttles.append((now_ns, self._readings.throttles()))
        (since_ns, before), (_, after) = self._throttles[0], self._throttles[-1]
        held = {place: now.held_s - before[place].held_s for place, now in after.items() if place in before}
        tightest = max(held, key=lambda place: held[place], default=None)
        share = 0.0
        if tightest is not None and now_ns > since_ns:
            share = min(held[tightest] * NS_PER_S / (now_ns - since_ns), 1.0)
        self._held.see(now_ns, begins=share >= HELD, ends=share < LET)
        if tightest is not None and self._held.news:
            log.warning(
                "Held back by the limit of %.3g processors for this container or service, reached in %.0f %% of the "
                "last second's periods: pictures may come late. Raise the limit, or choose a lighter preset.",
                after[tightest].processors,
                100 * share,
            )

    def _look_at_memory(self, now_ns: int) -> None:
        left, limit_left = self._readings.memory_left(), self._readings.limit_left()
        advice = "Close other programs."
        if limit_left is not None and limit_left < left:
            left, advice = max(limit_left, 0), "Raise the limit of its container or service."
        self._short.see(now_ns, begins=left < SHORT_BYTES, ends=left > 2 * SHORT_BYTES)
        if self._short.news:
            log.warning("Memory is short: %d MB are left for livecam. %s", left // _MB, advice)


class _Lasting:
    """Something that begins and ends. Owns its state.

    Args:
        looks: So many looks in a row must see its beginning, or its end.
        over: What is said at its end.

    Attributes:
        news: Whether it has begun with the last look.
    """

    def __init__(self, looks: int, over: str) -> None:
        self._looks = looks
        self._over = over
        self._seen = 0
        self._since_ns: int | None = None
        self.news = False

    def see(self, now_ns: int, begins: bool, ends: bool) -> None:
        """What a look has seen: signs of its beginning, and of its end."""
        lasts = self._since_ns is not None
        self._seen = self._seen + 1 if (ends if lasts else begins) else 0
        self.news = False
        if self._seen < self._looks:
            return
        self._seen = 0
        if self._since_ns is None:
            self._since_ns, self.news = now_ns, True
        else:
            log.info("%s, after %.0f s.", self._over, (now_ns - self._since_ns) / NS_PER_S)
            self._since_ns = None


def of_this_machine() -> Readings:
    """Its own clocks and figures."""
    limits = Limits()
    return Readings(time.time_ns, _steady_ns, _load, _memory_left, limits.throttles, limits.memory_left)


def _load() -> Load:
    import psutil  # slow to import, and not wanted before the first look

    try:
        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    except psutil.Error as error:
        raise OSError(str(error)) from error
    # A guest's time is counted as the user's too.
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return Load(whole, whole - times.idle - getattr(times, "iowait", 0.0), own.user + own.system)


def _memory_left() -> int:
    import psutil

    try:
        left = int(psutil.virtual_memory().available)
        if sys.platform == "linux":
            process = psutil.Process()
            most = process.rlimit(psutil.RLIMIT_AS)[0]
            left = left if most == psutil.RLIM_INFINITY else min(left, most - process.memory_info().vms)
    except psutil.Error as error:
        raise OSError(str(error)) from error
    return max(left, 0)


def _steady_ns() -> int:
    """Nanoseconds on a clock that nobody sets; on Linux one that goes on while the machine sleeps."""
    if sys.platform != "linux":
        return time.monotonic_ns()
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
