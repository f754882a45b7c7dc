"""``livecam ctl``: orders to a running daemon."""

from pathlib import Path

import click

from livecam.cli.output import examples
from livecam.control.client import order, watch
from livecam.control.grammar import Ask, help_text, parse
from livecam.control.place import the_one


@click.command(
    "ctl",
    epilog=examples(
        "livecam ctl panic",
        "livecam ctl persona ann",
        "livecam ctl blend 0.7",
        "livecam ctl record start",
        "livecam ctl source camera:1",
        "livecam ctl --watch",
        "livecam ctl help          list all words",
    ),
)
@click.argument("words", nargs=-1, metavar="WORD...")
@click.option("--watch", "watching", is_flag=True, help="Print the status twice a second, one line of JSON each.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer, one line of JSON.")
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Of the daemon that is meant, where several run.",
)
def ctl(words: tuple[str, ...], watching: bool, as_json: bool, path: Path | None) -> None:
    """Tell a running livecam what to do, and print what then holds.

    Exit code 0: done. 1: not done, or no livecam runs. 2: not understood.
    """
    said = parse(" ".join(words)) if words or not watching else Ask.WATCH
    if said is Ask.HELP:
        click.echo(help_text())
    elif said is Ask.WATCH or watching:
        _watch(path, words)
    else:
        answer = order(the_one(path), " ".join(words))
        click.echo(answer.line if as_json else answer.said, err=not answer.ok and not as_json)
        if not answer.ok:
            raise click.exceptions.Exit(1)


def _watch(path: Path | None, words: tuple[str, ...]) -> None:
    if words and words != (Ask.WATCH,):
        raise click.UsageError("--watch goes without words.")
    for answer in watch(the_one(path)):
        click.echo(answer.line)
        if not answer.ok:
            raise click.exceptions.Exit(1)
