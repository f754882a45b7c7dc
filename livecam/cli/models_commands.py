"""``livecam models``: the networks of the embedded swap, and those of the published catalogue.

What converts and checks networks is imported where it is needed: other commands, the doctor above all, must start where
ONNX or its runtime does not load.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from livecam.cli.flags import config_option
from livecam.cli.models_keep import remove, verify
from livecam.cli.models_list import licence_of, list_models, lock
from livecam.cli.models_pull import pull_models
from livecam.cli.models_shared import cache_of
from livecam.cli.output import examples, json_option, print_json, print_rows
from livecam.cli.progress import progress_shown
from livecam.config import Provider, Resolved, load
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import EMBEDDED, load_recipe


@click.group("models")
def models_group() -> None:
    """Get networks, and say which are here.

    `fetch` and `status` are about the few that the embedded swap needs; all others are about the published ones.
    """


for _command in (list_models, licence_of, lock, pull_models, verify, remove):
    models_group.add_command(_command)


def _recipes() -> list[Recipe]:
    return [load_recipe(name) for name in EMBEDDED]


def fetch_missing(resolved: Resolved) -> None:
    """Fetch and convert the embedded networks that are not here, with a progress bar. Those for hands may be missing.

    Raises:
        ModelError: One cannot be fetched, kept or converted; or a published network of the preset is not here, so that
            they would be fetched in vain; or one that is configured to check content is not.
    """
    from livecam.inference.embedded import ensure_embedded, missing

    _refuse_absent(resolved)
    refuse_unchecked(resolved)
    cache = cache_of(resolved)
    if missing(cache):
        with progress_shown() as progress:
            found = ensure_embedded(cache, progress, resolved.config.face.hands)
        if found.lacks:
            click.echo(found.lacks, err=True)


def refuse_unchecked(resolved: Resolved) -> None:
    """Raise what `livecam.inference.safety.require_safety` raises for section ``safety``; nothing where it is empty."""
    safety = resolved.config.safety
    if safety.nudity or safety.minors is not None:
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.safety import require_safety

        folders = catalogue_folders(resolved.paths.recipes, resolved.config.models.recipes)
        require_safety(safety, folders, cache_of(resolved))


def _refuse_absent(resolved: Resolved) -> None:
    """Raise what `store.refuse_absent` raises for the configured preset."""
    chain = resolved.config.neural.chain
    # What a server runs need not be here; the run itself asks for what must be.
    if chain.networks and resolved.config.models.provider is not Provider.REMOTE:
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.chain import networks_of
        from livecam.inference.store import refuse_absent

        folders = catalogue_folders(resolved.paths.recipes, resolved.config.models.recipes)
        refuse_absent(networks_of(chain, folders).values(), cache_of(resolved))


@models_group.command(
    epilog=examples("livecam models fetch", "livecam models fetch --from downloaded.whl   without a network")
)
@click.option(
    "--from", "from_file", type=click.Path(path_type=Path), metavar="FILE", help="Use this file, fetched elsewhere."
)
@config_option
def fetch(from_file: Path | None, config_file: Path | None) -> None:
    """Fetch the networks, verify them, and convert them. What is here already is kept."""
    from livecam.inference.embedded import missing
    from livecam.inference.weights import ensure_all

    cache = cache_of(load(path=config_file))
    if missing(cache):
        with progress_shown() as progress:
            ensure_all(_recipes(), cache, progress, from_file)
    click.echo(f"All networks are in {cache}.")


@models_group.command("status", epilog=examples("livecam models status", "livecam models status --json"))
@json_option
@config_option
@click.pass_context
def models_status(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """Say for each network whether it is here and undamaged. Exit code 0 when all are."""
    found = _found(cache_of(load(path=config_file)))
    if as_json:
        print_json(found)
    else:
        columns = ("name", "status", "licence", "file")
        print_rows(columns, [[row[column] for column in columns] for row in found], "There are no networks.")
    ctx.exit(0 if all(row["status"] == "present" for row in found) else 1)


def _found(cache: Path) -> Sequence[dict[str, str]]:
    from livecam.inference.weights import network_path, status

    return [
        {
            "name": recipe.name,
            "status": str(status(recipe, cache)),
            "summary": recipe.summary,
            "licence": recipe.licence.name,
            "file": str(network_path(recipe, cache)),
        }
        for recipe in _recipes()
    ]
