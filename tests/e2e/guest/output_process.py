"""``--output-process``: the camera outlives the daemon, shows the slate at once, and is taken over by the next one."""

import time
from itertools import pairwise

from livecam.core.frame import NS_PER_MS
from livecam.output import loopback
from tests.e2e.clips import CARD
from tests.e2e.guest.bench import START_S, VIRTUAL, WEBCAM, Bench
from tests.e2e.guest.card import is_live, is_slate, ms_since, start_card
from tests.e2e.guest.processes import Program, wait_until_readable, webcam
from tests.e2e.guest.readers import Reader, rate

_FLAG = "--output-process"
_GONE_S = 10.0


def check_output_process(bench: Bench, sink: str) -> None:
    """Kill the main process under a reader, and start another."""
    with webcam(bench.clips / CARD, WEBCAM, bench.out) as camera:
        wait_until_readable(WEBCAM, camera, START_S)
        with start_card(bench, sink, "main", _FLAG) as first:
            wait_until_readable(VIRTUAL, first, START_S)
            with bench.reader() as reader:
                reader.wait_for("the card", is_live, START_S)
                _check_killed(bench, reader, first)
                _check_taken_over(bench, reader, sink)
                bench.only_known(reader, "through all that: pictures")


def _check_killed(bench: Bench, reader: Reader, main: Program) -> None:
    reader.during(1.0)
    killed_ns = main.kill()
    slate = reader.wait_for("the slate of the output process", is_slate, 5.0)
    bench.ledger.at_most("kill -9 of the main process: slate", ms_since(killed_ns, slate), 100, "ms")
    later = reader.during(2.0)
    bench.ledger.between("main process dead: rate of the slate", rate(later), 24, 36, "fps")
    good = all(one.slate for one in later)
    bench.ledger.check(
        "main process dead: nothing but the slate", good, f"{len(later)} pictures", "all of them", shown=True
    )


def _check_taken_over(bench: Bench, reader: Reader, sink: str) -> None:
    start = len(reader.seen)
    with start_card(bench, sink, "main-again", _FLAG) as second:
        reader.wait_for("the card, by the next main process,", is_live, START_S)
        seen = reader.seen[start:]
        gap_ns = max(after.arrived_ns - before.arrived_ns for before, after in pairwise(seen))
        bench.ledger.at_most("next main process: longest silence", gap_ns / NS_PER_MS, 500, "ms")
        status = second.end()
    bench.ledger.check("SIGTERM: status", status == 0, f"status {status}", "status 0")
    feeder = _feeder_left()
    bench.ledger.check("SIGTERM: nobody feeds the device", not feeder, feeder or "free", "free")


def _feeder_left() -> str:
    """Who still feeds the device after a while; nothing when nobody does."""
    end = time.monotonic() + _GONE_S
    feeder = loopback.writer_of(VIRTUAL)
    while feeder and time.monotonic() < end:
        time.sleep(0.1)
        feeder = loopback.writer_of(VIRTUAL)
    return feeder
