"""``livecam models list``, ``licence`` and ``lock``: what there is, under which terms, and what is on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, embedded_names, presets, told_size
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Resolved, load
from livecam.errors import ModelError

if TYPE_CHECKING:
    from livecam.inference.model import Model

Row = dict[str, Json]

_BY_HAND = "bring it"

_COLUMNS = ("name", "task", "size", "licence", "commercial", "status")


@click.command(
    "list",
    epilog=examples(
        "livecam models list",
        "livecam models list --task swap",
        "livecam models list --json",
    ),
)
@click.option("--task", metavar="TASK", help="Only networks for this: detect, landmarks, recognise, convert, swap, ...")
@json_option
@config_option
def list_models(task: str | None, as_json: bool, config_file: Path | None) -> None:
    """List all networks with size, licence and whether they are here, and what each preset needs."""
    resolved = load(path=config_file)
    models = catalogue(resolved)
    networks = [*_published(models, cache_of(resolved)), *_embedded(cache_of(resolved))]
    needs = _presets(models, networks)
    if task is not None:
        check_known([task], {str(row["task"]) for row in networks}, "task")
        networks = [row for row in networks if row["task"] == task]
    if as_json:
        print_json({"networks": networks, "presets": needs})
        return
    published = [_told(row) for row in networks if not row["embedded"]]
    embedded = [_told(row) for row in networks if row["embedded"]]
    if published:
        print_rows(_COLUMNS, published, "")
    if any(cells[-1] == _BY_HAND for cells in published):
        click.echo(f"\n{_BY_HAND}: get the file yourself, then livecam models pull NAME --from DIR")
    if embedded:
        # A table of their own: their long names would leave the others no room on 80 columns.
        click.echo("\nEmbedded: they follow faces, and do the mesh swap.")
        print_rows(_COLUMNS, embedded, "")
    if task is None:
        click.echo("\nPresets, which `livecam run --preset NAME` takes:")
        for row in needs:
            _print_preset(row)
        click.echo(f"\nRecipes of your own belong in {resolved.paths.recipes}.")


def _published(models: "Mapping[str, Model]", cache: Path) -> list[Row]:
    from livecam.inference.pull import needed_by, with_needed
    from livecam.inference.store import presence

    return [
        {
            "name": model.name,
            "task": str(model.task),
            "summary": model.summary,
            "size": model.size,
            "licence": model.licence.name,
            "commercial": model.licence.commercial,
            "commercial_with_needs": all(held.licence.commercial for held in with_needed([model], models.__getitem__)),
            "limits": model.licence.limits,
            "status": str(presence(model, cache)),
            "needs": list(needed_by(model)),
            "fetched_by": f"livecam models pull {model.name}" + ("" if model.origins else " --from DIR"),
            "embedded": False,
        }
        for model in models.values()
    ]


def _embedded(cache: Path) -> list[Row]:
    from livecam.inference.recipes import load_recipe
    from livecam.inference.weights import status

    return [
        {
            "name": recipe.name,
            "task": recipe.task,
            "summary": recipe.summary,
            "size": sum(file.size for file in recipe.files),
            "licence": recipe.licence.name,
            "commercial": recipe.licence.commercial,
            "commercial_with_needs": recipe.licence.commercial,
            "limits": recipe.licence.limits,
            "status": str(status(recipe, cache)),
            "needs": [],
            "fetched_by": "livecam models fetch",
            "embedded": True,
        }
        for recipe in map(load_recipe, embedded_names())
    ]


def _presets(models: "Mapping[str, Model]", networks: Sequence[Row]) -> list[Row]:
    """What each preset needs; one that names no network needs the embedded ones."""
    from livecam.inference.pull import with_needed

    by_name = {str(row["name"]): row for row in networks}
    rows: list[Row] = []
    for name, preset in presets().items():
        needed = [model.name for model in with_needed([models[each] for each in preset.networks], models.__getitem__)]
        needed = needed or list(embedded_names())
        missing = [each for each in needed if by_name[each]["status"] != "present"]
        rows.append(
            {
                "preset": name,
                "summary": preset.summary,
                "cost": preset.cost,
                "networks": needed,
                "licences": sorted({str(by_name[each]["licence"]) for each in needed}),
                "commercial": all(by_name[each]["commercial"] for each in needed),
                "missing": missing,
                "to_fetch": sum(size for each in missing if isinstance(size := by_name[each]["size"], int)),
                "fetched_by": f"livecam models pull --preset {name}" if preset.networks else "livecam models fetch",
            }
        )
    return rows


def _told(row: Row) -> list[str]:
    size, commercial = row["size"], "yes" if row["commercial_with_needs"] else "no"
    if row["commercial"] != row["commercial_with_needs"]:
        commercial = "no (its needs)"
    by_hand = row["status"] == "absent" and str(row["fetched_by"]).endswith("--from DIR")
    status = _BY_HAND if by_hand else str(row["status"])
    told = [str(row[key]) for key in ("name", "task")]
    return [*told, told_size(size) if isinstance(size, int) else "", str(row["licence"]), commercial, status]


def _print_preset(row: Row) -> None:
    size = row["to_fetch"]
    missing = f"{told_size(size)}: {row['fetched_by']}" if isinstance(size, int) and row["missing"] else "nothing"
    commercial = "allowed" if row["commercial"] else "not allowed"
    click.echo(f"\n{row['preset']}: {row['summary']}")
    click.echo(f"  networks  {_joined(row['networks'])}")
    click.echo(f"  licences  {_joined(row['licences'])}; commercial use {commercial}")
    click.echo(f"  cost      {row['cost']}")
    click.echo(f"  to fetch  {missing}")


def _joined(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command("licence", epilog=examples("livecam models licence inswapper_128"))
@click.argument("name")
@config_option
def licence_of(name: str, config_file: Path | None) -> None:
    """Show the terms of a network: what they forbid, where the text is, and whether you accepted them."""
    resolved = load(path=config_file)
    models = catalogue(resolved)
    check_known([name], {*models, *embedded_names()})
    if name in models:
        _show_licence(models[name], resolved)
    else:
        _show_embedded_licence(name, cache_of(resolved))


def _show_licence(model: "Model", resolved: Resolved) -> None:
    from livecam.inference.licences import acceptance, book_path, terms_of
    from livecam.inference.pull import needed_by

    click.echo(terms_of(model.licence))
    answer = acceptance(model, book_path(resolved.paths.data))
    click.echo(f"Accepted: {f'{answer.at} ({answer.how})' if answer else 'not yet'}")
    for needed in needed_by(model):
        click.echo(f"It needs {needed}, which has terms of its own. See: livecam models licence {needed}")


def _show_embedded_licence(name: str, cache: Path) -> None:
    from livecam.inference.licences import terms_of
    from livecam.inference.recipes import load_recipe

    click.echo(terms_of(load_recipe(name).licence))
    click.echo(f"A copy of the text comes with the network: {cache / name / 'LICENSE'}")


@click.command("lock", epilog=examples("livecam models lock", "livecam models lock -o networks.lock.json"))
@json_option
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON to this file.")
@config_option
@click.pass_context
def lock(ctx: click.Context, as_json: bool, output: Path | None, config_file: Path | None) -> None:
    """Write down name, digest and licence of every network on this machine, for an audit. Reads every file whole."""
    resolved = load(path=config_file)
    held, damaged = _held(resolved)
    content: Json = {"version": 1, "networks": held}
    if output is not None:
        _write(output, content)
    elif as_json:
        print_json(content)
    else:
        columns = ("name", "sha256", "licence", "accepted")
        print_rows(columns, [[str(row[key]) for key in columns] for row in held], "There are no networks here.")
    for name in damaged:
        click.echo(f"{name} is damaged and was left out. Run: livecam models verify", err=True)
    ctx.exit(1 if damaged else 0)


def _held(resolved: Resolved) -> tuple[list[Row], list[str]]:
    """What is here and sound, and the names of what is not sound."""
    from livecam.inference.licences import acceptance, book_path
    from livecam.inference.store import Presence, digest_of, model_path, presence

    cache, book = cache_of(resolved), book_path(resolved.paths.data)
    rows, damaged = list[Row](), list[str]()
    for model in catalogue(resolved).values():
        match presence(model, cache, fresh=True):
            case Presence.PRESENT:
                answer, size = acceptance(model, book), model_path(model, cache).stat().st_size
                said = answer.at if answer else ""
                rows.append(_locked(model.name, digest_of(model, cache), size, model.licence.name, said, model.digest))
            case Presence.CORRUPT | Presence.UNPINNED:
                damaged.append(model.name)
            case Presence.ABSENT:
                pass
    return [*rows, *_held_embedded(cache)], damaged


def _held_embedded(cache: Path) -> list[Row]:
    from livecam.inference.files import sha256_of
    from livecam.inference.recipes import load_recipe
    from livecam.inference.weights import Presence, network_path, status

    here = [recipe for recipe in map(load_recipe, embedded_names()) if status(recipe, cache) is Presence.PRESENT]
    paths = [(recipe, network_path(recipe, cache)) for recipe in here]
    return [
        _locked(recipe.name, sha256_of(path), path.stat().st_size, recipe.licence.name, "not asked for", recipe.digest)
        for recipe, path in paths
    ]


def _locked(name: str, sha256: str, size: int, licence: str, accepted: str, recipe: str) -> Row:
    return {
        "name": name,
        "sha256": sha256,
        "size": size,
        "licence": licence,
        "accepted": accepted,
        "recipe": recipe,
    }


def _write(path: Path, content: Json) -> None:
    import json

    from livecam.inference.files import write_whole

    try:
        write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}.", "Name a file you can write."
        ) from error
    click.echo(f"Wrote {path}.")
