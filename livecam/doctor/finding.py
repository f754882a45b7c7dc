"""What a check says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from livecam.config import Resolved
from livecam.doctor.machine import Machine


class Status(StrEnum):
    """How bad it is. Only `FAIL` keeps ``livecam run`` from working."""

    OK = "ok"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        check: What was looked at, in a word or two.
        status: How bad it is.
        finding: What was found, in a sentence.
        next_step: The exact next command, or what to do; empty when there is nothing to do.
    """

    check: str
    status: Status
    finding: str
    next_step: str = ""


Check: TypeAlias = Callable[[Machine, Resolved], Iterable[Finding]]
"""Looks at one thing. Asks the machine only through `Machine`."""
