"""``livecam models verify`` and ``remove``: what is on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, embedded_names
from livecam.cli.output import examples, json_option, print_json, print_rows
from livecam.cli.progress import progress_shown
from livecam.config import load

if TYPE_CHECKING:
    from livecam.inference.model import Model


@click.command(epilog=examples("livecam models verify", "livecam models verify inswapper_128 gfpgan_1.4"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@config_option
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...], as_json: bool, config_file: Path | None) -> None:
    """Read networks whole and compare their digests: those named, else all that are here.

    The exit code is 0 when all are sound.
    """
    resolved = load(path=config_file)
    models, cache = catalogue(resolved), cache_of(resolved)
    check_known(names, {*models, *embedded_names()})
    found: dict[str, str] = {}
    wanted = names or (*models, *embedded_names())
    with progress_shown() as progress:
        for done, name in enumerate(wanted):
            progress.update("checking", done, len(wanted))
            found[name] = _status(name, models.get(name), cache)
    told = [(name, status) for name, status in found.items() if names or status != "absent"]
    if as_json:
        print_json([{"name": name, "status": status} for name, status in told])
    else:
        print_rows(("name", "status"), told, f"There are no networks in {cache}.")
    ctx.exit(0 if all(status == "present" for _, status in told) else 1)


def _status(name: str, model: "Model | None", cache: Path) -> str:
    if model is not None:
        from livecam.inference.store import presence

        return str(presence(model, cache, fresh=True))
    from livecam.inference.recipes import load_recipe
    from livecam.inference.weights import status

    return str(status(load_recipe(name), cache))


@click.command(epilog=examples("livecam models remove inswapper_128"))
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@config_option
def remove(names: tuple[str, ...], config_file: Path | None) -> None:
    """Delete networks from the cache, with what is left of unfinished downloads. Files elsewhere stay."""
    from livecam.inference.store import remove as remove_from

    resolved = load(path=config_file)
    models, cache = catalogue(resolved), cache_of(resolved)
    check_known(names, {*models, *embedded_names()})
    for name in names:
        was_there = remove_from(name, cache)
        click.echo(f"Removed {name}." if was_there else f"{name} is not in {cache}.")
