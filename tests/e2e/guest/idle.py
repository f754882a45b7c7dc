"""``--idle release`` before a real driver: a reader's arrival and leaving, as the kernel tells of them."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from livecam.core.frame import NS_PER_S
from tests.e2e.clips import FACE
from tests.e2e.guest.bench import START_S, VIRTUAL, WEBCAM, Bench
from tests.e2e.guest.ledger import JobFailed
from tests.e2e.guest.processes import Program, daemon, wait_until_readable, webcam
from tests.e2e.guest.readers import ffmpeg, opencv
from tests.e2e.picture import SWAP_FPS

_AFTER_S: Final = 2.0
_NOTICE_S: Final = 1.5
_WAKE_S: Final = 3.0
"""From the opening of the device; the guest's processor is slow, so that this is three times the bar that
benchmarks/bench_wake.py holds elsewhere."""
_REST_S: Final = 10.0
_CPU_S: Final = 5.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def check_idle(bench: Bench, sink: str) -> None:
    """Nobody looks, somebody comes and leaves, and another one comes; the real camera is open only meanwhile."""
    with webcam(bench.clips / FACE, WEBCAM, bench.out) as camera:
        wait_until_readable(WEBCAM, camera, START_S)
        flags = ("--source", f"camera:{WEBCAM}", "--sink", sink)
        idle = ("--idle", "release", "--idle-after", f"{_AFTER_S:g}", "--card", "0")
        with daemon("idle", bench.out, *flags, *idle, fps=SWAP_FPS) as running:
            wait_until_readable(VIRTUAL, running, START_S)
            _wait(running, START_S, "opened", lambda: _holds(running, WEBCAM))
            _rests(bench, running, 1, START_S)
            for number, reading in enumerate((ffmpeg, opencv, ffmpeg), 2):
                _comes(bench, running, reading.__name__)
                _rests(bench, running, number, _REST_S)
            _idle_cpu(bench, running)
            status = running.end()
            bench.ledger.check("orderly end", status == 0, f"exit status {status}", "0")


def _rests(bench: Bench, running: Program, number: int, within_s: float) -> None:
    began_s = time.monotonic()
    _wait(running, within_s, "closed", lambda: not _holds(running, WEBCAM))
    bench.ledger.note(f"rest {number}: the camera was closed after", f"{time.monotonic() - began_s:.1f} s")


def _wait(running: Program, within_s: float, what: str, holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end_s or running.process.poll() is not None:
            raise JobFailed(f"the camera is not {what} after {within_s:g} s; it said: {running.said[-300:]}")
        time.sleep(0.05)


def _comes(bench: Bench, running: Program, name: str) -> None:
    before = _openers()
    with bench.reader({"opencv": opencv, "ffmpeg": ffmpeg}[name]) as reader:
        # Programs take their time before they open the device; that is none of the daemon's.
        _wait(running, START_S, "looked at", lambda: _openers() > before)
        came_ns = time.monotonic_ns()
        _wait(running, START_S, "opened", lambda: _holds(running, WEBCAM))
        opened_ns = time.monotonic_ns()
        # A reader that asks for more buffers than the one before is shown what was left in them, once.
        reader.wait_for("a new swapped picture", lambda one: one.live and one.arrived_ns > opened_ns, START_S)
        first = next(one for one in reader.seen if one.live and one.arrived_ns > opened_ns)
        bench.ledger.at_most(f"{name}: the camera is opened after", (opened_ns - came_ns) / NS_PER_S, _NOTICE_S, "s")
        bench.ledger.at_most(f"{name}: swapped after", (first.arrived_ns - came_ns) / NS_PER_S, _WAKE_S, "s")
        bench.only_known(reader, f"{name}: pictures")


def _openers() -> int:
    """Of any of the driver's nodes."""
    return int(Path("/sys/module/v4l2loopback/refcnt").read_text(encoding="ascii"))


def _idle_cpu(bench: Bench, running: Program) -> None:
    before = _spent_s(running)
    time.sleep(_CPU_S)
    share = 100 * (_spent_s(running) - before) / _CPU_S
    bench.ledger.note("CPU while nobody looks", f"{share:.1f} % of the guest's slow core")


def _spent_s(running: Program) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _holds(running: Program, device: str) -> bool:
    folder = Path(f"/proc/{running.process.pid}/fd")
    return any(os.path.realpath(link) == device for link in folder.iterdir())
