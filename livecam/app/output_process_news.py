"""How the output process says its sinks are: checked field by field, since it is another process that wrote it."""

import json
from dataclasses import dataclass
from typing import get_type_hints

from livecam.output.tee import SinkState


@dataclass(frozen=True, slots=True)
class News:
    """What the output process says.

    Attributes:
        error: What ended its output for good; empty when nothing did.
        problem: What it is trying to repair; empty when nothing is wrong.
        sinks: In the order given.
        readers: How many read them; None where that cannot be told.
    """

    error: str = ""
    problem: str = ""
    sinks: tuple[SinkState, ...] = ()
    readers: int | None = None


def read_news(text: str) -> News | None:
    """The news in `text`; None when it is not what it should be."""
    try:
        values = json.loads(text)
        error, problem, sinks, readers = (values[name] for name in ("error", "problem", "sinks", "readers"))
        if not isinstance(error, str) or not isinstance(problem, str) or type(readers) not in (int, type(None)):
            return None
        return News(error, problem, tuple(_sink(sink) for sink in sinks), readers)
    except (ValueError, TypeError, KeyError):
        return None


def _sink(values: dict[str, object]) -> SinkState:
    checked = {name: (values[name], kind) for name, kind in get_type_hints(SinkState).items()}
    for name, (value, kind) in checked.items():
        if type(value) is not kind:
            raise TypeError(f"{name} is {value!r}")
    return SinkState(**{name: value for name, (value, _) in checked.items()})  # type: ignore[arg-type]
