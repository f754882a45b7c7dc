"""Ten minutes at 720p30: resident memory must be flat, ages must not drift. ``--quick`` runs one minute."""

import time

import numpy as np
import psutil

from benchmarks.common import Bar, configure, publish
from livecam.app.daemon import Daemon

COMMAND = "python -m benchmarks soak"
WARM_UP_S = 60


def main(quick: bool) -> None:
    seconds, warm_up = (60, 15) if quick else (600, WARM_UP_S)
    daemon = Daemon(configure({"source.spec": "synthetic", "output.sinks": "memory"}))
    daemon.start()
    process = psutil.Process()
    samples: list[tuple[float, float, float, int, int]] = []
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        status = daemon.status(daemon.check())
        rss = process.memory_info().rss / 2**20
        samples.append((elapsed, rss, status.age_p95_ms, process.num_threads(), process.num_fds()))
        time.sleep(1.0)
    daemon.stop()
    report = daemon.report()
    settled = np.array([sample for sample in samples if sample[0] > warm_up])
    slope = float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0]) * 600
    noise = float(settled[:, 1].std())
    half = len(settled) // 2
    drift = float(np.median(settled[half:, 2]) - np.median(settled[:half, 2]))
    bars = [
        Bar("growth of resident memory, MiB in ten minutes", 3.0, slope),
        Bar("drift of the age p95, second half against first, ms", 3.0, drift),
        Bar("threads at the end minus after warm-up", 0, float(settled[-1, 3] - settled[0, 3])),
        Bar("handles at the end minus after warm-up", 0, float(settled[-1, 4] - settled[0, 4])),
        Bar("pictures shown a second", 29.5, report.fps, at_least=True),
    ]
    details = {
        "seconds": seconds,
        "rss_mib": {"first": settled[0, 1], "last": settled[-1, 1], "noise": noise},
        "age_ms": report.age_ms,
        "sent": dict(report.sent),
        "withheld": dict(report.withheld),
        "skipped": report.skipped,
        "missed_ticks": report.missed_ticks,
        "cpu_share": round(report.cpu_s / report.seconds, 3),
    }
    publish("soak", COMMAND, bars, details, quick)
