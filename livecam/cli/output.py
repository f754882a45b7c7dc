"""What commands print: tables on a terminal, tab-separated lines into a pipe, JSON when asked."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import click

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def examples(*lines: str) -> str:
    """An epilog that shows `lines` as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Json) -> None:
    """Print `value` as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(headers: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Print a table, or the sentence `empty` when there are no rows."""
    if not rows:
        click.echo(empty)
    elif sys.stdout.isatty():
        _print_table(headers, rows)
    else:
        for row in (headers, *rows):
            click.echo("\t".join(row))


def _print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Slow to import, and most commands print no table.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, header in enumerate(headers):
        # What a row is called is there to be copied, so it is not broken in two.
        table.add_column(header, overflow="fold", no_wrap=place == 0)
    for row in rows:
        # Text, not str: what devices and files are called must not be read as markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
