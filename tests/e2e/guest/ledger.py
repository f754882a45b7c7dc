"""What was checked, what was measured, and whether that is enough."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


class JobFailed(Exception):
    """A job could not go on, for a reason that says what did not happen."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the result.

    Attributes:
        job: Which job it belongs to.
        name: What was looked at.
        passed: Whether it is as it should be.
        figure: What was measured.
        wanted: What was demanded of it.
        shown: Whether it is about what was shown. Everything else a busy host may spoil.
    """

    job: str
    name: str
    passed: bool
    figure: str
    wanted: str
    shown: bool = False

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        return f"{verdict} {self.job:<15} {self.name:<40} {self.figure:<46} {self.wanted}"


class Ledger:
    """Prints each check as it is made, and keeps them all.

    Attributes:
        checks: So far.
        job: Whose the next ones are.
        foreign: Pictures that no reader of this job should have seen.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.job = ""
        self.foreign = 0
        self._begun = 0

    def begin(self, job: str) -> None:
        """What is checked from now on belongs to that job."""
        self.job, self._begun, self.foreign = job, len(self.checks), 0

    def begin_again(self) -> bool:
        """Whether the job gets a second try: where a check failed, and none of what was shown. Then it is forgotten."""
        failed = [check for check in self.checks[self._begun :] if not check.passed]
        again = bool(failed) and not self.foreign and not any(check.shown for check in failed)
        if again:
            print(f"again: {self.job}", flush=True)
            del self.checks[self._begun :]
        return again

    def check(self, name: str, passed: bool, figure: str, wanted: str, *, shown: bool = False) -> None:
        """Note and print one check; see `Check`."""
        self.checks.append(Check(self.job, name, bool(passed), figure, wanted, shown))
        print(self.checks[-1], flush=True)

    def at_most(self, name: str, value: float, limit: float, unit: str) -> None:
        """`value` must not be above `limit`; not a number fails."""
        self.check(name, value <= limit, f"{value:.1f} {unit}", f"<= {limit:g} {unit}")

    def between(self, name: str, value: float, low: float, high: float, unit: str) -> None:
        """`value` must lie between `low` and `high`, and be neither."""
        self.check(name, low < value < high, f"{value:.1f} {unit}", f"{low:g} to {high:g} {unit}")

    def note(self, name: str, figure: str) -> None:
        """A figure that nothing is demanded of."""
        self.check(name, True, figure, "")

    @property
    def passed(self) -> bool:
        """Whether there were checks and none failed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def write(self, path: Path) -> None:
        """Write all checks as JSON."""
        path.write_text(json.dumps([asdict(check) for check in self.checks], indent=2) + "\n", encoding="utf-8")
