"""Clocks that jump on command: the monotonic one, as after a suspension that it counted, and the one on the wall."""

import datetime
import time
from typing import Final

from tests.faults.board import BOARD

TRUE_NS: Final = time.monotonic_ns
"""The machine's clock, also where a test has moved the one of the daemon. This module is imported before it is."""

_NS: Final = 1_000_000_000


def install() -> None:
    """From now on clocks jump when they are told to: ``monotonic`` and ``wall`` say by how many seconds."""
    monotonic, monotonic_ns, wall, wall_ns = time.monotonic, time.monotonic_ns, time.time, time.time_ns
    names = vars(time)
    names["monotonic"] = lambda: monotonic() + BOARD.number("monotonic")
    names["monotonic_ns"] = lambda: monotonic_ns() + round(BOARD.number("monotonic") * _NS)
    names["time"] = lambda: wall() + BOARD.number("wall")
    names["time_ns"] = lambda: wall_ns() + round(BOARD.number("wall") * _NS)
    vars(datetime)["datetime"] = _Shifted


class _Shifted(datetime.datetime):
    """A `datetime` whose now is that of the wall's clock."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "_Shifted":
        """Now, as the clock on the wall has it."""
        return cls.fromtimestamp(time.time(), tz)
