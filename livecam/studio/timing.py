"""How long a picture will take: from what pictures before it took on this machine, or not known yet."""

import json
import math
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Final

from livecam.studio.terms import Caps, Device

_FILE: Final = "times.json"
_NEWEST: Final = 0.4
"""How much the newest picture counts against all before it."""

_APART: Final = 0.1
"""Pictures whose sizes spread by less of their mean are taken for one size."""

_LARGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Pace:
    """What pictures took.

    Attributes:
        step_s: One step.
        rest_s: All besides steps, whatever the picture's size: reading the face, the codec, the gate.
        pictures: How many were measured.
        megapixel_s: What each megapixel of the picture adds: finding the face in it, pasting, marking, writing.
    """

    step_s: float
    rest_s: float
    pictures: int
    megapixel_s: float = 0.0

    def seconds(self, steps: int, megapixels: float = 0.0) -> float:
        """Of a picture of so many steps and so many megapixels."""
        return self.step_s * steps + self.rest_s + self.megapixel_s * megapixels


@dataclass(frozen=True, slots=True)
class _Sums:
    """What pictures of several sizes took besides steps, the newest counting most: sums for a line through them.

    Attributes:
        weight: How many, with what they count.
        x: Of their megapixels.
        y: Of their seconds.
        xx: Of the squares of their megapixels.
        xy: Of the products of both.
    """

    weight: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def and_one(self, megapixels: float, seconds: float) -> "_Sums":
        """With one more."""
        x, y, kept = megapixels, seconds, 1 - _NEWEST
        new = (1.0, x, y, x * x, x * y)
        return _Sums(*(kept * old + one for old, one in zip(astuple(self), new, strict=True)))

    def line(self) -> tuple[float, float]:
        """Seconds whatever the size, and for each megapixel: least squares, neither below 0.

        Of pictures of one size nothing can be told of others; they are taken to need the same.
        """
        mean, seconds = self.x / self.weight, self.y / self.weight
        spread = self.xx / self.weight - mean * mean
        if spread <= (_APART * mean) ** 2:
            return seconds, 0.0
        slope = (self.xy / self.weight - mean * seconds) / spread
        slope = min(max(slope, 0.0), seconds / mean)
        return seconds - slope * mean, slope


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept: see `Pace`; `rest` is what it took besides steps."""

    step_s: float
    pictures: int
    rest: _Sums


class Paces:
    """What pictures took on this machine, kept in a file; one that cannot be read or written is as none.

    Args:
        folder: Where the file is; made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def of(self, caps: Caps, device: Device, side: int) -> Pace | None:
        """What is known of pictures that are drawn at `side` px; None where nothing is."""
        known = self._known(_key(caps, device, side))
        if known is None:
            return None
        rest_s, megapixel_s = known.rest.line()
        return Pace(known.step_s, rest_s, known.pictures, megapixel_s)

    def learn(self, caps: Caps, device: Device, side: int, seen: Pace, megapixels: float) -> None:
        """Take in what pictures of so many megapixels took; `seen.rest_s` is all that was no step."""
        if not (math.isfinite(seen.step_s) and math.isfinite(seen.rest_s) and seen.pictures and megapixels > 0):
            return
        key = _key(caps, device, side)
        before = self._known(key) or _Known(seen.step_s, 0, _Sums())
        step_s = before.step_s + _NEWEST * (seen.step_s - before.step_s)
        known = _Known(step_s, before.pictures + seen.pictures, before.rest.and_one(megapixels, seen.rest_s))
        self._write({**self._read(), key: asdict(known)})

    def _known(self, key: str) -> "_Known | None":
        match self._read().get(key):
            case {"step_s": int() | float() as step_s, "pictures": int(pictures), "rest": {**rest}}:
                sums = _Sums(*(float(value) for value in rest.values() if isinstance(value, int | float)))
                return _Known(float(step_s), pictures, sums) if sums.weight > 0 and sums.x > 0 else None
            case _:
                return None

    def _read(self) -> dict[str, object]:
        try:
            with self._path.open("rb") as file:
                content: object = json.loads(file.read(_LARGEST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}

    def _write(self, content: dict[str, object]) -> None:
        partial = self._path.with_name(f"{_FILE}.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
            partial.replace(self._path)
        except OSError:
            # Nothing depends on it but an estimate.
            with suppress(OSError):
                partial.unlink()


def _key(caps: Caps, device: Device, side: int) -> str:
    """Of one machine, backend, device and size; a home folder may be shared between machines."""
    words = (platform.node(), caps.name, device.name, device.offload, "half" if device.half else "full", str(side))
    return "/".join(words)


def told(pace: Pace | None, steps: int, pictures: int = 1, megapixels: float = 0.0) -> str:
    """How long so many pictures of so many steps and of so many megapixels each will take, in a sentence."""
    if pace is None:
        return "How long a picture takes is not known yet on this machine; the first one tells."
    seconds = pace.seconds(steps, megapixels)
    each = f"A picture takes about {lasting(seconds)} here"
    measured = f"(as measured on {pace.pictures} before)"
    return (
        f"{each} {measured}."
        if pictures == 1
        else f"{each} {measured}; {pictures} take " + (f"about {lasting(seconds * pictures)}.")
    )


def lasting(seconds: float) -> str:
    """Such as ``0.4 s``, ``12 s`` or ``3 min``."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class Stopwatch:
    """Measures pictures by their steps. One thread.

    Args:
        now_s: The time.
    """

    def __init__(self, now_s: Callable[[], float] = time.perf_counter) -> None:
        self._now_s = now_s
        self._begun_s = self._last_s = now_s()
        self._first_s = 0.0
        self._steps_s = 0.0
        self._steps = self._pictures = 0

    def begin(self) -> None:
        """A picture, or a file's, begins."""
        self._begun_s = self._last_s = self._now_s()

    def step(self, done: int, total: int) -> None:
        """A step has ended: so many are done, of so many of this picture."""
        now_s = self._now_s()
        # What is before a first step is not that step alone: networks warm up, and the picture is encoded.
        if done > 1:
            self._steps_s += now_s - self._last_s
            self._steps += 1
        self._pictures += done == total
        self._last_s = now_s

    def end(self) -> None:
        """It is made."""
        self._first_s += self._now_s() - self._begun_s

    @property
    def pace(self) -> Pace | None:
        """What the pictures took; None where none was made, or none of two steps."""
        if not (self._pictures and self._steps):
            return None
        step_s = self._steps_s / self._steps
        # Of each picture one step was not counted.
        steps_s = step_s * (self._steps + self._pictures)
        return Pace(step_s, max(0.0, self._first_s - steps_s) / self._pictures, self._pictures)

    def left_s(self, done: int, total: int) -> float | None:
        """What the steps that are left will take; None before that can be told."""
        return self._steps_s / self._steps * (total - done) if self._steps else None
