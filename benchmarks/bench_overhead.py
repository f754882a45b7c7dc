"""What the pipeline itself costs: passthrough into the memory sink at 1080p60, from a source that only copies."""

import time

import numpy as np

from benchmarks.common import Bar, configure, publish
from livecam.app.daemon import CHECK_S, Daemon
from livecam.app.registry import SOURCES
from livecam.core.clock import Metronome, MonotonicClock
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Clock, SourceInfo
from livecam.core.spec import SourceWish, Spec

COMMAND = "python -m benchmarks overhead"


class StillSource:
    """Hands over one noise image at a steady rate: the cheapest source there is."""

    def __init__(self, wish: SourceWish, clock: Clock) -> None:
        self._wish = wish
        self._image = np.random.default_rng(0).integers(0, 255, wish.size.image_shape, dtype=np.uint8)
        self._metronome = Metronome(clock, round(NS_PER_S / wish.fps))
        self._clock = clock

    def open(self) -> SourceInfo:
        self._metronome = Metronome(self._clock, round(NS_PER_S / self._wish.fps))
        return SourceInfo("still", self._wish.size, self._wish.fps, True)

    def read_into(self, image: Image) -> int:
        stamp_ns = self._metronome.tick()
        np.copyto(image, self._image)
        return stamp_ns

    def close(self) -> None:
        pass


def make(spec: Spec, wish: SourceWish, clock: Clock) -> StillSource:
    """For the registry."""
    return StillSource(wish, clock)


def main(quick: bool) -> None:
    seconds = 5 if quick else 60
    SOURCES["still"] = f"{__name__}:make"  # type: ignore[index]
    values = {"source.spec": "still", "source.size": "1920x1080", "source.fps": "60", "output.sinks": "memory"}
    daemon = Daemon(configure(values | {"privacy.passthrough": "true"}))
    daemon.start()
    time.sleep(1.0)
    before_s, before = time.process_time(), daemon.report()
    clock = MonotonicClock()
    end_ns = clock.now_ns() + seconds * NS_PER_S
    while clock.now_ns() < end_ns:
        daemon.check()
        time.sleep(CHECK_S)
    cpu = (time.process_time() - before_s) / seconds
    daemon.stop()
    report = daemon.report()
    ticks = sum(report.sent.values()) - sum(before.sent.values())
    missed = report.missed_ticks - before.missed_ticks
    bars = [
        Bar("share of ticks missed at 1080p60, %", 0.5, 100 * missed / max(ticks + missed, 1)),
        Bar("processor time, % of one core", 25.0, 100 * cpu),
    ]
    publish("overhead", COMMAND, bars, {"ticks": ticks, "missed": missed, "age_ms": report.age_ms}, quick)
