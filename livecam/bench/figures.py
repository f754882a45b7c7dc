"""From a reader's arrivals to figures: ages, drops, duplicates, jitter, rates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from livecam.core.arrival import Arrival, unwrapped
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.stamp import stamp_age_ns


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of durations, ms."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, durations_ns: Sequence[int]) -> "Spread":
        """Of `durations_ns`; all 0 when there are none."""
        if not durations_ns:
            return cls(0.0, 0.0, 0.0)
        p50, p95, p99 = np.percentile(np.asarray(durations_ns, np.float64) / NS_PER_MS, (50, 95, 99))
        return cls(round(float(p50), 2), round(float(p95), 2), round(float(p99), 2))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one reader got.

    Attributes:
        frames: Pictures of any kind that arrived.
        measured: Different frames among them; each counts once, at its first arrival.
        dropped: Frames between the first and the last that never arrived, wherever they were lost.
        duplicates: Pictures whose frame had arrived before: the output repeats one when none is new.
        out_of_order: Frames that arrived after a newer one.
        unreadable: Pictures without a readable stamp: the slate, or a damaged picture.
        reader_fps: Pictures of any kind a second.
        new_fps: Frames newer than all before, a second, over the same time.
        age_ms: From capture to the reader, of each frame's first arrival. The stamp rounds the capture time down to
            whole ms, so that an age reads up to 1 ms too high.
        jitter_ms: Deviation from the nominal interval, without its sign, of the intervals between frames newer than
            all before. A dropped frame is a deviation of one interval.
        ages_ns: (measured,) i64, for a histogram.
    """

    frames: int
    measured: int
    dropped: int
    duplicates: int
    out_of_order: int
    unreadable: int
    reader_fps: float
    new_fps: float
    age_ms: Spread
    jitter_ms: Spread
    ages_ns: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A readable stamp: when it arrived, which frame it was (no longer modulo anything), and its age then."""

    arrived_ns: int
    number: int
    age_ns: int


def figures(arrivals: Sequence[Arrival], fps: float) -> Figures:
    """Count and measure.

    Args:
        arrivals: In the order of arrival.
        fps: Nominal rate.
    """
    sightings = _sightings(arrivals)
    first: dict[int, _Sighting] = {}
    for sighting in sightings:
        first.setdefault(sighting.number, sighting)
    rising = _rising(first.values())
    ages_ns = [sighting.age_ns for sighting in first.values()]
    reader_fps = _rate([arrival.arrived_ns for arrival in arrivals])
    return Figures(
        frames=len(arrivals),
        measured=len(first),
        dropped=max(first) - min(first) + 1 - len(first) if first else 0,
        duplicates=len(sightings) - len(first),
        out_of_order=len(first) - len(rising),
        unreadable=len(arrivals) - len(sightings),
        reader_fps=reader_fps,
        new_fps=round(reader_fps * len(rising) / max(len(arrivals), 1), 2),
        age_ms=Spread.of(ages_ns),
        jitter_ms=Spread.of([round(abs(b - a - NS_PER_S / fps)) for a, b in pairwise(rising)]),
        ages_ns=np.asarray(ages_ns, np.int64),
    )


def _sightings(arrivals: Sequence[Arrival]) -> list[_Sighting]:
    found: list[_Sighting] = []
    for arrival in arrivals:
        if arrival.stamp is not None:
            number = unwrapped(arrival.stamp.number, found[-1].number if found else arrival.stamp.number)
            age_ns = stamp_age_ns(arrival.stamp.captured_ns, arrival.arrived_ns)
            found.append(_Sighting(arrival.arrived_ns, number, age_ns))
    return found


def _rising(sightings: Iterable[_Sighting]) -> list[int]:
    """When those frames arrived that were newer than all before."""
    times_ns: list[int] = []
    newest: int | None = None
    for sighting in sightings:
        if newest is None or sighting.number > newest:
            newest = sighting.number
            times_ns.append(sighting.arrived_ns)
    return times_ns


def _rate(times_ns: Sequence[int]) -> float:
    """Events a second, from the first to the last; 0 for fewer than two."""
    span_ns = times_ns[-1] - times_ns[0] if len(times_ns) > 1 else 0
    return round((len(times_ns) - 1) * NS_PER_S / span_ns, 2) if span_ns else 0.0
