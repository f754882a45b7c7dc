"""``idle = "release"``: from a reader's arrival to the first cleared frame, and what resting costs.

The reader is pretended, so that the moment of its coming is known: beside the browser preview, which nobody watches,
stands a sink that says how many look at it, and copies each picture as a driver does. The camera is drawn, and opens at
once; a real one's own time to open comes on top.
"""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.common import Bar, configure, publish
from livecam.app import Daemon
from livecam.core.cleared import Cleared, How
from livecam.core.frame import Size
from livecam.runtime.supervisor import Health, State

COMMAND = "python -m benchmarks wake"

AFTER_S = 0.5
_LOOK_S, _PATIENCE_S = 0.1, 30.0


class Turnstile:
    """A sink that is read by as many as it is told.

    Attributes:
        readers: See `livecam.core.readers.Readable`.
        swapped: Set by the first swapped picture; to be cleared by whoever waits for the next.
        how: What was sent last.
    """

    name = "turnstile"

    def __init__(self) -> None:
        self.readers: int | None = 1
        self.swapped = threading.Event()
        self.how = How.SLATE
        self._copy = np.empty(0, np.uint8)

    def open(self, size: Size, fps: float) -> None:
        """See `Sink`."""
        self._copy = np.empty(size.picture_shape, np.uint8)

    def send(self, cleared: Cleared) -> None:
        """See `Sink`."""
        np.copyto(self._copy, cleared.picture)
        self.how = cleared.how
        if cleared.how is How.SWAPPED:
            self.swapped.set()

    def close(self) -> None:
        """See `Sink`."""


@dataclass(frozen=True, slots=True)
class Wakes:
    """What was measured at one size.

    Attributes:
        size: Of the pictures.
        wake_s: From a reader's arrival to the first swapped picture, each time.
        idle_cpu_percent: Of one core, all threads, while nobody looked.
        live_cpu_percent: The same while somebody did.
    """

    size: str
    wake_s: tuple[float, ...]
    idle_cpu_percent: float
    live_cpu_percent: float


def main(quick: bool) -> None:
    """Measure, print, and write the results."""
    measured = [_measured(size, 3 if quick else 9, 3.0 if quick else 10.0) for size in ("640x480", "1280x720")]
    bars = [
        bar
        for one in measured
        for bar in (
            Bar(
                f"{one.size}: reader's arrival to the first cleared frame, s, median",
                1.0,
                statistics.median(one.wake_s),
            ),
            Bar(f"{one.size}: the same, s, slowest", 1.0, max(one.wake_s)),
            Bar(f"{one.size}: CPU while nobody looks, % of a core", 3.0, one.idle_cpu_percent),
        )
    ]
    publish("wake", COMMAND, bars, [asdict(one) for one in measured], quick)


def _measured(size: str, times: int, idle_s: float) -> Wakes:
    values = {"source.spec": "synthetic", "output.sinks": "web", "source.size": size, "idle.when": "release"}
    daemon = Daemon(configure({**values, "idle.after_s": str(AFTER_S), "idle.card_s": "0"}))
    sink = Turnstile()
    daemon.add_sink(sink)
    daemon.start()
    try:
        _until(daemon, lambda health: health.state is State.LIVE and sink.how is How.SWAPPED)
        live = _cpu(daemon, idle_s / 2)
        wakes, idle = [], 0.0
        for number in range(times):
            sink.readers = 0
            _until(daemon, lambda health: health.state is State.IDLE and sink.how is How.SLATE)
            idle = idle or _cpu(daemon, idle_s)
            # Arrivals fall anywhere between two looks.
            time.sleep(_LOOK_S * number / times)
            wakes.append(_wake(daemon, sink))
    finally:
        daemon.stop()
    return Wakes(size, tuple(round(wake, 4) for wake in wakes), round(idle, 2), round(live, 1))


def _wake(daemon: Daemon, sink: Turnstile) -> float:
    sink.swapped.clear()
    watch = threading.Thread(target=_until, args=(daemon, lambda _: sink.swapped.is_set()))
    watch.start()
    # Into the middle of the watch's own rhythm.
    time.sleep(_LOOK_S * 0.37)
    began_s = time.monotonic()
    sink.readers = 1
    sink.swapped.wait(_PATIENCE_S)
    woke_s = time.monotonic() - began_s
    watch.join()
    return woke_s


def _cpu(daemon: Daemon, seconds: float) -> float:
    began_s, spent_s = time.monotonic(), time.process_time()
    end_s = began_s + seconds
    _until(daemon, lambda _: time.monotonic() >= end_s)
    return 100 * (time.process_time() - spent_s) / (time.monotonic() - began_s)


def _until(daemon: Daemon, holds: Callable[[Health], bool]) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not holds(daemon.check()):
        if time.monotonic() > end_s:
            raise TimeoutError(f"The daemon is {daemon.check()} after {_PATIENCE_S:g} s.")
        time.sleep(_LOOK_S)
