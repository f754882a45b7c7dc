"""``livecam faces erase``: every file that was made of a persona, deleted with a receipt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.faces_shown import favourites_of, noted
from livecam.cli.output import examples
from livecam.config import load
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.faces.erasing import Receipt


@click.command(epilog=examples("livecam faces erase ann", "livecam faces erase ann --yes --receipt ann-erased.json"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask; demanded where nobody can be asked.")
@click.option(
    "--receipt", metavar="FILE", type=click.Path(path_type=Path), help="Keep the receipt, as JSON. A new file."
)
def erase(name: str, yes: bool, receipt: Path | None) -> None:
    """Delete every file that was made of the persona NAME, and print a receipt of what is gone."""
    from livecam.faces.erasing import erase as erased

    resolved = load()
    if receipt is not None and (receipt.exists() or not receipt.parent.is_dir()):
        raise ConfigError(f"The receipt cannot be written to {receipt}.", "Name a new file in a folder that exists.")
    if not yes:
        confirm_for_good(f"Erase {name!r} with everything that was made of it?", sys.stdin.isatty())
    done = erased(resolved.paths.personas, name, favourites_of(resolved))
    noted(resolved)("persona-erased", persona=done.persona, files=len(done.files), left=len(done.left))
    if receipt is not None:
        done.write(receipt)
    _print(done)
    if resolved.config.face.persona == done.persona:
        click.echo(f"Note: the configuration still names {done.persona} as the persona to be worn.", err=True)
    if done.left:
        raise click.exceptions.Exit(1)


def confirm_for_good(question: str, asks: bool) -> None:
    """Ask once before something is gone for good.

    Args:
        question: Put to the user.
        asks: Whether somebody sits at a terminal.

    Raises:
        ConfigError: Nobody can be asked.
        click.exceptions.Exit: The answer is no.
    """
    if not asks:
        raise ConfigError("This cannot be undone, and here is no terminal to ask at.", "Say --yes to do it.")
    if not click.confirm(f"{question} This cannot be undone."):
        raise click.exceptions.Exit(1)


def _print(done: "Receipt") -> None:
    click.echo(done.told)
    for photo in done.photos:
        click.echo(f"photo      {photo}")
    for gone in done.files:
        click.echo(f"{gone.bytes:>10} {gone.sha256 or 'no ordinary file':<64} {gone.file}")
    if done.favourite:
        click.echo("It is on no number key any more.")
    click.echo(done.promise)
    for left in done.left:
        click.echo(f"Left: {left}", err=True)
