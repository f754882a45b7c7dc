"""The latency self-test: how old pictures are when a program at the other end of the virtual camera has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.bench.figures import Figures, figures
from livecam.bench.reader import Reader
from livecam.core.arrival import Arrival
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.seams import Clock
from livecam.errors import LivecamError

WARMUP_S: Final = 2.0
"""Left out after the first live picture: the phase of the output's beat and the reader's buffers settle."""
RESOLUTION_MS: Final = 1.0
"""Of the capture time in the stamp, which is rounded down: an age reads up to this much too high."""

_LIVE_WITHIN_S = 60.0
_LEAST_FRAMES = 30
_LEAST_SHARE = 0.5
_POLL_NS = 100 * NS_PER_MS
_PAUSED_NS = NS_PER_S
"""Many times the interval of looks: a busy machine alone does not take that long."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured.

    Attributes:
        through: The sink, as on the command line.
        size: Of the pictures, such as ``1280x720``.
        fps: Nominal rate of source and output.
        seconds: Measured, after the warm-up.
        work: What happens to a frame on its way, such as ``mesh swap``.
    """

    through: str
    size: str
    fps: float
    seconds: float
    work: str

    @property
    def enough(self) -> int:
        """How many frames must be measured for figures that mean anything: half of the nominal number, at least 30."""
        return max(_LEAST_FRAMES, int(self.fps * self.seconds * _LEAST_SHARE))

    def __str__(self) -> str:
        return f"{self.through}, {self.size} at {self.fps:g} fps, {self.work}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finished self-test.

    Attributes:
        setup: What was measured.
        figures: What came out.
        paused_ns: The longest time for which the measuring itself stood still.
    """

    setup: Setup
    figures: Figures
    paused_ns: int = 0

    @property
    def problem(self) -> str:
        """Why the figures are not to be trusted; empty when they are."""
        if self.paused_ns > _PAUSED_NS:
            paused_s = self.paused_ns / NS_PER_S
            return (
                f"The measurement itself stood still for {paused_s:.1f} s: it was stopped, or starved. Measure again."
            )
        if self.figures.measured >= self.setup.enough:
            return ""
        return (
            f"Only {self.figures.measured} frames were measured in {self.setup.seconds:g} s; figures need "
            f"{self.setup.enough}. Measure longer (--seconds), or ask for less (--size 640x480, --fps 15)."
        )


def measure(setup: Setup, reader: Reader, look: Callable[[], None], clock: Clock) -> Measurement:
    """Wait for the first live picture, let everything settle, and measure.

    Args:
        setup: What is measured.
        reader: Notes what arrives. Stays open.
        look: Called about ten times a second to look after what is measured; raises when that has failed.
        clock: Paces; the one the stamps were made with.

    Raises:
        LivecamError: No live picture came, the reader ended, or `look` raised it.
    """
    arrivals, paused_ns = _gathered(setup.seconds, reader, look, clock)
    return Measurement(setup, figures(arrivals, setup.fps), paused_ns)


def _gathered(seconds: float, reader: Reader, look: Callable[[], None], clock: Clock) -> tuple[list[Arrival], int]:
    """What arrived in the `seconds` after the warm-up, and the longest time, ns, in which nobody looked."""
    arrivals: list[Arrival] = []
    _wait_for_live(arrivals, reader, look, clock)
    start_ns = _live_ns(arrivals, clock.now_ns()) + int(WARMUP_S * NS_PER_S)
    end_ns = start_ns + int(seconds * NS_PER_S)
    before_ns, paused_ns = clock.now_ns(), 0
    # A little longer than needed: what arrived shortly before the end may still be on its way here.
    while before_ns < end_ns + _POLL_NS:
        clock.sleep_until(before_ns + _POLL_NS)
        look()
        arrivals.extend(reader.take())
        now_ns = clock.now_ns()
        paused_ns = max(paused_ns, now_ns - before_ns - _POLL_NS)
        before_ns = now_ns
    return [arrival for arrival in arrivals if start_ns <= arrival.arrived_ns < end_ns], paused_ns


def _wait_for_live(arrivals: list[Arrival], reader: Reader, look: Callable[[], None], clock: Clock) -> None:
    """Take arrivals until there is a live picture among them.

    Raises:
        LivecamError: None came in time.
    """
    give_up_ns = clock.now_ns() + int(_LIVE_WITHIN_S * NS_PER_S)
    while _live_ns(arrivals, 0) == 0:
        if clock.now_ns() >= give_up_ns:
            raise _nothing(arrivals)
        clock.sleep_until(clock.now_ns() + _POLL_NS)
        look()
        arrivals.extend(reader.take())


def _live_ns(arrivals: Sequence[Arrival], otherwise_ns: int) -> int:
    """When the first live picture arrived."""
    return next((arrival.arrived_ns for arrival in arrivals if arrival.stamp is not None), otherwise_ns)


def _nothing(arrivals: Sequence[Arrival]) -> LivecamError:
    if not arrivals:
        return LivecamError(f"No picture reached the reader within {_LIVE_WITHIN_S:.0f} s.", "Run livecam doctor.")
    return LivecamError(
        f"The reader got {len(arrivals)} pictures and no readable stamp in any of them: only the slate is sent, or "
        "something crops the pictures on their way.",
        "Try it with --through memory; if that fails too, run livecam run --source synthetic and read its log.",
    )


def histogram(ages_ns: npt.NDArray[np.int64]) -> Mapping[int, int]:
    """How many ages fall into each whole millisecond; only those that occur, rising."""
    values, counts = np.unique(ages_ns // NS_PER_MS, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def described(measurement: Measurement) -> dict[str, object]:
    """The measurement for JSON. Times in ms."""
    setup, found = measurement.setup, measurement.figures
    return {
        "through": setup.through,
        "size": setup.size,
        "fps": setup.fps,
        "work": setup.work,
        "seconds": setup.seconds,
        "warmup_s": WARMUP_S,
        "resolution_ms": RESOLUTION_MS,
        "paused_s": round(measurement.paused_ns / NS_PER_S, 2),
        "problem": measurement.problem,
        "age_ms": {"p50": found.age_ms.p50, "p95": found.age_ms.p95, "p99": found.age_ms.p99},
        "jitter_ms": {"p50": found.jitter_ms.p50, "p95": found.jitter_ms.p95},
        "reader_fps": found.reader_fps,
        "new_fps": found.new_fps,
        "pictures": found.frames,
        "measured": found.measured,
        "dropped": found.dropped,
        "duplicates": found.duplicates,
        "out_of_order": found.out_of_order,
        "unreadable": found.unreadable,
        "ages_by_ms": {str(value): count for value, count in histogram(found.ages_ns).items()},
    }


def rows(measurement: Measurement) -> list[tuple[str, str]]:
    """The measurement for people: what, and how much."""
    found = measurement.figures
    age, jitter = found.age_ms, found.jitter_ms
    return [
        ("camera to reader, p50 / p95 / p99", f"{age.p50:.1f} / {age.p95:.1f} / {age.p99:.1f} ms"),
        ("jitter of intervals, p50 / p95", f"{jitter.p50:.1f} / {jitter.p95:.1f} ms"),
        ("new frames at the reader", f"{found.new_fps:.2f} a second"),
        ("pictures at the reader", f"{found.reader_fps:.2f} a second"),
        ("frames measured", f"{found.measured}"),
        ("frames that never came", f"{found.dropped}"),
        ("pictures that came again", f"{found.duplicates}"),
        ("frames out of order", f"{found.out_of_order}"),
        ("pictures without a stamp", f"{found.unreadable}"),
    ]
