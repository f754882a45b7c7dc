"""What a picture costs to hand to the virtual camera, by our own writer and by pyvirtualcam, and who waits meanwhile.

Each writer runs in a process of its own, into the free v4l2loopback node of this machine or, where there is none, into
the stand-in of tests/output/shim, which copies into memory as the driver does. 1080p I420, 60 a second. A second thread
spins and notes how long it was kept from the interpreter during each send; the same without any send is the control.
Three rounds, of which each figure's least is given: other programs of this machine only add.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.common import Bar, publish
from livecam.app.registry import make_sink
from livecam.core.cleared import Cleared, How
from livecam.core.clock import Metronome, MonotonicClock
from livecam.core.frame import NS_PER_S, Size
from livecam.core.mint import MINT
from livecam.core.spec import SinkWish, parse_spec
from livecam.output.checks import black
from livecam.output.devices import list_outputs
from livecam.output.outputs import best
from tests.output.shim import runner

COMMAND = "python -m benchmarks virtualcam"
SIZE = Size(1920, 1080)
RATE = 60
SWITCH_S = 0.0005
SLOW_MS = 20
CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
WRITERS = {
    "own": "v4l2:{}",
    "pyvirtualcam": "virtualcam:{}?backend=v4l2loopback",
    "own, to BT.709": "v4l2:{}?matrix=709",
}


Figures = dict[str, dict[str, float]]
"""By load, then by name."""


class Spinner:
    """A thread that does nothing but note when it did not run.

    Attributes:
        pauses: Begin and end, ns, of every pause above 20 us.
    """

    def __init__(self) -> None:
        self.pauses: list[tuple[int, int]] = []
        self._stop = False
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def __enter__(self) -> "Spinner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    def _spin(self) -> None:
        _stay_on(1)
        now, pauses = time.perf_counter_ns, self.pauses
        last_ns = now()
        while not self._stop:
            now_ns = now()
            if now_ns - last_ns > 20_000:
                pauses.append((last_ns, now_ns))
            last_ns = now_ns

    def longest_ns(self, begin_ns: int, end_ns: int) -> int:
        """The longest pause that overlaps a stretch of time."""
        first = bisect_left(self.pauses, begin_ns, key=lambda pause: pause[1])
        longest = 0
        for begin, end in self.pauses[first:]:
            if begin > end_ns:
                break
            longest = max(longest, end - begin)
        return longest


def _stay_on(core: int) -> None:
    """Keep the calling thread on one core of its own, so that a pause is the interpreter's and not the scheduler's."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CORES[core]})


def _paced(act: Callable[[], None], times: int) -> list[tuple[int, int]]:
    """Begin and end, ns, of `times` calls of `act` on the beat."""
    metronome, spans = Metronome(MonotonicClock(), NS_PER_S // RATE), []
    for _ in range(times):
        metronome.tick()
        begin_ns = time.perf_counter_ns()
        act()
        spans.append((begin_ns, time.perf_counter_ns()))
    return spans


def _figures(spans: list[tuple[int, int]], spinner: Spinner | None = None) -> dict[str, float]:
    send_us = np.array([end - begin for begin, end in spans]) / 1e3
    figures = {"send_p50_us": np.median(send_us), "send_p99_us": np.percentile(send_us, 99)}
    if spinner is not None:
        kept_us = np.array([spinner.longest_ns(*span) for span in spans]) / 1e3
        figures |= {"kept_p50_us": np.median(kept_us), "kept_p95_us": np.percentile(kept_us, 95)}
        figures["kept_max_us"] = kept_us.max()
    return {name: round(float(value), 1) for name, value in figures.items()}


def measure(text: str, times: int) -> Figures:
    """Figures of the sink that `text` names: alone, beside a spinning thread, and of that thread without it."""
    sys.setswitchinterval(SWITCH_S)
    _stay_on(0)
    sink = make_sink(parse_spec(text), SinkWish())
    sink.open(SIZE, RATE)
    picture = black(SIZE)
    picture[:] = np.random.default_rng(0).integers(16, 235, picture.shape, dtype=np.uint8)
    cleared = Cleared(MINT, picture, 1, 0, 0, How.SLATE)
    alone = _figures(_paced(lambda: sink.send(cleared), times))
    with Spinner() as spinner:
        spans = _paced(lambda: sink.send(cleared), times)
    beside = _figures(spans, spinner)
    with Spinner() as spinner:
        spans = _paced(lambda: time.sleep(alone["send_p50_us"] / 1e6), times)
    control = _figures(spans, spinner)
    figures = {"alone": alone, "beside a spinning thread": beside, "control: sleeping instead": control}
    if "LIVECAM_SHIM_DEVICE" in os.environ:
        # A device that is slow for once shows best who waits for it.
        os.environ["LIVECAM_SHIM_WRITE_MS"] = str(SLOW_MS)
        with Spinner() as spinner:
            spans = _paced(lambda: sink.send(cleared), 10)
        figures[f"writes that take {SLOW_MS} ms"] = _figures(spans, spinner)
    sink.close()
    return figures


def _in_child(writer: str, times: int, device: str) -> Figures:
    """`measure` in a fresh process, on `device` or on the stand-in."""
    arguments = ["-c", "import sys, json; from benchmarks.bench_virtualcam import measure; "
                 "print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))"]  # fmt: skip
    if device:
        text = WRITERS[writer].format(device)
        child = subprocess.Popen([sys.executable, *arguments, text, str(times)], stdout=subprocess.PIPE, text=True)
        return _result(child)
    with tempfile.TemporaryDirectory() as folder:
        node = Path(folder) / "video9"
        text = WRITERS[writer].format(node)
        return _result(runner.start(runner.build(Path(folder)), node, [*arguments, text, str(times)]))


def _result(child: "subprocess.Popen[str]") -> Figures:
    answer, _ = child.communicate(timeout=300)
    if child.returncode:
        raise SystemExit(f"The writer failed with exit code {child.returncode}.")
    figures: Figures = json.loads(answer)
    return figures


def _least(rounds: list[Figures]) -> Figures:
    """The least of each figure, since other programs only add."""
    return {load: {name: min(one[load][name] for one in rounds) for name in rounds[0][load]} for load in rounds[0]}


def main(quick: bool) -> None:
    if platform.system() != "Linux":
        print("  skipped: both writers exist on Linux only")
        return
    found = best(list_outputs())
    reason = runner.why_not()
    if found is None and reason:
        print(f"  skipped: no v4l2loopback device, and {reason}")
        return
    device, times = found.device if found else "", 40 if quick else 100
    rounds = [{name: _in_child(name, times, device) for name in WRITERS} for _ in range(1 if quick else 3)]
    figures = {name: _least([one[name] for one in rounds]) for name in WRITERS}
    for writer, by_load in figures.items():
        for load, values in by_load.items():
            print(f"  {writer}, {load}: {values}")
    own, vendor = (figures[name]["beside a spinning thread"] for name in ("own", "pyvirtualcam"))
    bars = [
        Bar("own writer, 1080p, send alone, median us", 2000.0, figures["own"]["alone"]["send_p50_us"]),
        Bar("another thread kept from the interpreter by a send, own / pyvirtualcam, median", 1.0,
            own["kept_p50_us"] / vendor["kept_p50_us"]),
    ]  # fmt: skip
    publish("virtualcam", COMMAND, bars, {"device": device or "stand-in", "pictures": times, **figures}, quick)
