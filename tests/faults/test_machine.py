"""Faults of the machine: clocks, sleep, a processor or a memory that others take, a configuration full of nonsense."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from livecam.core.frame import NS_PER_S
from tests.faults.book import Book, Row, row_of
from tests.faults.enduring import AFTER_S, Fault, check, check_gap, covered, endure, fairly, heard, twice
from tests.faults.judge import Shown
from tests.faults.rig import Run

pytestmark = pytest.mark.faults

BUSY = "import os; os.nice(5)\nwhile True: pass"


def test_the_processor_is_taken_by_others(standing: Run, book: Book) -> None:
    fault = Fault("CPU starved: two busy programs a core", r"Other programs take \d+ %", 2.0, slate=False, lasts_s=4.0)
    busy: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        count = 2 * (psutil.cpu_count() or 2)
        busy.extend(subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count))

    def end() -> None:
        while busy:
            process = busy.pop()
            process.kill()
            process.wait()

    endure(standing, book, fault, begin, end)


@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits")
def test_there_is_no_more_memory(standing: Run, book: Book) -> None:
    fault = Fault("memory pressure: none left to allocate", r"Memory is short: \d+ MB", 2.0, slate=False)
    pid = standing.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)

    def begin() -> None:
        resource.prlimit(pid, resource.RLIMIT_AS, (psutil.Process(pid).memory_info().vms, before[1]))
        # Whatever else fails, a panic gets in.
        assert standing.say("panic").ok
        assert standing.say("resume").ok

    def end() -> None:
        resource.prlimit(pid, resource.RLIMIT_AS, before)

    endure(standing, book, fault, begin, end)


def test_the_configuration_is_edited_to_nonsense(standing: Run, book: Book) -> None:
    fault = Fault(
        "configuration edited to nonsense", r"Reload: .*The old configuration stays in force", 1.0, slate=False
    )
    settings = standing.folder / "livecam.toml"

    def begin() -> None:
        settings.write_text("[face]\nsteadiness = 'much'\npersona = 7\n")
        standing.process.send_signal(signal.SIGHUP)

    def end() -> None:
        settings.write_text("")
        assert standing.say("reload").ok

    endure(standing, book, fault, begin, end)


def test_the_clock_on_the_wall_is_set_back(standing: Run, book: Book) -> None:
    fault = Fault("wall clock set back by a day", r"wall clock was set back by 1 day", 1.0, slate=False)
    endure(standing, book, fault, lambda: standing.put("wall", "-86400"), lambda: standing.put("wall"))


def test_the_process_is_stopped_for_a_while(standing: Run, book: Book) -> None:
    with fairly(standing):
        twice(book, lambda again: _slept(standing, "process stopped for 3 s", _stopped, again))


def test_the_machine_sleeps_and_its_clock_has_jumped(standing: Run, book: Book) -> None:
    """Last: the clock stays where it is."""

    def jump(run: Run, again: bool) -> None:
        run.put("monotonic", "7200" if again else "3600")

    with fairly(standing):
        twice(book, lambda again: _slept(standing, "suspended for an hour: the clock jumps", jump, again))


def _stopped(run: Run, again: bool) -> None:
    run.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    run.process.send_signal(signal.SIGCONT)


def _slept(run: Run, name: str, sleep: Callable[[Run, bool], None], again: bool) -> Row:
    """While nobody runs, no picture is missed: what counts begins when it wakes."""
    fault = Fault(name, r"The output was held up for", 4.0)
    run.until_live()
    with covered(run):
        return _woken(run, fault, sleep, again)


def _woken(run: Run, fault: Fault, sleep: Callable[[Run, bool], None], again: bool) -> Row:
    offset, begun_ns = len(run.log()), run.now_ns()
    sleep(run, again)
    woken_ns = run.now_ns()
    # Where the camera's next picture is swapped before the next tick, there is nothing for the slate to stand in for.
    back_ns = run.until_shown(Shown.SWAPPED, woken_ns, fault.within_s * run.slowness + 10)
    run.rest(AFTER_S)
    seen = run.since(begun_ns)
    gap_ns = run.longest_gap_ns([one for one in seen if one.sent_ns >= woken_ns], ready=again)
    back_s = (back_ns - woken_ns) / NS_PER_S
    row = row_of(fault.name, seen, gap_ns, back_s, fault.within_s, heard(run, fault, offset), process=False)
    check(run, row, seen)
    check_gap(row, gap_ns)
    return row
