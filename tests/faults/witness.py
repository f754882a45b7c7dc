"""``python -m tests.faults.witness FOLDER PID``: how long this machine keeps somebody waiting who is ready to run.

It sleeps 5 ms at a time and writes down when it woke late, so that a stall of the whole machine is not laid at
livecam's door; what livecam does to itself, by its own threads, it does not see. On Linux it also writes down how long
the threads of the daemon were ready and got no processor, because other programs had it.
"""

import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, TextIO

STEP_NS: Final = 5_000_000
LATE_NS: Final = 10_000_000
EVERY: Final = 4

Stall = tuple[int, int]
"""From, to, monotonic ns."""


def watch(folder: Path, pid: int) -> None:
    """Write a line for every late awakening, and for every wait of the process, monotonic ns."""
    waited: dict[str, int] = {}
    count = 0
    with (folder / "late").open("a", buffering=1) as late, (folder / "ready").open("a", buffering=1) as ready:
        now_ns = time.monotonic_ns()
        while True:
            # From the last awakening: what stops it while it reads is a stall, too. Not what stops it while it writes,
            # which a slow disk does, to livecam as well.
            due_ns = now_ns + STEP_NS
            time.sleep(STEP_NS / 1e9)
            now_ns = time.monotonic_ns()
            if now_ns - due_ns > LATE_NS:
                now_ns += _written(late, due_ns, now_ns)
            count += 1
            if count % EVERY == 0:
                after = _waited(pid)
                longest = max((ns - waited.get(name, ns) for name, ns in after.items()), default=0)
                waited = after
                if longest > STEP_NS:
                    now_ns += _written(ready, now_ns - longest, now_ns)


def _written(file: TextIO, begin_ns: int, end_ns: int) -> int:
    """Write down a time; how long that took, ns."""
    began_ns = time.monotonic_ns()
    file.write(f"{begin_ns} {end_ns}\n")
    return time.monotonic_ns() - began_ns


def _waited(pid: int) -> dict[str, int]:
    """How long each thread was ready and not running so far, ns: the second number of its ``schedstat``."""
    found: dict[str, int] = {}
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found[task.name] = int((task / "schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return found
    return found


def stalls(folder: Path, ready: bool = False) -> list[Stall]:
    """The stalls written so far; with `ready`, also the waits of the daemon's threads. None overlap."""
    found: list[Stall] = []
    for name in ("late", "ready") if ready else ("late",):
        path = folder / name
        lines = path.read_text().splitlines() if path.exists() else []
        pairs = [line.split() for line in lines]
        found += [(int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2]
    return _merged(found)


def _merged(found: Sequence[Stall]) -> list[Stall]:
    merged: list[Stall] = []
    for begin, end in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((begin, end))
    return merged


def stalled_ns(found: Sequence[Stall], since_ns: int, until_ns: int) -> int:
    """How much of that time is stalls."""
    return sum(max(0, min(end, until_ns) - max(begin, since_ns)) for begin, end in found)


def longest_gap_ns(times: Sequence[int], found: Sequence[Stall]) -> int:
    """The longest time between two of `times`, less the stalls in it."""
    gaps = [after - before - stalled_ns(found, before, after) for before, after in pairwise(times)]
    return max(gaps, default=0)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]))
