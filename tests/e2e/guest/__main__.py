"""Runs the jobs in the guest, where the devices are.

usage: python -m tests.e2e.guest CLIPS OUT [JOB...]
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tests.e2e.guest.bench import VIRTUAL, Bench, default_slate
from tests.e2e.guest.card import check_card
from tests.e2e.guest.commands import check_commands
from tests.e2e.guest.idle import check_idle
from tests.e2e.guest.latency import check_latency
from tests.e2e.guest.ledger import JobFailed, Ledger
from tests.e2e.guest.output_process import check_output_process
from tests.e2e.guest.swap import check_swap
from tests.e2e.guest.vivid import check_vivid

_DEFAULT: Final = f"virtualcam:{VIRTUAL}"

Job = Callable[[Bench], None]

_JOBS: Final[Mapping[str, Job]] = {
    "commands": check_commands,
    "vivid": partial(check_vivid, sink=_DEFAULT),
    "latency": partial(check_latency, sink=_DEFAULT),
    "v4l2": partial(check_card, sink=f"v4l2:{VIRTUAL}"),
    "pyvirtualcam": partial(check_card, sink=f"{_DEFAULT}?backend=v4l2loopback"),
    "swap": partial(check_swap, sink=_DEFAULT),
    "idle": partial(check_idle, sink=_DEFAULT),
    "two-processes": partial(check_output_process, sink=_DEFAULT),
}


def _run(name: str, job: Job, bench: Bench) -> None:
    """Twice where the first time a figure was missed, since the host may be busy; see `Ledger.begin_again`."""
    bench.ledger.begin(name)
    _try(job, bench)
    if bench.ledger.begin_again():
        _try(job, bench)
        bench.ledger.note("tries", "2")


def _try(job: Job, bench: Bench) -> None:
    started = time.monotonic()
    try:
        job(bench)
    except (JobFailed, OSError, subprocess.SubprocessError) as error:
        bench.ledger.check("came to its end", False, str(error), "")
    bench.ledger.note("took", f"{time.monotonic() - started:.0f} s")


def main() -> int:
    """Run the jobs that are named, or all; 0 when every check passed."""
    clips, out, *names = sys.argv[1:]
    bench = Bench(Ledger(), Path(clips), Path(out), default_slate())
    for name in names or _JOBS:
        _run(name, _JOBS[name], bench)
    bench.ledger.write(Path(out) / "results.json")
    failed = [check for check in bench.ledger.checks if not check.passed]
    print(f"\n{len(bench.ledger.checks) - len(failed)} of {len(bench.ledger.checks)} checks passed", flush=True)
    for check in failed:
        print(check, flush=True)
    return 0 if bench.ledger.passed else 1


if __name__ == "__main__":
    sys.exit(main())
