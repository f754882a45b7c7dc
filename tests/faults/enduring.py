"""One fault from its beginning to its end, and what must hold meanwhile."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.errors import LivecamError
from tests.faults.book import Book, Row, row_of
from tests.faults.judge import Shown
from tests.faults.rig import INTERVAL_NS, Bare, Run, Seen

MOST_MISSED: Final = 2
NOISE_NS: Final = 20 * NS_PER_MS
"""What the witness does not see of a machine's stalls: those that are shorter than 10 ms, before and after a gap."""

BEFORE_NS: Final = NS_PER_S // 2
AFTER_S: Final = 0.5
SAID_S: Final = 5.0

MISSED: Final = (AssertionError, LivecamError, subprocess.TimeoutExpired)
"""What a time that was missed looks like: in a test, in an order that nobody answered, in a process that goes on."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken, and what is expected.

    Attributes:
        name: In the table.
        says: A pattern of the one line in the log; "" where nothing happens that anybody has to be told.
        within_s: From its end, the wearer is swapped again within this.
        slate: Whether the slate has to come meanwhile.
        lasts_s: How long it lasts, at least.
    """

    name: str
    says: str
    within_s: float
    slate: bool = True
    lasts_s: float = 1.5


def endure(run: Run, book: Book, fault: Fault, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Break something, mend it, and judge; see `twice`. Skips where other programs have the machine.

    Raises:
        AssertionError: Something did not hold.
    """

    def once(again: bool) -> Row:
        if again:
            end()
        with covered(run):
            return _once(run, fault, begin, end, again)

    with fairly(run):
        twice(book, once)


@contextmanager
def fairly(run: Run) -> Iterator[None]:
    """Within it, what does not hold is excused where other programs had the processors; but never a bare face."""
    begun_ns = run.now_ns()
    try:
        yield
    except Bare:
        raise
    except MISSED:
        run.demand_cores(begun_ns)
        raise


@contextmanager
def covered(run: Run) -> Iterator[None]:
    """Within it, a time that is missed is no excuse for a bare face.

    Raises:
        Bare: There was one.
    """
    begun_ns = run.now_ns()
    try:
        yield
    except Bare:
        raise
    except MISSED:
        demand_covered("meanwhile", run.since(begun_ns))
        raise


def demand_covered(fault: str, seen: Sequence[Seen]) -> None:
    """Make sure that no picture was bare.

    Raises:
        Bare: There was one.
    """
    wrong = [one.wrong for one in seen if one.wrong]
    if wrong:
        raise Bare(f"{fault}: {len(wrong)} pictures: {wrong[0]}")


def twice(book: Book, once: Callable[[bool], Row]) -> None:
    """See `retried`; counted, and `book` is told what came of it."""
    again, row = retried(once)
    book.rows.append(replace(row, tries=2) if again else row)


def retried(once: Callable[[bool], T]) -> tuple[bool, T]:
    """Do it, and once more where a time was missed, when other programs may have had the processor.

    A bare face gets no second try.

    Args:
        once: Told whether it is the second time.

    Returns:
        Whether it took the second time, and what came of it.
    """
    try:
        return False, once(False)
    except Bare:
        raise
    except MISSED:
        return True, once(True)


def _once(run: Run, fault: Fault, begin: Callable[[], None], end: Callable[[], None], again: bool) -> Row:
    run.until_live()
    run.until(run.is_settled, 20.0 * run.slowness, "the fault before is overcome")
    offset, begun_ns = len(run.log()), run.now_ns()
    begin()
    if fault.slate:
        run.until_shown(Shown.SLATE, begun_ns, 5.0 * run.slowness)
    run.rest(max(0.0, fault.lasts_s - (run.now_ns() - begun_ns) / NS_PER_S))
    ended_ns = run.now_ns()
    end()
    back_ns = run.until_shown(Shown.SWAPPED, ended_ns, fault.within_s * run.slowness + 10)
    run.rest(AFTER_S)
    said = heard(run, fault, offset)
    seen = run.since(begun_ns - BEFORE_NS)
    gap_ns = run.longest_gap_ns(seen, ready=again)
    back_s = (back_ns - ended_ns) / NS_PER_S
    row = row_of(fault.name, seen, gap_ns, back_s, fault.within_s, said, process=False)
    check(run, row, seen)
    check_gap(row, gap_ns)
    return row


def check_gap(row: Row, gap_ns: int) -> None:
    """The output never missed more than two ticks in a row."""
    assert gap_ns <= (MOST_MISSED + 1) * INTERVAL_NS + NOISE_NS, f"{row.fault}: {row.longest_gap} ticks"


def heard(run: Run, fault: Fault, offset: int) -> str:
    """The line of the log that says what happened, in one line; it may be said of every try."""
    if not fault.says:
        return ""
    # It may be a moment on its way to the disk.
    run.until(
        lambda: bool(run.said(fault.says, offset)), SAID_S * run.slowness, f"{fault.name} is told: {fault.says!r}"
    )
    return run.said(fault.says, offset)[0]


def check(run: Run, row: Row, seen: Sequence[Seen]) -> None:
    """No picture was bare, and the wearer came back in time.

    Raises:
        Bare: There was one.
        AssertionError: It took too long.
    """
    demand_covered(row.fault, seen)
    assert row.recovery_s <= row.within_s * run.slowness, f"{row.fault}: {row.recovery_s} s of {row.within_s} s"
