"""A soak: random faults and commands for an hour, or hours; every picture judged; memory, handles, threads and ages.

``--quick`` runs one minute. The daemon is a process of its own, with the doubles of the fault matrix (tests/faults).
"""

import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import psutil

from benchmarks.common import Bar, configure, publish
from benchmarks.rig import built_in_picture
from benchmarks.soak_events import Events
from benchmarks.soak_gaps import Gaps
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image
from livecam.core.stamp import stamp_age_ns
from tests.faults.judge import Judge, Shown
from tests.faults.rig import INTERVAL_NS, Run, Seen

COMMAND: Final = "python -m benchmarks soak --minutes {minutes:g} --seed {seed}"
SETTLE_S: Final = 3.0
"""After a disturbance so long passes before ages count again."""
LOOK_S: Final = 2.0
WARM_UP_SHARE: Final = 0.2
WARM_UP_S: Final = 600.0
KEPT: Final = 600
GAP_NS: Final = 2 * INTERVAL_NS
"""From here on the time between two pictures is looked into."""


@dataclass
class Gathered:
    """What was seen, minute by minute; written by the thread that judges.

    Attributes:
        ages: Of new pictures in quiet times: minute of the soak, ms.
        shown: How many pictures showed what.
        held: Pictures that were sent again.
        wrong: What must not have left.
        gaps: The longest times between two pictures.
    """

    began_ns: int = 0
    quiet: bool = False
    quiet_ns: int = 0
    ages: list[tuple[float, float]] = field(default_factory=list)
    shown: dict[str, int] = field(default_factory=dict)
    held: int = 0
    wrong: list[str] = field(default_factory=list)
    gaps: Gaps = field(default_factory=lambda: Gaps(GAP_NS))
    last_number: int = -1

    def take(self, one: Seen) -> None:
        """Take note of one picture."""
        if not self.began_ns:
            return
        self.shown[one.verdict.shown] = self.shown.get(one.verdict.shown, 0) + 1
        if one.wrong:
            self.wrong.append(one.wrong)
        self.gaps.take(one.sent_ns)
        self.held += one.verdict.shown is Shown.SWAPPED and one.verdict.number == self.last_number
        fresh = one.verdict.shown is Shown.SWAPPED and one.verdict.number != self.last_number
        self.last_number = one.verdict.number
        if fresh and self.quiet and one.sent_ns - self.quiet_ns > SETTLE_S * NS_PER_S:
            age_ms = stamp_age_ns(one.verdict.stamped_ns, one.sent_ns) / NS_PER_MS
            self.ages.append(((one.sent_ns - self.began_ns) / NS_PER_S / 60, age_ms))

    def calm(self, quiet: bool) -> None:
        """Whether nothing disturbs the run."""
        self.quiet, self.quiet_ns = quiet, time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class Sample:
    """The process, at one moment: seconds since the beginning, MiB, and counts."""

    at_s: float
    rss: float
    threads: int
    handles: int
    cpu_s: float


def other_photo() -> Image:
    """Another persona's picture: the built-in one under green light."""
    lit = built_in_picture().astype(np.float32) * np.array((0.75, 1.0, 0.55), np.float32)
    return np.clip(lit, 0, 255).astype(np.uint8)


def main(quick: bool, minutes: float = 10.0, seed: int = 1) -> None:
    """Soak, and say what came of it."""
    minutes = 1.0 if quick else minutes
    with tempfile.TemporaryDirectory(prefix="livecam-soak-") as name:
        folder = Path(name)
        judge = Judge(configure({"source.spec": "synthetic"}), {"other": other_photo()})
        gathered = Gathered()
        settings = folder / "livecam.toml"
        settings.write_text("")
        _add_other(folder)
        flags = ["--sink", "brittle", "--config", str(settings), "--log-level", "info"]
        run = Run(folder / "run", judge, flags, tell=gathered.take, most_kept=KEPT)
        try:
            run.until_live()
            events = Events(run, seed, settings)
            samples = _soak(run, events, gathered, minutes * 60, seed)
            code = run.stop()
        finally:
            run.close()
        _publish(run, events, gathered, samples, code, COMMAND.format(minutes=minutes, seed=seed), quick)


def _add_other(folder: Path) -> None:
    import subprocess
    import sys

    photo = folder / "other.png"
    cv2.imwrite(str(photo), other_photo())
    words = ["faces", "add", "other", str(photo), "--consent", "synthetic", "--subject", "drawn"]
    environment = {**os.environ, "LIVECAM_DATA": str(folder / "run" / "data")}
    subprocess.run([sys.executable, "-m", "livecam", *words], env=environment, check=True, capture_output=True)


def _soak(run: Run, events: Events, gathered: Gathered, seconds: float, seed: int) -> list[Sample]:
    process = psutil.Process(run.process.pid)
    pauses = np.random.default_rng(seed)
    gathered.began_ns = gathered.gaps.began_ns = time.monotonic_ns()
    gathered.calm(True)
    samples: list[Sample] = []
    began = told = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds and run.process.poll() is None and run.broken is None:
        samples.append(_sample(process, elapsed))
        # Long enough that ages are measured between two disturbances, too.
        run.rest(float(pauses.uniform(SETTLE_S + 1, SETTLE_S + 7)) if seconds > 120 else 1.0)
        events.happen(gathered.calm)
        if time.monotonic() - told > 300:
            told = time.monotonic()
            print(f"  {elapsed / 60:.0f} min: {gathered.shown}, {samples[-1]}", flush=True)
    return samples


def _sample(process: psutil.Process, at_s: float) -> Sample:
    with process.oneshot():
        times = process.cpu_times()
        rss = process.memory_info().rss / 2**20
        return Sample(at_s, rss, process.num_threads(), process.num_fds(), times.user + times.system)


def _thirds(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The medians of the first and of the last third, by time, of what came after the warm-up."""
    array = np.array(values) if len(values) else np.zeros((0, 2))
    if len(array) < 3:
        return 0.0, 0.0
    edges = np.quantile(array[:, 0], (1 / 3, 2 / 3))
    first, last = array[array[:, 0] <= edges[0], 1], array[array[:, 0] >= edges[1], 1]
    return float(np.median(first)), float(np.median(last))


def _p99_by_minute(ages: Sequence[tuple[float, float]], since_min: float) -> list[tuple[float, float]]:
    minutes = sorted({int(minute) for minute, _ in ages if minute >= since_min})
    by_minute = {minute: [age for at, age in ages if int(at) == minute] for minute in minutes}
    return [(minute, float(np.percentile(found, 99))) for minute, found in by_minute.items() if len(found) >= 30]


def _publish(
    run: Run, events: Events, gathered: Gathered, samples: list[Sample], code: int, command: str, quick: bool
) -> None:
    whole_s = samples[-1].at_s if samples else 0.0
    warm_s = min(WARM_UP_S, WARM_UP_SHARE * whole_s)
    settled = [sample for sample in samples if sample.at_s >= warm_s]
    memory = _thirds([(sample.at_s, sample.rss) for sample in settled])
    hours = max(whole_s - warm_s, 1.0) * 2 / 3 / 3600
    threads = _thirds([(sample.at_s, sample.threads) for sample in settled])
    handles = _thirds([(sample.at_s, sample.handles) for sample in settled])
    p99 = _thirds(_p99_by_minute(gathered.ages, warm_s / 60))
    longest, raw, gaps = gathered.gaps.told(INTERVAL_NS, run.witness_folder, run.log(), events.during)
    died = len(run.said(r"died and is started again|Started again"))
    bars = [
        Bar("pictures with a bare face, or that nobody knows", 0, len(gathered.wrong)),
        Bar("pictures inspected", 1, sum(gathered.shown.values()), at_least=True),
        Bar("things after which the swap did not come back, or that went wrong", 0, len(events.tally.failures)),
        Bar("threads and processes that had to be started again", 0, died),
        Bar("exit code", 0, code),
        Bar("growth of resident memory, MiB an hour", 20.0, 0.0 if quick else (memory[1] - memory[0]) / hours),
        Bar("growth of threads", 1, threads[1] - threads[0]),
        Bar("growth of handles", 2, handles[1] - handles[0]),
        Bar("drift of the age p99, last third against first, ms", 15.0, p99[1] - p99[0]),
    ]
    details = {
        "minutes": round(whole_s / 60, 1),
        "size": "640x360 at 15 fps",
        "shown": {**gathered.shown, "of which again": gathered.held},
        "wrong": gathered.wrong[:10],
        "events": sum(events.tally.events.values()),
        "events_by_name": dict(sorted(events.tally.events.items())),
        "longest_recovery_s": dict(sorted(events.tally.recovery_s.items())),
        "failures": events.tally.failures[:20],
        "longest_gap_ticks": {
            "without stalls of the machine": round(longest, 2),
            "with them": round(raw, 2),
        },
        "gaps": gaps,
        "rss_mib": {"first third": round(memory[0], 1), "last third": round(memory[1], 1)},
        "threads": {"first third": threads[0], "last third": threads[1]},
        "handles": {"first third": handles[0], "last third": handles[1]},
        "age_p99_ms": {"first third": round(p99[0], 1), "last third": round(p99[1], 1)},
        "cpu_share": round(samples[-1].cpu_s / max(whole_s, 1.0), 3) if samples else 0.0,
        "tracebacks_logged": len(re.findall(r"^Traceback", run.log(), re.MULTILINE)),
    }
    publish("soak", command, bars, details, quick)
    if quick:
        print(details)
    print(f"  verdict: {'sound' if all(bar.met for bar in bars) else 'NOT SOUND'}", flush=True)
