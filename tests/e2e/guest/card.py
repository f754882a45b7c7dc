"""A test card through the whole daemon: webcam, daemon, driver, readers; and what happens when parts of it die."""

from statistics import median
from typing import Final

from livecam.core.frame import NS_PER_MS
from tests.e2e.clips import CARD
from tests.e2e.guest.bench import START_S, VIRTUAL, WEBCAM, Bench
from tests.e2e.guest.ledger import JobFailed
from tests.e2e.guest.processes import Program, daemon, livecam, report, wait_until_open, wait_until_readable, webcam
from tests.e2e.guest.readers import Reader, Seen, age_after_write_ms, ffmpeg, opencv, rate, v4l2_ctl
from tests.e2e.picture import CARD_FPS, SIZE

_RESTARTS: Final = 3
_RESTART_S: Final = 3.0
_SLOWEST_S: Final = 10.0
_READERS: Final = {"v4l2-ctl": v4l2_ctl, "ffmpeg": ffmpeg, "OpenCV": opencv}


def check_card(bench: Bench, sink: str) -> None:
    """Run the daemon on the card with the sink called `sink`, such as ``v4l2:/dev/video9``."""
    name = bench.ledger.job
    with webcam(bench.clips / CARD, WEBCAM, bench.out) as camera:
        wait_until_readable(WEBCAM, camera, START_S)
        with start_card(bench, sink, name) as first:
            wait_until_readable(VIRTUAL, first, START_S)
            _check_readers(bench)
            with bench.reader() as reader:
                reader.wait_for("the card", is_live, START_S)
                _check_second_feeder(bench, reader, sink)
                _check_starved(bench, reader, camera)
                with webcam(bench.clips / CARD, WEBCAM, bench.out):
                    _check_back(bench, reader)
                    _check_restarts(bench, reader, first, sink, name)
                bench.only_known(reader, "through all that: pictures")


def start_card(bench: Bench, sink: str, name: str, *flags: str) -> Program:
    """Start a daemon that passes the webcam's picture through, which shows the card."""
    source = ("--source", f"camera:{WEBCAM}", "--passthrough")
    return daemon(name, bench.out, *source, "--sink", sink, *flags, fps=CARD_FPS)


def is_live(seen: Seen) -> bool:
    """Whether it is the card."""
    return seen.live


def is_slate(seen: Seen) -> bool:
    """Whether it is the slate."""
    return seen.slate


def _check_readers(bench: Bench) -> None:
    ledger = bench.ledger
    for name, reading in _READERS.items():
        with bench.reader(reading) as reader:
            reader.wait_for(f"the card, by {name},", is_live, START_S)
            # What had queued up comes in a burst.
            reader.during(0.5)
            seen = reader.during(3.0)
        ledger.between(f"{name}: rate", rate(seen), 24, 36, "fps")
        ledger.at_most(
            f"{name}: colours, worst of the quadrants", max(one.colours for one in seen if one.live), 8, "levels"
        )
        bench.only_known(reader, f"{name}: pictures")
        fresh = len({one.number for one in seen}) / len(seen)
        ledger.check(f"{name}: fresh pictures", fresh >= 0.5, f"{100 * fresh:.0f} %", ">= 50 %")
        if all(one.written_ns for one in seen):
            ledger.at_most(f"{name}: age after the write, p50", age_after_write_ms(seen), 20, "ms")


def _check_second_feeder(bench: Bench, reader: Reader, sink: str) -> None:
    """Another daemon may not send a picture to a device that is being fed."""
    start = len(reader.seen)
    flags = ["--source", "synthetic?faces=0", "--size", str(SIZE), "--passthrough", "--seconds", "2", "--no-tty"]
    # Its slate is another, so that a single picture of it would be seen.
    flags += ["--slate-text", "intruder"]
    (bench.out / "second.json").unlink(missing_ok=True)
    done = livecam("run", *flags, "--sink", sink, "--report", str(bench.out / "second.json"))
    sinks = report("second", bench.out).get("sinks")
    state = dict(sinks[0]) if isinstance(sinks, list) and sinks else {}
    foreign = sum(one.foreign for one in reader.seen[start:])
    figure = f"sent {state.get('sent')}, {foreign} foreign pictures"
    good = state.get("sent") == 0 and "fed by" in done.stdout and foreign == 0
    bench.ledger.check(
        "a second daemon is refused the device", good, figure, "sent 0, 0 foreign, says who feeds", shown=foreign > 0
    )


def _check_starved(bench: Bench, reader: Reader, camera: Program) -> None:
    """The webcam's feeder is killed: what the reader sees must become the slate, not stay the last picture."""
    killed_ns = camera.kill()
    seen = reader.wait_for("the slate, after the webcam had died,", is_slate, 5.0)
    bench.ledger.at_most("webcam killed: slate at the reader", ms_since(killed_ns, seen), 1000, "ms")
    later = reader.during(2.0)
    bench.ledger.between("webcam gone: rate of the slate", rate(later), 24, 36, "fps")
    good = all(one.slate for one in later)
    bench.ledger.check("webcam gone: nothing but the slate", good, f"{len(later)} pictures", "all of them", shown=True)


def _check_back(bench: Bench, reader: Reader) -> None:
    seen = reader.wait_for("the card, after the webcam had come back,", is_live, START_S)
    bench.ledger.note("webcam back: card again", f"{seen.number} is its frame number")


def _check_restarts(bench: Bench, reader: Reader, first: Program, sink: str, name: str) -> None:
    """kill -9 and a new daemon while a program reads, and that again: the program must get pictures each time."""
    took: list[float] = []
    running = first
    for _ in range(_RESTARTS):
        killed_ns = running.kill()
        running = start_card(bench, sink, f"{name}-again")
        try:
            took.append(_restarted_s(bench, reader, running, killed_ns))
        except JobFailed:
            running.kill()
            raise
    with running:
        told = " ".join(f"{seconds:.1f}" for seconds in took)
        good = median(took) <= _RESTART_S and max(took) <= _SLOWEST_S
        bench.ledger.check("kill -9, restart: fresh picture", good, f"{told} s", "median <= 3 s, none > 10 s")
        _check_end(bench, reader, running, f"{name}-again")


def _restarted_s(bench: Bench, reader: Reader, running: Program, killed_ns: int) -> float:
    """Time from `killed_ns` to the first picture of `running` at the reader, s."""
    opened_ns = wait_until_open(VIRTUAL, running, 20.0)
    fresh = reader.wait_for(
        "a picture of the next daemon", lambda one: one.cleared and one.written_ns > killed_ns, 20.0
    )
    bench.ledger.at_most("kill -9, restart: from opening to picture", ms_since(opened_ns, fresh), 1000, "ms")
    live = reader.wait_for("the card, by the next daemon,", is_live, START_S)
    bench.ledger.note("kill -9, restart: card again", f"{ms_since(killed_ns, live) / 1000:.1f} s")
    return ms_since(killed_ns, fresh) / 1000


def _check_end(bench: Bench, reader: Reader, running: Program, name: str) -> None:
    """An orderly end: status 0, a whole report, and the slate as the last picture."""
    reader.during(1.0)
    status = running.end()
    numbers = report(name, bench.out)
    good = status == 0 and bool(numbers.get("sent"))
    bench.ledger.check("SIGTERM: status and report", good, f"status {status}, {numbers.get('sent')}", "status 0")
    last = reader.seen[-1]
    bench.ledger.check("SIGTERM: last picture", last.slate, "slate" if last.slate else "no slate", "slate")


def ms_since(start_ns: int, seen: Seen) -> float:
    """From `start_ns` to the picture's arrival, ms."""
    return (seen.arrived_ns - start_ns) / NS_PER_MS
