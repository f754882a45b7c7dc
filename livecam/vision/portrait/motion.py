"""How the demo wearer moves: sines that never fall in step, and random events, from a seed and the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment of the head and face; every field 0 (scale 1) is the portrait as drawn.

    Attributes:
        yaw: Degrees, positive turns the nose to the viewer's right.
        pitch: Degrees, positive looks up.
        roll: Degrees, positive tilts clockwise as seen by the viewer.
        x: Shift to the viewer's right, cm.
        y: Shift down, cm.
        scale: Size, 1 as drawn.
        mouth_cm: Gap between the lips.
        smile: 0..1.
        pucker: 0..1, rounds the lips.
        brow: 0..1, raises the brows.
        frown: 0..1, draws the brows together.
        blink: 0 open .. 1 shut.
        gaze_x: Iris shift to the viewer's right, cm.
        gaze_y: Iris shift down, cm.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    mouth_cm: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    brow: float = 0.0
    frown: float = 0.0
    blink: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0


class Motion:
    """A person at a desk: looks about, nods, talks in phrases, blinks, glances, raises the brows.

    Everything is a pure function of the seed and the time, so runs repeat exactly and frames may be skipped.

    Args:
        seed: Which person; different seeds move differently.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def at(self, time_s: float) -> Pose:
        """The pose at `time_s` seconds."""
        speech = self._speech(time_s)
        yaw = self._drift(time_s, 1, ((13.0, 9.7), (7.0, 4.31), (3.2, 1.93), (1.0, 0.83)))
        pitch = self._drift(time_s, 2, ((4.5, 7.3), (2.6, 3.37), (1.0, 1.21))) + 1.6 * speech * self._wave(
            time_s, 3, 0.61
        )
        syllable = max(0.0, 0.55 + 0.45 * self._wave(time_s, 4, 0.263) + 0.25 * self._wave(time_s, 5, 0.431))
        gaze_x, gaze_y = self._glance(time_s)
        return Pose(
            yaw=yaw,
            pitch=pitch,
            roll=self._drift(time_s, 6, ((3.4, 8.9), (2.2, 3.83), (0.8, 1.51))),
            x=self._drift(time_s, 7, ((1.1, 11.3), (0.5, 4.7), (0.15, 1.37))) + 0.045 * yaw,
            y=self._drift(time_s, 8, ((0.40, 6.1), (0.22, 2.9), (0.08, 1.1))) - 0.03 * pitch,
            scale=1.0 + self._drift(time_s, 9, ((0.022, 13.7), (0.010, 5.3))),
            mouth_cm=1.35 * speech * syllable * (0.6 + 0.4 * self._wave(time_s, 10, 0.91)),
            smile=max(0.0, self._drift(time_s, 11, ((0.42, 6.7), (0.30, 2.87))) + 0.12),
            pucker=0.75 * speech * max(0.0, self._wave(time_s, 12, 0.53)) ** 2,
            brow=0.8 * self._pulse(time_s, 13, 4.3, 0.55, 0.9) + 0.15 * speech * max(0.0, self._wave(time_s, 14, 0.7)),
            frown=0.7 * self._pulse(time_s, 15, 7.9, 0.4, 1.3),
            blink=self._blink(time_s),
            gaze_x=gaze_x - 0.009 * yaw,
            gaze_y=gaze_y + 0.008 * pitch,
        )

    def _chance(self, channel: int, slot: int) -> float:
        """A number in 0..1 that belongs to one event: splitmix64 of seed, channel and slot."""
        z = (self._seed * 0x9E3779B97F4A7C15 + channel * 0xD1B54A32D192ED03 + slot * 0x8CB92BA72F3D8DD7) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return float((z ^ (z >> 31)) >> 11) / (1 << 53)

    def _wave(self, time_s: float, channel: int, period_s: float) -> float:
        """A sine of the given period with this channel's phase, -1..1."""
        return math.sin(2 * math.pi * (time_s / period_s + self._chance(channel, -1)))

    def _drift(self, time_s: float, channel: int, parts: tuple[tuple[float, float], ...]) -> float:
        """A sum of sines, (amplitude, period s) each."""
        return sum(size * self._wave(time_s, channel * 16 + i, period) for i, (size, period) in enumerate(parts))

    def _pulse(self, time_s: float, channel: int, every_s: float, odds: float, lasts_s: float) -> float:
        """0..1: about once in `every_s`, with `odds`, a smooth rise and fall that `lasts_s`."""
        slot = math.floor(time_s / every_s)
        if self._chance(channel, 2 * slot) > odds:
            return 0.0
        start_s = slot * every_s + self._chance(channel, 2 * slot + 1) * (every_s - lasts_s)
        part = (time_s - start_s) / lasts_s
        return math.sin(math.pi * part) ** 2 if 0 < part < 1 else 0.0

    def _speech(self, time_s: float) -> float:
        """0..1: how much is being said: phrases of up to three seconds, with pauses."""
        every_s = 3.7
        slot = math.floor(time_s / every_s)
        if self._chance(20, 2 * slot) > 0.72:
            return 0.0
        lasts_s = 1.8 + 1.6 * self._chance(20, 2 * slot + 1)
        part = time_s - slot * every_s
        return _step(part / 0.25) * _step((lasts_s - part) / 0.3)

    def _blink(self, time_s: float) -> float:
        """0..1: shut in 80 ms, open again in 160 ms; once in about three seconds, now and then twice."""
        every_s = 2.9
        slot = math.floor(time_s / every_s)
        since_s = time_s - slot * every_s - self._chance(21, 2 * slot) * (every_s - 0.75)
        if since_s > 0.36 and self._chance(21, 2 * slot + 1) < 0.18:
            since_s -= 0.36
        return _step(since_s / 0.08) * _step((0.28 - since_s) / 0.16)

    def _glance(self, time_s: float) -> tuple[float, float]:
        """Iris shift in cm: the eyes rest, then jump within 60 ms, mostly back to the camera."""
        every_s = 1.45
        slot = math.floor(time_s / every_s)
        part = _step((time_s - slot * every_s) / 0.06)
        before, after = self._target(slot - 1), self._target(slot)
        return before[0] + (after[0] - before[0]) * part, before[1] + (after[1] - before[1]) * part

    def _target(self, slot: int) -> tuple[float, float]:
        if self._chance(22, 3 * slot) < 0.5:
            return 0.0, 0.0
        return 0.5 * self._chance(22, 3 * slot + 1) - 0.25, 0.16 * self._chance(22, 3 * slot + 2) - 0.08


def _step(part: float) -> float:
    """Smoothstep: 0 before 0, 1 after 1."""
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)
