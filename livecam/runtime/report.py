"""What a run was like: the numbers of its telemetry, for the status line and for the report file."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from livecam.core.frame import NS_PER_S
from livecam.core.seams import Clock
from livecam.core.stats import Histogram
from livecam.errors import LivecamError
from livecam.runtime.telemetry import Telemetry

REPORT_VERSION = 1
_WINDOW_NS = 3 * NS_PER_S


def _percentiles(histogram: Histogram) -> dict[str, float]:
    return {f"p{percent}": round(histogram.percentile_ms(percent), 3) for percent in (50, 95, 99)}


@dataclass(frozen=True, slots=True)
class Report:
    """A run in numbers. Times in ms unless the name says otherwise.

    Attributes:
        fps: Pictures shown for the first time, a second, from the first to the last.
        age_ms: From capture to the moment before sending, p50, p95, p99.
        captured: Frames from the source.
        skipped: Frames that inference never saw, because a newer one was there.
        published: Pictures inference made.
        overtaken: Published pictures the output never took, because a newer one was there.
        expired: Pictures taken by the output that the gate did not let out.
        withheld: Frames not published, by reason.
        sent: Ticks by what they sent: live, held, slate.
        missed_ticks: Grid points that passed without a tick.
        stages_ms: p50, p95, p99 by stage; ``whole`` is the inference step.
        tier: Of quality, at the end; "" where nothing could be given up.
        tiers: Swapped and published frames by the tier they were made on.
        wearer: How the wearer was told from others; "" where the swap never started.
        files: Recordings and snapshots, each with its path and whether it is signed, or why not.
    """

    version: int
    seconds: float
    fps: float
    age_ms: Mapping[str, float]
    captured: int
    skipped: int
    published: int
    overtaken: int
    expired: int
    withheld: Mapping[str, int]
    sent: Mapping[str, int]
    missed_ticks: int
    wait_ms: Mapping[str, float]
    send_ms: Mapping[str, float]
    stages_ms: Mapping[str, Mapping[str, float]]
    tier: str
    tiers: Mapping[str, int]
    source_lost: int
    source_reopened: int
    bad_stamps: int
    thread_restarts: int
    first_live_s: float | None
    state: str
    problem: str
    source: str
    sinks: tuple[Mapping[str, object], ...]
    persona: str
    mode: str
    size: str
    provider: str
    wearer: str
    peak_memory_mb: float
    cpu_s: float
    versions: Mapping[str, str]
    files: tuple[Mapping[str, str], ...]

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all.

        Raises:
            LivecamError: The file cannot be written.
        """
        partial = path.with_name(path.name + ".part")
        try:
            partial.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            text = f"The report {path} cannot be written: {error.strerror}."
            raise LivecamError(text, "Name another place with --report.") from error


@dataclass(frozen=True, slots=True)
class About:
    """What a report says besides counters."""

    state: str
    problem: str
    source: str
    sinks: tuple[Mapping[str, object], ...]
    persona: str
    mode: str
    size: str
    provider: str
    wearer: str
    peak_memory_mb: float
    cpu_s: float
    versions: Mapping[str, str]
    thread_restarts: int
    files: tuple[Mapping[str, str], ...] = ()


def make_report(telemetry: Telemetry, about: About, started_ns: int, ended_ns: int) -> Report:
    """The report of a run between `started_ns` and `ended_ns`."""
    capture, inference, output = telemetry.capture, telemetry.inference, telemetry.output
    first_live_ns = output.first_live_ns
    shown_s = (output.last_live_ns - first_live_ns) / NS_PER_S
    stages = {"whole": inference.whole, **inference.stages}
    return Report(
        version=REPORT_VERSION,
        seconds=round((ended_ns - started_ns) / NS_PER_S, 3),
        fps=round((output.live - 1) / shown_s, 3) if output.live > 1 and shown_s > 0 else 0.0,
        age_ms=_percentiles(output.age),
        captured=capture.captured,
        skipped=capture.captured - inference.taken,
        published=inference.published,
        overtaken=inference.published - output.live - output.expired,
        expired=output.expired,
        withheld={str(reason): count for reason, count in inference.withheld.items() if count},
        sent={"live": output.live, "held": output.held, "slate": output.slate},
        missed_ticks=output.missed,
        wait_ms=_percentiles(output.wait),
        send_ms=_percentiles(output.send),
        stages_ms={name: _percentiles(histogram) for name, histogram in stages.items()},
        tier=inference.tier,
        tiers=dict(inference.tiers),
        source_lost=capture.lost,
        source_reopened=capture.reopened,
        bad_stamps=capture.bad_stamps,
        first_live_s=round((first_live_ns - started_ns) / NS_PER_S, 3) if first_live_ns else None,
        **{name: getattr(about, name) for name in About.__dataclass_fields__},
    )


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a running daemon, for the status line.

    Attributes:
        fps: Pictures shown for the first time, a second, over the last three seconds.
        age_p50_ms: Over the same time.
        age_p95_ms: Over the same time.
        dropped: Frames captured and not shown so far: skipped, withheld, overtaken or expired.
        state: Of the supervisor.
        showing: ``live``, ``held`` or ``slate``, as of the last tick.
        persona: In use.
        mode: ``swap`` or ``passthrough``.
        provider: What runs the networks.
        note: What is wrong, or nothing.
        sinks: Their names, with what is wrong with them.
        tier: Of quality, in force; "" where nothing can be given up.
        wearer: How the wearer is told from others; "" until that is known.
        panel: Where the control panel is, with its secret; "" for none.
    """

    fps: float
    age_p50_ms: float
    age_p95_ms: float
    dropped: int
    state: str
    showing: str
    persona: str
    mode: str
    provider: str
    note: str
    sinks: tuple[str, ...]
    tier: str = ""
    wearer: str = ""
    panel: str = ""


class Meter:
    """Rates over the last three seconds.

    Args:
        telemetry: Read, never written.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._past: deque[tuple[int, int, Histogram]] = deque()

    def read(self) -> tuple[float, float, float]:
        """Live pictures a second, and their age p50 and p95 in ms."""
        now_ns = self._clock.now_ns()
        output = self._telemetry.output
        self._past.append((now_ns, output.live, output.age.copy()))
        while len(self._past) > 2 and now_ns - self._past[1][0] >= _WINDOW_NS:
            self._past.popleft()
        then_ns, live, ages = self._past[0]
        seconds = (now_ns - then_ns) / NS_PER_S
        recent = self._past[-1][2].since(ages)
        fps = (self._past[-1][1] - live) / seconds if seconds > 0 else 0.0
        return fps, recent.percentile_ms(50), recent.percentile_ms(95)

    def dropped(self) -> int:
        """Frames captured and never shown so far."""
        return max(0, self._telemetry.capture.captured - self._telemetry.output.live)

    def showing(self) -> str:
        """What the last tick sent."""
        return self._telemetry.output.last
