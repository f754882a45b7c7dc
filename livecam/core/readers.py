"""How many applications read what a sink shows."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Readable(Protocol):
    """A sink that knows how many read it; one that does not know is no `Readable`, and counts as read."""

    @property
    def readers(self) -> int | None:
        """Applications that read it now; None where that cannot be told at present. Any thread; never waits long."""
        ...


def total(counts: Iterable[int | None]) -> int | None:
    """How many read any of several sinks; None as soon as that cannot be told of one."""
    whole = 0
    for count in counts:
        if count is None:
            return None
        whole += count
    return whole
