"""From process start to the first swapped picture sent, networks cached: a fresh process each time."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import Bar, publish

COMMAND = "python -m benchmarks coldstart"


def main(quick: bool) -> None:
    starts, firsts = [], []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "livecam", "run", "--source", "synthetic", "--sink", "null", "--no-tty"]
        for _ in range(3 if quick else 9):
            started = time.monotonic()
            subprocess.run([*command, "--seconds", "3", "--report", str(report)], check=True, capture_output=True)
            whole_s = time.monotonic() - started
            numbers = json.loads(report.read_text())
            firsts.append(numbers["first_live_s"])
            starts.append(whole_s - numbers["seconds"] + numbers["first_live_s"])
    bars = [
        Bar("daemon start to first swapped picture, s, median", 1.0, statistics.median(firsts)),
        Bar("process start and end included, s, median", 2.5, statistics.median(starts)),
    ]
    publish("coldstart", COMMAND, bars, {"first_live_s": firsts, "with_process_s": starts}, quick)
