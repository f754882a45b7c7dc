"""Switching among 50 personas while live: no frame may be late for it, none bare, and memory must stay bounded.

The personas are the drawn nobody in other colours, made when this runs. Each switch is ordered as the control socket
orders it; how late a frame is, is its age when it is finished: what comes after does not know the persona.
"""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil

from benchmarks.common import Bar, configure, publish
from benchmarks.rig import built_in_picture
from livecam.app.assemble import persona_library
from livecam.app.daemon import Daemon
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
STEADY_S = 30.0
TICK_MS = 1000 / 30
_START_S = 60.0


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


def p(values: Sequence[float], percent: float) -> float:
    """A percentile; 0 of nothing."""
    return float(np.percentile(values, percent)) if values else 0.0


def measure(
    run: Run, rounds: Sequence[tuple[str, Sequence[str]]], steady_s: float, *, fades: bool
) -> tuple[list[Bar], dict[str, object]]:
    """Steady frames, then all `rounds` of switches: a "walk" goes to neighbours, which are ready, a "jump" anywhere."""
    process = psutil.Process()
    memory: Callable[[], float] = lambda: process.memory_info().rss / 1e6  # noqa: E731
    steady = run.steady(steady_s)
    before_mb, grown_mb = memory(), []
    frames: list[Seen] = []
    starts: list[Seen] = []
    took: dict[str, list[float]] = {"walk": [], "jump": []}
    for kind, names in rounds:
        seen, first, ms = run.switched(names)
        frames, starts = frames + seen, starts + first
        took[kind] += ms
        grown_mb.append(round(memory() - before_mb, 1))
    late_ms = p([one.age_ms for one in steady], 99)
    late = [one.age_ms for one in starts if one.age_ms > late_ms]
    bare = sum(one.how is not How.SWAPPED for one in frames)
    later_ms = p([one.age_ms for one in frames], 99) - late_ms
    bars = [
        Bar("frames withheld while switching", 0, bare),
        Bar("order to the first frame of the next persona, p95, ms", 2 * TICK_MS, p(took["walk"], 95)),
        Bar("memory grown from the first round to the last, MB", 10, grown_mb[-1] - grown_mb[0]),
    ]
    if fades:
        # Two swaps take longer than one; they must still fit into a frame.
        bars.append(Bar("age p99 while switching over that of steady state, ms", TICK_MS, later_ms))
    else:
        share = 100 * len(late) / max(1, len(starts))
        bars.append(Bar("first frames of a persona later than p99 of steady state, %", 1.0, share))
    details: dict[str, object] = {
        "switches": len(starts),
        "steady_ms": {f"p{q}": round(p([one.age_ms for one in steady], q), 2) for q in (50, 95, 99, 100)},
        "switching_ms": {f"p{q}": round(p([one.age_ms for one in frames], q), 2) for q in (50, 95, 99, 100)},
        "first_frames_ms": {f"p{q}": round(p([one.age_ms for one in starts], q), 2) for q in (50, 95, 99, 100)},
        **{
            f"order_to_frame_{kind}_ms": {f"p{q}": round(p(ms, q), 1) for q in (50, 95, 100)}
            for kind, ms in took.items()
        },
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
            with Run(configure(values), paths) as run:
                more, details[f"fade {fade_ms} ms"] = measure(
                    run, rounds[: 2 if quick else 4], 5 if quick else STEADY_S, fades=fade_ms > 0
                )
            bars += [Bar(f"{bar.what} (fade {fade_ms} ms)", bar.limit, bar.measured) for bar in more]
    publish("personas", COMMAND, bars, details, quick)
