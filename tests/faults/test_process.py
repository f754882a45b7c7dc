"""The process is told to end, or is ended; and what it finds when it is started again."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.core.frame import NS_PER_S
from livecam.inference import weights
from livecam.inference.recipe import Recipe
from tests.faults.book import Book, Row, row_of
from tests.faults.enduring import Fault, check, check_gap, heard, twice
from tests.faults.judge import Judge, Shown
from tests.faults.rig import STOP_S, Run, answers
from tests.faults.test_output import frames, recordings
from tests.faults.test_watchdog import with_run

pytestmark = pytest.mark.faults

BACK_S = 8.0
ENDED_S = 4.0
AWAY_S = 5.0


def test_it_ends_when_told_to_with_the_slate_last(judge: Judge, tmp_path: Path, book: Book) -> None:
    twice(book, with_run(judge, tmp_path, _terminated))


def _terminated(run: Run) -> Row:
    begun_ns = run.now_ns()
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(STOP_S * run.slowness) == 0, run.tail()
    took_s = (run.now_ns() - begun_ns) / NS_PER_S
    run.until_judged()
    seen = run.since(begun_ns)
    assert seen[-1].verdict.shown is Shown.SLATE
    assert not run.socket.exists(), "nothing is left of it"
    fault = Fault("SIGTERM", r"-> stopping", ENDED_S)
    row = row_of(fault.name, seen, 0, took_s, fault.within_s, heard(run, fault, 0), process=True)
    check(run, row, seen)
    return row


def test_it_goes_on_when_told_to_read_its_configuration(judge: Judge, tmp_path: Path, book: Book) -> None:
    twice(book, with_run(judge, tmp_path, _hung_up))


def _hung_up(run: Run) -> Row:
    offset, begun_ns = len(run.log()), run.now_ns()
    run.process.send_signal(signal.SIGHUP)
    run.until(lambda: bool(run.said("Reload: ", offset)), 5.0 * run.slowness, "the configuration is read again")
    run.rest(0.5)
    seen = run.since(begun_ns)
    fault = Fault("SIGHUP", r"Reload: Nothing has changed", 1.0)
    gap_ns = run.longest_gap_ns(seen)
    row = row_of(fault.name, seen, gap_ns, 0.0, fault.within_s, heard(run, fault, offset), process=False)
    check(run, row, seen)
    check_gap(row, gap_ns)
    return row


def test_it_is_killed_and_started_again(
    judge: Judge, tmp_path: Path, book: Book, recipes: Mapping[str, Recipe]
) -> None:
    """Whoever starts it again is the test; under systemd that takes 0.2 s more (tests/e2e/service)."""

    def killed(run: Run) -> Row:
        row = _killed(run)
        _nothing_is_damaged(run, recipes)
        return row

    twice(book, with_run(judge, tmp_path, killed))


def _killed(run: Run) -> Row:
    assert run.say("record start").ok
    run.rest(2.5)
    run.until(lambda: any(frames(path) > 10 for path in recordings(run)), 20.0 * run.slowness, "a recording plays")
    offset, begun_ns = len(run.log()), run.now_ns()
    run.process.kill()
    run.start_again()
    run.until_live()
    fault = Fault("SIGKILL, started again", r"starting -> live", BACK_S)
    run.until(lambda: bool(run.said(fault.says, offset)), 5.0 * run.slowness, "it is live")
    seen = run.since(begun_ns)
    new = [one for one in seen if one.opened_ns > begun_ns]
    away_ns = new[0].sent_ns - begun_ns
    back_ns = next(one.sent_ns for one in new if one.verdict.shown is Shown.SWAPPED) - begun_ns
    said = heard(run, fault, offset)
    row = row_of(fault.name, seen, away_ns, back_ns / NS_PER_S, fault.within_s, said, process=True)
    check(run, row, seen)
    assert away_ns < AWAY_S * NS_PER_S * run.slowness
    return row


def _nothing_is_damaged(run: Run, recipes: Mapping[str, Recipe]) -> None:
    (recording,) = recordings(run)
    assert frames(recording) > 10, "what was recorded until then plays"
    deadline = time.monotonic() + 60
    while not answers(run):
        assert time.monotonic() < deadline, "the socket that the dead one left is replaced"
        time.sleep(0.05)
    cache = weights.cache_folder()
    assert all(weights.status(recipe, cache) is weights.Presence.PRESENT for recipe in recipes.values())
