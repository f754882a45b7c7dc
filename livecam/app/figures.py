"""What a run takes, over the last seconds: for those who look on while it goes."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from livecam.core.frame import NS_PER_S
from livecam.core.seams import Clock
from livecam.core.stats import Histogram
from livecam.runtime.telemetry import Telemetry

WINDOW_S: Final = 3.0
BARS_MS: Final = (*range(4, 124, 4), 150, 200, 300, 500, 1000, 130_000)
"""Upper ends of the bars of ages; the last one takes whatever is older."""

Figure: TypeAlias = "str | int | float | Sequence[Figure] | Mapping[str, Figure]"


class _Look(NamedTuple):
    """The counters at one moment."""

    at_ns: int
    live: int
    age: Histogram
    send: Histogram
    stages: Mapping[str, Histogram]


class Figures:
    """Rates and durations since about `WINDOW_S` ago. Any thread.

    Args:
        telemetry: Read, never written.
        clock: Where time comes from.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._lock = threading.Lock()
        self._past: deque[_Look] = deque()

    def read(self) -> dict[str, Figure]:
        """The figures of now.

        Returns:
            ``stages``: p50 and p95 in ms by stage; ``age_histogram``: pairs of a bar's upper end in ms and its count;
            ``age_ms``: p50 and p95; ``dropped``: frames never shown, by reason, since the start; ``tier``; ``tiers``:
            frames by the tier they were made on; ``fps``; ``delay_ms``: median from capture to the end of sending, and
            half the time a picture stands, by which sound has to be late.
        """
        with self._lock:
            now, then = self._looked()
        ages = now.age.since(then.age)
        seconds = (now.at_ns - then.at_ns) / NS_PER_S
        stages = {name: _since(histogram, then.stages.get(name)) for name, histogram in now.stages.items()}
        inference = self._telemetry.inference
        fps = (now.live - then.live) / seconds if seconds > 0 else 0.0
        late_ms = ages.percentile_ms(50) + now.send.since(then.send).percentile_ms(50) + (500 / fps if fps else 0.0)
        return {
            "stages": {name: _two(recent) for name, recent in stages.items() if recent.count},
            "age_histogram": _bars(ages),
            "age_ms": _two(ages),
            "dropped": self._dropped(),
            "tier": inference.tier,
            "tiers": dict(inference.tiers),
            "fps": round(fps, 1),
            "delay_ms": round(late_ms, 1),
        }

    def _looked(self) -> tuple[_Look, _Look]:
        """How it is now, and how it was a window ago."""
        output, inference = self._telemetry.output, self._telemetry.inference
        # A copy made at once: the inference thread may be adding a stage.
        stages = {"whole": inference.whole, **dict(inference.stages)}
        now = _Look(
            self._clock.now_ns(),
            output.live,
            output.age.copy(),
            output.send.copy(),
            {name: histogram.copy() for name, histogram in stages.items()},
        )
        while len(self._past) > 1 and now.at_ns - self._past[1].at_ns >= WINDOW_S * NS_PER_S:
            self._past.popleft()
        if not self._past or now.at_ns - self._past[-1].at_ns >= NS_PER_S // 4:
            self._past.append(now)
        return now, self._past[0]

    def _dropped(self) -> dict[str, Figure]:
        capture, inference, output = self._telemetry.capture, self._telemetry.inference, self._telemetry.output
        counts = {
            "skipped": capture.captured - inference.taken,
            **{str(reason): count for reason, count in inference.withheld.items()},
            "overtaken": inference.published - output.live - output.expired,
            "expired": output.expired,
        }
        return {reason: count for reason, count in counts.items() if count > 0}


def _since(now: Histogram, then: Histogram | None) -> Histogram:
    return now.since(then) if then is not None else now


def _two(histogram: Histogram) -> dict[str, Figure]:
    return {f"p{percent}": round(histogram.percentile_ms(percent), 2) for percent in (50, 95)}


def _bars(ages: Histogram) -> list[Figure]:
    below = [0, *(ages.below(limit_ms) for limit_ms in BARS_MS[:-1]), ages.count]
    return [[limit_ms, below[number + 1] - below[number]] for number, limit_ms in enumerate(BARS_MS)]
