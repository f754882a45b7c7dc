"""How soon an order shows in what is sent, how soon a panic covers it, and what two hundred orders a second cost.

One daemon swaps the demo face at 720p30. Orders come as ``livecam ctl`` sends them, over the control socket; a panic
comes by the hotkeys' way too, and while inference hangs. What counts is seen at a sink: a picture made under the
order's revision, or the slate. For the last part a second process moves sliders, in turns with nobody doing so, so that
what else the machine does falls on both alike.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.common import Bar, configure, publish
from livecam.app.controls import Controls
from livecam.app.daemon import CHECK_S, Daemon
from livecam.config import USUAL, Paths
from livecam.control.chords import bindings
from livecam.control.client import order
from livecam.control.hotkeys import Hotkeys
from livecam.core.cleared import Cleared, How, Withheld
from livecam.core.frame import NS_PER_MS, NS_PER_S, Frame, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from tests.control.pretend import PretendKeys

COMMAND = "python -m benchmarks control"
TICK_MS = 1000 / 30
ORDERS = ("label off", "shape 0.2", "passthrough on", "passthrough off", "label on", "steadiness 0.6", "shape 0.54")
RATE = 200
_PATIENCE_S = 30.0
_SETTLE_S = 0.5

SLIDERS = """
import socket, sys, threading, time
path, rate = sys.argv[1], float(sys.argv[2])
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
given = 0
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    answers = connection.makefile("rb")
    began = time.monotonic()
    while not over.is_set():
        name = ("shape", "steadiness", "blend")[given % 3]
        connection.sendall(f"{name} {0.3 + given % 200 / 1000:.3f}\\n".encode())
        assert answers.readline().startswith(b'{"ok": true')
        given += 1
        time.sleep(max(0.0, began + given / rate - time.monotonic()))
    print(given / (time.monotonic() - began))
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it was handed to the sink."""

    at_ns: int
    how: How
    revision: int
    seq: int
    captured_ns: int


class Witness:
    """A sink that notes when it was given what, and copies each picture as a driver does.

    Attributes:
        seen: All, oldest first.
    """

    name = "witness"

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._copy = np.empty(0, np.uint8)

    def open(self, size: Size, fps: float) -> None:
        """See `Sink`."""
        self._copy = np.empty(size.picture_shape, np.uint8)

    def send(self, cleared: Cleared) -> None:
        """See `Sink`."""
        self.seen.append(Seen(time.monotonic_ns(), cleared.how, cleared.revision, cleared.seq, cleared.captured_ns))
        np.copyto(self._copy, cleared.picture)

    def close(self) -> None:
        """See `Sink`."""

    def first(self, wanted: Callable[[Seen], bool], since: int) -> Seen:
        """The first such picture from number `since` on, waited for.

        Raises:
            TimeoutError: None came.
        """
        end_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end_s:
            found = next((one for one in self.seen[since:] if wanted(one)), None)
            if found is not None:
                return found
            time.sleep(0.002)
        raise TimeoutError(f"No such picture within {_PATIENCE_S:g} s.")


class Hanging:
    """A processor that waits before a frame for as long as it is told to.

    Attributes:
        going: Cleared, the next frame hangs.
        hung: Set when one does.
    """

    def __init__(self) -> None:
        self.going = threading.Event()
        self.going.set()
        self.hung = threading.Event()
        self._inner: Processor | None = None

    def around(self, inner: Processor) -> Processor:
        """This, in front of `inner`."""
        self._inner = inner
        return self

    def reset(self) -> None:
        """See `Processor`."""
        assert self._inner is not None, "around() gives it"
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        assert self._inner is not None, "around() gives it"
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        assert self._inner is not None, "around() gives it"
        return self._inner.stages()

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`."""
        assert self._inner is not None, "around() gives it"
        if not self.going.is_set():
            self.hung.set()
            self.going.wait(_PATIENCE_S)
        return self._inner.process(frame, out, settings)


@dataclass(frozen=True, slots=True)
class Rig:
    """A running daemon, with its ways in and out."""

    daemon: Daemon
    controls: Controls
    socket: Path
    witness: Witness
    hanging: Hanging

    def tell(self, line: str) -> None:
        """By the socket."""
        answer = order(self.socket, line)
        assert answer.ok, answer.said

    def back(self) -> None:
        """Wait until swapped pictures go out again, made under what now holds."""
        revision = self.daemon.settings().revision
        self.witness.first(lambda one: one.how is How.SWAPPED and one.revision >= revision, len(self.witness.seen))


@contextmanager
def running() -> Iterator[Rig]:
    """A daemon that is live."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.sock"
        values = {"source.spec": "synthetic", "source.size": "1280x720", "output.sinks": "memory"}
        config = configure({**values, "control.socket": str(path), "control.hotkeys": "false"})
        hanging, witness = Hanging(), Witness()
        daemon = Daemon(config, wrap_processor=hanging.around)
        controls = Controls(daemon, config, Paths.find())
        daemon.add_sink(witness)
        over = threading.Event()
        keeper = threading.Thread(target=lambda: _keep(daemon, over), daemon=True)
        daemon.start()
        try:
            keeper.start()
            controls.start()
            rig = Rig(daemon, controls, path, witness, hanging)
            rig.back()
            time.sleep(2.0)
            yield rig
        finally:
            hanging.going.set()
            controls.stop()
            over.set()
            keeper.join()
            daemon.stop()


def _keep(daemon: Daemon, over: threading.Event) -> None:
    while not over.wait(CHECK_S):
        daemon.check()


def delays(rig: Rig, times: int) -> list[float]:
    """From an order's sending to the first picture made under it, ms. Orders fall anywhere between two ticks."""
    found = []
    for number in range(times):
        time.sleep(random.uniform(0.1, 0.2))
        since, began_ns = len(rig.witness.seen), time.monotonic_ns()
        rig.tell(ORDERS[number % len(ORDERS)])
        revision = rig.daemon.settings().revision
        shown = rig.witness.first(lambda one: one.how is not How.SLATE and one.revision >= revision, since)  # noqa: B023
        found.append((shown.at_ns - began_ns) / NS_PER_MS)
    rig.tell("passthrough off")
    rig.tell("label on")
    rig.back()
    return found


@dataclass(frozen=True, slots=True)
class Covered:
    """Panics by one way.

    Attributes:
        after_ms: From the order's sending to the slate at the sink.
        frames: Other pictures that were sent after it was answered.
    """

    after_ms: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)


def panics(
    rig: Rig, panic: Callable[[], None], times: int, hangs: bool = False, after: Callable[[], None] = lambda: None
) -> Covered:
    """Panic so often, each time out of a live picture; `after` each one ends the way it was given."""
    covered = Covered()
    for _ in range(times):
        time.sleep(random.uniform(0.1, 0.2))
        if hangs:
            rig.hanging.hung.clear()
            rig.hanging.going.clear()
            assert rig.hanging.hung.wait(_PATIENCE_S)
            assert rig.witness.seen[-1].how is How.SWAPPED, "the held picture is what has to be covered"
        since, began_ns = len(rig.witness.seen), time.monotonic_ns()
        panic()
        answered_ns = time.monotonic_ns()
        slate = rig.witness.first(lambda one: one.how is How.SLATE, since)
        time.sleep(3 * TICK_MS / 1000)
        rig.hanging.going.set()
        after()
        covered.after_ms.append((slate.at_ns - began_ns) / NS_PER_MS)
        later = [one for one in rig.witness.seen[since:] if one.at_ns >= answered_ns]
        covered.frames.append(sum(one.how is not How.SLATE for one in later))
        rig.tell("resume")
        rig.back()
    return covered


@contextmanager
def keys_of(rig: Rig) -> Iterator[PretendKeys]:
    """A keyboard, from the thread in which keys arrive; what lies before that is the display's."""
    keys = PretendKeys()
    hotkeys = Hotkeys(bindings(USUAL), rig.controls.desk, keys)
    hotkeys.start()
    yield keys
    hotkeys.stop()


def all_panics(rig: Rig, times: int) -> dict[str, Covered]:
    """By every way, by its name."""

    def tell() -> None:
        rig.tell("panic")

    with keys_of(rig) as keys:

        def press() -> None:
            keys.press("ctrl", "alt", "p")

        def let_go() -> None:
            keys.release("p", "alt", "ctrl")

        return {
            "socket": panics(rig, tell, times),
            "hotkey": panics(rig, press, times, after=let_go),
            "socket, inference hangs": panics(rig, tell, times, hangs=True),
            "hotkey, inference hangs": panics(rig, press, times, hangs=True, after=let_go),
        }


@dataclass(frozen=True, slots=True)
class Rate:
    """What went out for a while.

    Attributes:
        fps: Pictures shown for the first time, a second.
        age_p95_ms: Of these, from capture to the sink.
        orders: That were answered, a second.
    """

    fps: float
    age_p95_ms: float
    orders: float = 0.0


def rates(rig: Rig, seconds: float, rounds: int) -> tuple[list[Rate], list[Rate]]:
    """Without orders, and with `RATE` of them a second, in turns."""
    calm, busy = [], []
    command = [sys.executable, "-c", SLIDERS, str(rig.socket), str(RATE)]
    for _ in range(rounds):
        time.sleep(_SETTLE_S)
        calm.append(rate(rig.witness, seconds))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sliders:
            time.sleep(_SETTLE_S)
            told = rate(rig.witness, seconds)
            given = float(sliders.communicate()[0])
        busy.append(Rate(told.fps, told.age_p95_ms, given))
    return calm, busy


def rate(witness: Witness, seconds: float) -> Rate:
    """Of the next `seconds`."""
    since = len(witness.seen)
    time.sleep(seconds)
    firsts = list({one.seq: one for one in reversed(witness.seen[since:]) if one.how is How.SWAPPED}.values())
    took_s = (firsts[0].at_ns - firsts[-1].at_ns) / NS_PER_S
    ages = [(one.at_ns - one.captured_ns) / NS_PER_MS for one in firsts]
    return Rate((len(firsts) - 1) / took_s, float(np.percentile(ages, 95)))


def main(quick: bool) -> None:
    """Measure, print, and write the results."""
    with running() as rig:
        effect = delays(rig, 21 if quick else 210)
        calm, busy = rates(rig, *((2.5, 2) if quick else (10.0, 6)))
        # Last, since what hangs counts as slow, and quality would be given up.
        covered = all_panics(rig, 10 if quick else 50)
    bars = [Bar("order to its effect at the sink, p95, ticks", 2.0, float(np.percentile(effect, 95)) / TICK_MS)]
    for way, one in covered.items():
        bars.append(Bar(f"panic by {way}: to the slate, slowest, ticks", 2.0, max(one.after_ms) / TICK_MS))
        bars.append(Bar(f"panic by {way}: frames after the answer, most", 1, max(one.frames)))
    bars += _unmoved(calm, busy)
    details = {
        "effect_ms": effect,
        "panic": {way: asdict(one) for way, one in covered.items()},
        "without_orders": [asdict(one) for one in calm],
        "with_orders": [asdict(one) for one in busy],
    }
    print(f"  order to effect, p50: {statistics.median(effect):.1f} ms", flush=True)
    for way, one in covered.items():
        print(f"  panic by {way}, p50: {statistics.median(one.after_ms):.1f} ms", flush=True)
    publish("control", COMMAND, bars, details, quick)


def _unmoved(calm: list[Rate], busy: list[Rate]) -> list[Bar]:
    """By the medians of the rounds; the pictures a second and their age as shares of those without orders."""
    fps = statistics.median(one.fps for one in busy) / statistics.median(one.fps for one in calm)
    age = statistics.median(one.age_p95_ms for one in busy) / statistics.median(one.age_p95_ms for one in calm)
    orders = min(one.orders for one in busy)
    return [
        Bar("orders a second, slowest round", 0.95 * RATE, orders, at_least=True),
        Bar("live pictures a second with orders, by those without", 0.95, fps, at_least=True),
        Bar("age p95 with orders, by that without", 1.05, age),
    ]
