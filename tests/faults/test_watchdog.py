"""A driver or network that does not come back: the slate, then a new process with the virtual camera opened again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.core.frame import NS_PER_S
from tests.faults.book import Book, Row, row_of
from tests.faults.enduring import AFTER_S, Fault, T, check, covered, demand_covered, fairly, heard, retried, twice
from tests.faults.judge import Judge, Shown
from tests.faults.rig import INTERVAL_NS, START_S, Run

pytestmark = pytest.mark.faults

REOPENED_S = 5.0
"""From the beginning of the fault to the first picture of the new process."""

BACK_S = 8.0

HANGS = {
    "camera": Fault("camera hangs in its driver", r"still hangs in its driver\..* livecam is started again", BACK_S),
    "inference": Fault("network hangs for good", r"The thread inference hangs: .* livecam is started again", BACK_S),
    "camera-out": Fault("virtual camera hangs in its driver", r"The thread output hangs: ", BACK_S, slate=False),
}


def with_run(judge: Judge, folder: Path, once: Callable[[Run], T]) -> Callable[[bool], T]:
    """`once` with a daemon of its own, each time."""

    def tried(again: bool) -> T:
        run = Run(folder / f"again-{again}", judge, ["--sink", "brittle"])
        try:
            run.until_started()
            with covered(run):
                if not again:
                    return once(run)
                with fairly(run):
                    return once(run)
        finally:
            run.close()

    return tried


@pytest.mark.parametrize("part", HANGS)
def test_what_hangs_is_left_behind_with_its_process(judge: Judge, tmp_path: Path, book: Book, part: str) -> None:
    twice(book, with_run(judge, tmp_path, lambda run: _hung(run, part)))


def _hung(run: Run, part: str) -> Row:
    fault, pid = HANGS[part], run.process.pid
    # Frames enough to know how long one takes.
    run.rest(1.0)
    offset, begun_ns = len(run.log()), run.now_ns()
    run.put(part, "hang")
    new_ns = _reopened(run, begun_ns)
    back_ns = run.until_shown(Shown.SWAPPED, new_ns, 2 * BACK_S * run.slowness)
    run.rest(AFTER_S)
    assert (run.process.poll(), run.process.pid) == (None, pid), "it is the same to whoever started it"
    seen = run.since(begun_ns)
    before = [one for one in seen if one.opened_ns < begun_ns]
    assert not fault.slate or before[-1].verdict.shown is Shown.SLATE, "first the slate"
    said, back_s = heard(run, fault, offset), (back_ns - begun_ns) / NS_PER_S
    # From the last picture before it: none comes while the output itself hangs.
    gap_ns = run.longest_gap_ns(run.since(begun_ns - NS_PER_S))
    row = row_of(fault.name, seen, gap_ns, back_s, fault.within_s, said, process=True)
    check(run, row, seen)
    assert (new_ns - begun_ns) / NS_PER_S < REOPENED_S * run.slowness
    return row


def _reopened(run: Run, begun_ns: int) -> int:
    """When the first picture of the new process was sent."""

    def first() -> int:
        return next((one.sent_ns for one in run.since(begun_ns) if one.opened_ns > begun_ns), 0)

    run.until(lambda: bool(first()), 3 * REOPENED_S * run.slowness, "the virtual camera is opened again")
    return first()


def test_who_has_panicked_stays_covered(judge: Judge, tmp_path: Path) -> None:
    """The next process would not know of it."""
    retried(with_run(judge, tmp_path, _panicked))


def _panicked(run: Run) -> None:
    run.rest(1.0)
    assert run.say("panic").ok
    begun_ns = run.now_ns()
    run.put("inference", "hang")
    run.rest(4.0)
    assert {one.verdict.shown for one in run.since(begun_ns + 3 * INTERVAL_NS)} == {Shown.SLATE}
    assert not run.said("started again")
    run.put("inference")
    assert run.say("resume").ok
    run.until_live()
    demand_covered("panic", run.since(begun_ns))


def test_a_judge_who_sees_a_bare_face_says_so(judge: Judge, tmp_path: Path) -> None:
    """The whole matrix rests on him."""
    run = Run(tmp_path, judge, ["--passthrough"])
    try:
        with fairly(run):
            run.until(
                lambda: sum(one.verdict.shown is Shown.BARE for one in run.seen) > 20, START_S, "the bare face is seen"
            )
        assert {one.verdict.shown for one in run.seen} == {Shown.SLATE, Shown.BARE}
        assert all(one.verdict.nearer > 0.9 for one in run.seen if one.verdict.shown is Shown.BARE)
    finally:
        run.close()
