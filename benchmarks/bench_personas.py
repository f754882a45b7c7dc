"""Switching among 50 personas while live: no frame may be late for it, none bare, and memory must stay bounded.

The personas are the drawn nobody in other colours, made when this runs. Each switch is ordered as the control socket
orders it; how late a frame is, is its age when it is finished: what comes after does not know the persona.

A frame is late when it is older than the 99th percentile of steady state. By that definition 1 % of frames are late
in which nothing was ordered, so of 200 first frames of a newly worn persona 2 are by chance alone. Switches make no
frame late if no more of their frames are than chance explains: the bars are the 95th percentiles of the binomial
distribution with a share of 1 % (5 of 200), and the results hold the counts as they are. Steady frames and switches
take turns every few seconds, so that what else goes on in the machine meets both.

Memory is taken when every persona is ready and was worn once: from then on it must not grow. What the personas
themselves take, which the wardrobe bounds, is in the results.
"""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import psutil

from benchmarks.common import Bar, configure, publish
from benchmarks.rig import built_in_picture
from livecam.app.assemble import persona_library
from livecam.app.daemon import Daemon
from livecam.app.wardrobe import MOST_BYTES
from livecam.config import Config, Paths
from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_MS, Frame, Image, Picture
from livecam.core.ladder import Tier
from livecam.core.persona import Basis
from livecam.core.seams import Processor
from livecam.core.settings import SetPersona, Settings

COMMAND = "python -m benchmarks personas"
PERSONAS = 50
SWITCH_S = 0.4
STEADY_S = 2.5
BLOCK = 10
TICK_MS = 1000 / 30
_START_S = 60.0
_AHEAD_S = 0.2
_CHANCE, _SURE = 0.01, 0.95


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame that was worked on.

    Attributes:
        persona: That was asked for.
        how: What became of it.
        done_ns: When it was finished, monotonic.
        age_ms: Since it was captured.
    """

    persona: str
    how: How | Withheld
    done_ns: int
    age_ms: float


class Watched:
    """A processor whose frames are noted.

    Args:
        inner: Does the work.
        seen: Where they are noted.
    """

    def __init__(self, inner: Processor, seen: list[Seen]) -> None:
        self._inner = inner
        self._seen = seen

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        how = self._inner.process(frame, out, settings)
        done_ns = time.monotonic_ns()
        self._seen.append(Seen(settings.persona, how, done_ns, (done_ns - frame.captured_ns) / NS_PER_MS))
        return how

    def reset(self) -> None:
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        return self._inner.stages()


def coloured(picture: Image, number: int) -> Image:
    """`picture`, (H, W, 3) u8 BGR, of another colour, brightness and contrast for each `number`."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.int32)
    hsv[:, :, 0] = (hsv[:, :, 0] + 3 * (number % 10)) % 180
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] * (0.75 + 0.01 * number), 0, 255)
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR), np.uint8)


def fill(config: Config, paths: Paths, count: int) -> list[str]:
    """Add `count` personas; their names."""
    library, picture = persona_library(config, paths), built_in_picture()
    for number in range(count):
        photo = paths.data / f"{number:02}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(cv2.imencode(".png", coloured(picture, number))[1].tobytes())
        library.add(f"p{number:02}", [photo], Basis.SYNTHETIC)
    return [f"p{number:02}" for number in range(count)]


class Run:
    """A daemon that is live on the drawn demo face.

    Args:
        config: Checked configuration.
        paths: Where the personas are.
    """

    def __init__(self, config: Config, paths: Paths) -> None:
        self.seen: list[Seen] = []
        self._daemon = Daemon(config, paths, wrap_processor=lambda inner: Watched(inner, self.seen))
        self._ended = threading.Event()
        self._checking = threading.Thread(target=self._check, daemon=True)

    def __enter__(self) -> "Run":
        self._daemon.start()
        self._checking.start()
        end_s = time.monotonic() + _START_S
        while sum(one.how is How.SWAPPED for one in self.seen) < 30 and time.monotonic() < end_s:
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._checking.join()
        self._daemon.stop()

    def _check(self) -> None:
        while not self._ended.wait(0.1):
            self._daemon.check()

    def warm_up(self, names: Sequence[str]) -> None:
        """Wait until all are ready, and wear each once."""
        time.sleep(_AHEAD_S * len(names))
        for name in names:
            self._daemon.submit(SetPersona(name))
            time.sleep(0.1)

    def steady(self, seconds: float) -> list[Seen]:
        """The frames of so many seconds in which nothing is ordered."""
        first = len(self.seen)
        time.sleep(seconds)
        return self.seen[first:]

    def switched(self, names: Sequence[str]) -> tuple[list[Seen], list[Seen], list[float]]:
        """Wear one after the other; all frames meanwhile, the first ones of each persona, and ms until they came."""
        first, orders = len(self.seen), []
        for name in names:
            orders.append((name, time.monotonic_ns()))
            self._daemon.submit(SetPersona(name))
            time.sleep(SWITCH_S)
        frames = self.seen[first:]
        starts = [
            next((one for one in frames if one.persona == name and one.done_ns > at), None) for name, at in orders
        ]
        took = [(one.done_ns - at) / NS_PER_MS for one, (_, at) in zip(starts, orders, strict=True) if one is not None]
        return frames, [one for one in starts if one is not None], took


@dataclass(slots=True)
class Taken:
    """What was seen.

    Attributes:
        steady: Frames while nothing was ordered.
        frames: All others.
        starts: Of those, the first one of each persona that was switched to.
        took: From the order to that one, ms, by the kind of switch.
        memory_mb: After each round.
    """

    steady: list[Seen] = field(default_factory=list)
    frames: list[Seen] = field(default_factory=list)
    starts: list[Seen] = field(default_factory=list)
    took: dict[str, list[float]] = field(default_factory=lambda: {"walk": [], "jump": []})
    memory_mb: list[float] = field(default_factory=list)


def p(values: Sequence[float], percent: float) -> float:
    """A percentile; 0 of nothing."""
    return float(np.percentile(values, percent)) if values else 0.0


def ages(frames: Sequence[Seen]) -> list[float]:
    """Of each, ms."""
    return [one.age_ms for one in frames]


def by_chance(count: int) -> int:
    """So many of `count` frames are late at most, in 95 of 100 runs, when each is with a probability of 1 %."""
    most, left = 0, 1 - _SURE
    share = (1 - _CHANCE) ** count
    above = 1 - share
    while above > left:
        share *= (count - most) / (most + 1) * _CHANCE / (1 - _CHANCE)
        most, above = most + 1, above - share
    return most


def take(run: Run, rounds: Sequence[tuple[str, Sequence[str]]], steady_s: float) -> Taken:
    """All `rounds` of switches, steady frames between: a "walk" goes to neighbours, a "jump" anywhere."""
    process = psutil.Process()
    memory: Callable[[], float] = lambda: process.memory_info().rss / 1e6  # noqa: E731
    taken = Taken(memory_mb=[memory()])
    for kind, names in rounds:
        for start in range(0, len(names), BLOCK):
            taken.steady += run.steady(steady_s)
            frames, starts, ms = run.switched(names[start : start + BLOCK])
            taken.frames += frames
            taken.starts += starts
            taken.took[kind] += ms
        taken.memory_mb.append(memory())
    return taken


def lived(
    config: Config, paths: Paths, names: Sequence[str], rounds: Sequence[tuple[str, Sequence[str]]], steady_s: float
) -> Taken:
    """What is seen of one daemon, of which nothing is left when the next one is measured."""
    with Run(config, paths) as run:
        run.warm_up(names)
        return take(run, rounds, steady_s)


def judged(taken: Taken, *, fades: bool) -> tuple[list[Bar], dict[str, object]]:
    """Bars and details."""
    steady, starts, frames = taken.steady, taken.starts, taken.frames
    late_ms = p(ages(steady), 99)
    late_starts, late_frames = (sum(age > late_ms for age in ages(which)) for which in (starts, frames))
    orders = [*taken.took["walk"], *taken.took["jump"]]
    grown_mb = [round(after - taken.memory_mb[0], 1) for after in taken.memory_mb[1:]]
    bars = [
        Bar("frames withheld while switching", 0, sum(one.how is not How.SWAPPED for one in frames)),
        Bar("order to the first frame of the next persona, p95, ms", 2 * TICK_MS, p(orders, 95)),
        Bar("memory grown since every persona was worn once, MB", 10, max(grown_mb)),
    ]
    if fades:
        # Two swaps take longer than one; they must still fit into a frame.
        later_ms = p(ages(frames), 99) - late_ms
        bars.append(Bar("age p99 while switching over that of steady state, ms", TICK_MS, later_ms))
    else:
        bars.append(Bar(f"late first frames, of {len(starts)}", by_chance(len(starts)), late_starts))
    details: dict[str, object] = {
        "switches": len(starts),
        "late": {
            "older than, ms": round(late_ms, 2),
            "first frames": f"{late_starts} of {len(starts)}, {_CHANCE * len(starts):.0f} expected by chance",
            "all frames while switching": f"{late_frames} of {len(frames)}, {_CHANCE * len(frames):.0f} by chance",
        },
        **{
            f"{what}_ms": {f"p{q}": round(p(ages(which), q), 2) for q in (50, 95, 99, 100)}
            for what, which in (("steady", steady), ("switching", frames), ("first_frames", starts))
        },
        **{
            f"order_to_frame_{kind}_ms": {f"p{q}": round(p(ms, q), 1) for q in (50, 95, 100)}
            for kind, ms in taken.took.items()
        },
        "memory_mb_when_all_are_ready": round(taken.memory_mb[0]),
        "memory_grown_mb_by_round": grown_mb,
        "frames": {"steady": len(steady), "switching": len(frames)},
    }
    return bars, details


def main(quick: bool) -> None:
    bars: list[Bar] = []
    details: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "livecam.toml", Path(folder) / "data", Paths.find().cache)
        names = fill(configure({}), paths, 8 if quick else PERSONAS)
        mixed = [*names]
        random.Random(1).shuffle(mixed)
        rounds = [("walk", names), ("jump", mixed), ("walk", names[::-1]), ("jump", mixed[::-1])]
        for fade_ms in (0, 150):
            values = {"source.spec": "synthetic", "output.sinks": "memory", "bank.fade_ms": str(fade_ms)}
            values |= {"face.persona": names[-1]}
            taken = lived(configure(values), paths, names, rounds[: 2 if quick else 4], 1 if quick else STEADY_S)
            more, details[f"fade {fade_ms} ms"] = judged(taken, fades=fade_ms > 0)
            bars += [Bar(f"{bar.what} (fade {fade_ms} ms)", bar.limit, bar.measured) for bar in more]
    details["wardrobe_mb_at_most"] = round(MOST_BYTES / 1e6)
    publish("personas", COMMAND, bars, details, quick)
