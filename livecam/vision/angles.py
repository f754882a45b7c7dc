"""Which of a persona's identity vectors a frame is swapped with: chosen by the angle of the head, and never by a jump.

A recogniser's vector of a face depends a little on the side from which it is seen. Where a persona has views from
several sides (`livecam.faces.pack`), there is a vector for each of `YAWS` x `PITCHES` bins, and one, the base, for a
head whose angle is not known. Yaw and pitch are smoothed; a bin is left only `HYSTERESIS` degrees beyond its edge; and
the vector goes from one bin's to the next along the great circle.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.vision.tensor import Floats

YAWS: Final = (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0)
"""Middles of the bins, degrees; the image's right is positive."""

PITCHES: Final = (-15.0, 0.0, 15.0)
"""Middles of the bins, degrees; looking up is positive."""

BINS: Final = len(YAWS) * len(PITCHES)
BASE: Final = 0
"""Row of the vector that is used where the head's angle is not known; bin b has row 1 + b."""

HYSTERESIS: Final = 5.0
"""Degrees beyond its edge at which a bin is left."""

MOST_STEP: Final = 4.5
"""Degrees by which the vector turns from one frame to the next, at most, however late that comes."""

_TURN_NS: Final = 300 * NS_PER_MS
_SMOOTH_NS: Final = 100 * NS_PER_MS
_LOST_NS: Final = NS_PER_S
_SAME: Final = 1e-4
_YAW_EDGES: Final = tuple((low + high) / 2 for low, high in pairwise(YAWS))
_PITCH_EDGES: Final = tuple((low + high) / 2 for low, high in pairwise(PITCHES))


class HeadAngles(NamedTuple):
    """Degrees, both zero when the face looks straight into the camera.

    Attributes:
        yaw: Positive when turned to the image's right.
        pitch: Positive when looking up.
    """

    yaw: float
    pitch: float


def bin_of(angles: HeadAngles) -> int:
    """The bin, 0..`BINS` - 1, in which `angles` lie: ``yaw * len(PITCHES) + pitch``."""
    return _place(angles.yaw, _YAW_EDGES) * len(PITCHES) + _place(angles.pitch, _PITCH_EDGES)


@dataclass(frozen=True, slots=True, eq=False)
class AngledSources:
    """A persona's vectors as a swapper network takes them.

    Attributes:
        sources: Of the base and of each bin, (1, L) f32; bins without a vector of their own have the base's, the same
            array.
        units: The same at length 1, (L,) f32.
        lengths: Their lengths.
    """

    sources: tuple[Floats, ...]
    units: tuple[Floats, ...]
    lengths: tuple[float, ...]

    @property
    def rows(self) -> Floats:
        """(1 + `BINS`, L) f32: what `angled_sources` was given."""
        return np.concatenate(self.sources)


def angled_sources(rows: Floats) -> AngledSources:
    """The sources of `rows`, (1 + `BINS`, L) f32: the base's, then each bin's.

    Raises:
        ValueError: They are of another number, not finite, or one has no length.
    """
    if rows.ndim != 2 or len(rows) != 1 + BINS:
        raise ValueError(f"there are 1 + {BINS} vectors, not {rows.shape}")
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError("a vector has no length")
    unit = (rows / lengths[:, None]).astype(np.float32)
    own = [BASE if np.array_equal(row, rows[BASE]) else number for number, row in enumerate(rows)]
    sources, units = [row[None].copy() for row in rows], list(unit)
    return AngledSources(
        tuple(sources[number] for number in own),
        tuple(units[number] for number in own),
        tuple(float(lengths[number]) for number in own),
    )


class _Way:
    """The way from one vector to another along the great circle.

    ``cos(t) start + sin(t) aside`` goes as slerp does (Shoemake 1985), and stays of length 1 where both are nearly the
    same or opposite, where slerp's own form divides by nothing.

    Args:
        start: (L,) f32 of length 1.
        length: That of the vector it stands for.
        end: Where it goes.
        end_length: Likewise.
    """

    def __init__(self, start: Floats, length: float, end: Floats, end_length: float) -> None:
        self._start: Floats = start / np.float32(math.sqrt(float(start @ start)))
        self._lengths = length, end_length
        cosine = float(self._start @ end)
        aside: Floats = end - np.float32(cosine) * self._start
        sine = math.sqrt(float(aside @ aside))
        self._turn = math.atan2(sine, cosine)
        if sine < _SAME:
            # Nearly the same, or opposite: any direction at a right angle is as good.
            aside = np.zeros_like(start)
            least = int(np.argmin(np.abs(start)))
            aside[least] = 1.0
            aside -= self._start[least] * self._start
            sine = math.sqrt(float(aside @ aside))
        self._aside: Floats = aside / np.float32(sine)
        self._most = math.radians(MOST_STEP) / max(self._turn, _SAME)
        self._share = 0.0

    def go_on(self, passed_ns: int) -> bool:
        """Go as far as is due after such a time; whether the end is not reached yet."""
        self._share += min(passed_ns / _TURN_NS, self._most)
        return self._share < 1.0

    def now(self) -> tuple[Floats, float]:
        """The vector at length 1, a new array, and its length."""
        angle, (first, last) = self._share * self._turn, self._lengths
        unit: Floats = self._start * np.float32(math.cos(angle)) + self._aside * np.float32(math.sin(angle))
        return unit, first + self._share * (last - first)


class AngleChoice:
    """Chooses the vector of one followed face that wears one persona. One thread; about 10 us a frame at most.

    A persona with other vectors, or a face that was not seen for a second, begins anew at its own bin.
    """

    def __init__(self) -> None:
        self._of: AngledSources | None = None
        self._now_ns = 0
        self._smooth: HeadAngles | None = None
        self._bin = (0, 0)
        self._target = BASE
        self._way: _Way | None = None

    def __call__(self, sources: AngledSources, angles: HeadAngles | None, now_ns: int) -> Floats:
        """What the network's ``source`` is in this frame.

        Args:
            sources: Of the persona.
            angles: Of the head; None where they are not known.
            now_ns: The time of the frame.

        Returns:
            (1, L) f32, only to be read: one of `sources` while the head stays within a bin, a new array on the way.
        """
        passed_ns = max(0, now_ns - self._now_ns)
        fresh = sources is not self._of or passed_ns > _LOST_NS
        if fresh:
            self._of, self._smooth, self._way, passed_ns = sources, None, None, 0
        self._now_ns = now_ns
        self._note(angles, passed_ns)
        target = BASE if self._smooth is None else 1 + self._bin[0] * len(PITCHES) + self._bin[1]
        before, self._target = self._target, target
        if not fresh and sources.units[target] is not sources.units[before]:
            start = (sources.units[before], sources.lengths[before]) if self._way is None else self._way.now()
            self._way = _Way(*start, sources.units[target], sources.lengths[target])
        if self._way is not None and self._way.go_on(passed_ns):
            unit, length = self._way.now()
            return (unit * np.float32(length))[None]
        self._way = None
        return sources.sources[target]

    def _note(self, angles: HeadAngles | None, passed_ns: int) -> None:
        """Smooth the angles, and say in which bin they are."""
        if angles is None or not (math.isfinite(angles.yaw) and math.isfinite(angles.pitch)):
            self._smooth = None
            return
        before = self._smooth
        if before is None:
            self._smooth = angles
            self._bin = _place(angles.yaw, _YAW_EDGES), _place(angles.pitch, _PITCH_EDGES)
            return
        share = -math.expm1(-passed_ns / _SMOOTH_NS)
        yaw = before.yaw + share * (angles.yaw - before.yaw)
        pitch = before.pitch + share * (angles.pitch - before.pitch)
        self._smooth = HeadAngles(yaw, pitch)
        self._bin = _left(self._bin[0], yaw, _YAW_EDGES), _left(self._bin[1], pitch, _PITCH_EDGES)


def _place(angle: float, edges: tuple[float, ...]) -> int:
    return sum(angle > edge for edge in edges)


def _left(place: int, angle: float, edges: tuple[float, ...]) -> int:
    """`place`, or, where `angle` is `HYSTERESIS` beyond its edges, the one it is in."""
    low = -math.inf if place == 0 else edges[place - 1] - HYSTERESIS
    high = math.inf if place == len(edges) else edges[place] + HYSTERESIS
    return place if low <= angle <= high else _place(angle, edges)
