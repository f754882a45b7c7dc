"""``livecam top``: a running daemon at a glance, from another terminal."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from livecam.cli.output import examples
from livecam.control.client import Said, watch
from livecam.control.place import the_one
from livecam.errors import LivecamError

if TYPE_CHECKING:
    from rich.table import Table

Row: TypeAlias = tuple[str, str, str]
"""What, how much, and in which style."""


@click.command(epilog=examples("livecam top", "livecam top | head -1       one plain line"))
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Of the daemon that is meant, where several run.",
)
def top(path: Path | None) -> None:
    """Show how a running livecam is doing, twice a second, until Ctrl-C or its end.

    Exit code 0: ended by Ctrl-C or because livecam ended in order. 1: no livecam runs.
    """
    answers = watch(the_one(path))
    try:
        if sys.stdout.isatty():
            _live(answers)
        else:
            for answer in answers:
                click.echo(answer.said)
    except KeyboardInterrupt:
        click.echo()


def _live(answers: Iterator[Said]) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(), auto_refresh=False, screen=False) as live:
        for answer in answers:
            live.update(_table(rows(answer.line)), refresh=True)


def _table(found: Sequence[Row]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value, style in found:
        table.add_row(name, Text(value, style=style))
    return table


def rows(line: str) -> list[Row]:
    """What is shown of one answer of the control socket.

    Raises:
        LivecamError: It is none of this version.
    """
    answer: object = json.loads(line)
    match answer:
        case {"now": {**now}, "status": {**status}}:
            return [*_wanted(now), *_going(status), *_stages(status.get("figures"))]
        case {"now": {**now}}:
            return [*_wanted(now), ("state", "starting", "bold")]
        case _:
            raise LivecamError("What answers is no livecam of this version.")


def _wanted(now: Mapping[object, object]) -> Iterator[Row]:
    if now.get("panic"):
        yield "PANIC", "the slate is shown", "bold white on red"
    if now.get("mode") == "passthrough":
        yield "PASSTHROUGH", "your own face is sent", "bold white on red"
    yield "persona", str(now.get("persona", "")), "bold"
    values = (f"{name} {now[name]}" for name in ("blend", "shape", "steadiness", "eyes", "others") if name in now)
    yield "values", ", ".join(values), ""
    if not now.get("label", True):
        yield "label", "off", "yellow"


def _going(status: Mapping[object, object]) -> Iterator[Row]:
    state = str(status.get("state", ""))
    yield "state", state, {"live": "bold green", "degraded": "bold yellow", "failed": "bold red"}.get(state, "bold")
    yield "shown", f"{status.get('showing')}, {status.get('fps')} pictures/s", ""
    yield "age", f"{status.get('age_p50_ms')} ms, 95 %: {status.get('age_p95_ms')} ms", ""
    yield "dropped", str(status.get("dropped", "")), ""
    yield "runs on", " ".join(filter(None, (str(status.get("provider", "")), str(status.get("tier", ""))))), ""
    if status.get("wearer"):
        yield "wearer", str(status["wearer"]), "yellow" if "weak" in str(status["wearer"]) else ""
    sinks = status.get("sinks")
    for sink in sinks if isinstance(sinks, Sequence) and not isinstance(sinks, str) else ():
        yield "sends to", str(sink), ""
    if status.get("note"):
        yield "note", str(status["note"]), "yellow"


def _stages(figures: object) -> Iterator[Row]:
    """The time of each stage, where the daemon tells it."""
    match figures:
        case {"stages": {**stages}}:
            for name, times in stages.items():
                match times:
                    case {"p50": float() | int() as p50, "p95": float() | int() as p95}:
                        yield f"  {name}", f"{p50:6.2f} ms, 95 %: {p95:6.2f} ms", ""
                    case _:
                        continue
        case _:
            return
