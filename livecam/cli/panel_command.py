"""``livecam panel``: the control panel of a running daemon, in the browser."""

import webbrowser
from pathlib import Path

import click

from livecam.cli.output import examples
from livecam.control.client import order
from livecam.control.place import the_one


@click.command(epilog=examples("livecam run --panel", "livecam panel", "livecam panel --print"))
@click.option("--print", "printing", is_flag=True, help="Print the address instead; it holds the secret.")
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Of the daemon that is meant, where several run.",
)
def panel(printing: bool, path: Path | None) -> None:
    """Open the control panel of a livecam that runs with --panel.

    Exit code 0: done. 1: no livecam runs, it has no panel, or there is no browser.
    """
    answer = order(the_one(path), "panel")
    if not answer.ok:
        click.echo(answer.said, err=True)
        raise click.exceptions.Exit(1)
    if printing or not webbrowser.open(answer.said):
        click.echo(answer.said)
