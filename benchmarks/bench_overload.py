"""Overload: inference slowed to 45 and 100 ms a frame. Age must stay bounded and every drop be accounted for."""

import time
from collections.abc import Mapping

from benchmarks.common import Bar, configure, publish
from livecam.app.daemon import Daemon
from livecam.canvas.cpu import CpuCanvas
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.settings import Settings

COMMAND = "python -m benchmarks overload"
FRAME_MS = 1000 / 30


class SlowProcessor:
    """Stores the frame as if it had been swapped, and takes `delay_s` for it; a drawn face is nobody's to protect."""

    def __init__(self, delay_s: float) -> None:
        self._canvas = CpuCanvas()
        self._delay_s = delay_s

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        time.sleep(self._delay_s)
        self._canvas.load(frame)
        self._canvas.store(out)
        return How.SWAPPED

    def reset(self) -> None:
        pass

    def adapt(self, tier: Tier) -> None:
        pass

    def stages(self) -> Mapping[str, int]:
        return {}


def main(quick: bool) -> None:
    bars: list[Bar] = []
    details: dict[str, object] = {}
    for delay_ms in (45, 100):
        values = {"source.spec": "synthetic", "output.sinks": "memory", "privacy.hold_ms": "500"}
        daemon = Daemon(configure(values), make_processor=lambda ms=delay_ms: SlowProcessor(ms / 1000))  # type: ignore[misc]
        daemon.start()
        for _ in range(30 if quick else 200):
            daemon.check()
            time.sleep(0.1)
        daemon.stop()
        report = daemon.report()
        withheld = sum(report.withheld.values())
        lost = report.captured - report.skipped - withheld - report.published
        shown = report.published - report.overtaken - report.expired - report.sent["live"]
        limit = report.stages_ms["whole"]["p50"] + 2 * FRAME_MS
        bars += [
            Bar(f"age p95 at {delay_ms} ms a frame, ms", limit, report.age_ms["p95"]),
            Bar(f"frames unaccounted for at {delay_ms} ms", 0, abs(lost) + abs(shown)),
        ]
        details[str(delay_ms)] = {
            "age_ms": report.age_ms,
            "captured": report.captured,
            "skipped": report.skipped,
            "published": report.published,
            "sent": dict(report.sent),
            "overtaken": report.overtaken,
        }
    publish("overload", COMMAND, bars, details, quick)
