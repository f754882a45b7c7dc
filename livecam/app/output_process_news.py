"""How the output process says its sinks are: checked field by field, since it is another process that wrote it."""

import json
from dataclasses import dataclass
from typing import get_type_hints

from livecam.output.tee import SinkState


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that a sink of the output process has ended.

    Attributes:
        number: Rises from file to file.
        path: Of the file.
        swapped: Whether any picture in it was.
    """

    number: int
    path: str
    swapped: bool


@dataclass(frozen=True, slots=True)
class News:
    """What the output process says.

    Attributes:
        error: What ended its output for good; empty when nothing did.
        problem: What it is trying to repair; empty when nothing is wrong.
        sinks: In the order given.
        readers: How many read them; None where that cannot be told.
        recordings: The latest that ended.
    """

    error: str = ""
    problem: str = ""
    sinks: tuple[SinkState, ...] = ()
    readers: int | None = None
    recordings: tuple[Recording, ...] = ()

    def since(self, before: "News") -> tuple[Recording, ...]:
        """The recordings that were not there in the news `before`."""
        return tuple(one for one in self.recordings if one not in before.recordings)


def read_news(text: str) -> News | None:
    """The news in `text`; None when it is not what it should be."""
    try:
        values = json.loads(text)
        error, problem, sinks, readers = (values[name] for name in ("error", "problem", "sinks", "readers"))
        if not isinstance(error, str) or not isinstance(problem, str) or type(readers) not in (int, type(None)):
            return None
        recordings = tuple(_recording(one) for one in values.get("recordings", ()))
        return News(error, problem, tuple(_sink(sink) for sink in sinks), readers, recordings)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _sink(values: dict[str, object]) -> SinkState:
    return SinkState(**_checked(SinkState, values))  # type: ignore[arg-type]


def _recording(values: dict[str, object]) -> Recording:
    return Recording(**_checked(Recording, values))  # type: ignore[arg-type]


def _checked(made: type, values: dict[str, object]) -> dict[str, object]:
    """The fields of `made`; TypeError where one is of another type."""
    hints = get_type_hints(made)
    for name, kind in hints.items():
        if type(values[name]) is not kind:
            raise TypeError(f"{name} is {values[name]!r}")
    return {name: values[name] for name in hints}
