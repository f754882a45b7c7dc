"""``livecam models pull``: fetch networks, or take them from folders where they are already."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import (
    cache_of,
    can_ask,
    catalogue,
    check_known,
    embedded_names,
    presets,
    told_size,
)
from livecam.cli.output import examples
from livecam.cli.progress import progress_shown
from livecam.config import load
from livecam.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from livecam.inference.brought import Find, Haul
    from livecam.inference.model import Model

Get = Callable[[frozenset[str]], Path]
"""Gets one network, given the digests the user vouches for."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What to do with which networks.

    Attributes:
        cache: Folder of all networks.
        book: Where licences' answers are written down.
        accept: Whether all licences are accepted on the command line.
        vouched: Digests the user vouches for.
    """

    cache: Path
    book: Path
    accept: bool
    vouched: frozenset[str]


def _digests(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    for value in values:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
            raise click.BadParameter(f"'{value}' is not a SHA-256, which has 64 hexadecimal digits.")
    return frozenset(value.lower() for value in values)


@click.command(
    "pull",
    epilog=examples(
        "livecam models pull inswapper_128",
        "livecam models pull --preset balanced",
        "livecam models pull --preset balanced --accept-licence       for scripts",
        "livecam models pull --from ~/facefusion/.assets/models       whatever is there",
        "livecam models pull gfpgan_1.4 --from ~/Deep-Live-Cam/models",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--preset", metavar="NAME", help="All that this preset needs.")
@click.option(
    "--from",
    "place",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take files from this folder, recognised by digest, instead of fetching; all known ones, if none is named.",
)
@click.option(
    "--accept-licence", is_flag=True, help="Accept the licences without being asked. See: models licence NAME"
)
@click.option(
    "--sha256",
    "vouched",
    multiple=True,
    callback=_digests,
    metavar="DIGEST",
    help="Vouch for a file of which the project knows no digest, without being asked.",
)
@config_option
@click.pass_context
def pull_models(
    ctx: click.Context,
    names: tuple[str, ...],
    preset: str | None,
    place: Path | None,
    accept_licence: bool,
    vouched: frozenset[str],
    config_file: Path | None,
) -> None:
    """Get networks: fetch them, verify them by digest, and keep them. What is here already is kept.

    What a swapper needs beside itself is got with it. A download that was cut goes on where it stopped. The licence
    is asked for once.
    """
    from livecam.inference.licences import book_path

    resolved = load(path=config_file)
    models = catalogue(resolved)
    job = _Job(cache_of(resolved), book_path(resolved.paths.data), accept_licence, vouched)
    chosen = _chosen(names, preset, models)
    if place is not None:
        failed = _take(chosen or list(models.values()), place, job, all_wanted=bool(chosen))
    elif names or preset:
        failed = _fetch(chosen, job)
    else:
        raise ConfigError("Nothing was named to pull.", "Name networks, --preset, or --from. See: livecam models list")
    ctx.exit(1 if failed else 0)


def _chosen(names: Sequence[str], preset: str | None, models: "Mapping[str, Model]") -> "list[Model]":
    """What was asked for, with what that needs."""
    from livecam.inference.pull import with_needed

    inside = [name for name in names if name in embedded_names()]
    if inside:
        raise ConfigError(f"{inside[0]} belongs to the embedded swap.", "Run: livecam models fetch")
    check_known([preset] if preset else [], presets(), "preset")
    needs = presets()[preset].networks if preset else ()
    if preset and not needs:
        raise ConfigError(f"The preset {preset} needs the embedded networks alone.", "Run: livecam models fetch")
    wanted = [*names, *needs]
    check_known(wanted, models)
    return with_needed([models[name] for name in wanted], models.__getitem__)


def _fetch(chosen: "list[Model]", job: _Job) -> bool:
    """Fetch what is not here; says whether anything failed."""
    from livecam.inference.archives import clear_archives
    from livecam.inference.pull import pull

    missing = _missing(chosen, job)
    if missing:
        click.echo(f"To fetch: {', '.join(f'{model.name} ({told_size(model.size)})' for model in missing)}.")
    _agree(missing, job)

    def get(model: "Model") -> Get:
        def fetch(vouched: frozenset[str]) -> Path:
            with progress_shown() as progress:
                return pull(model, job.cache, progress, vouched)

        return fetch

    failed = _get_all([(model, get(model)) for model in missing], job)
    if not failed:
        clear_archives(chosen, job.cache)
        click.echo(f"All of {', '.join(model.name for model in chosen) or 'what it needs'} is in {job.cache}.")
    return failed


def _take(wanted: "list[Model]", place: Path, job: _Job, *, all_wanted: bool) -> bool:
    """Take what `place` holds; says whether anything failed, or is lacking if `all_wanted`."""
    from livecam.inference.brought import look, take

    missing = _missing(wanted, job)
    with progress_shown() as progress:
        haul = look(place, missing, progress)
    _tell(haul, place)
    _agree([find.model for find in haul.finds], job)

    def get(find: "Find") -> Get:
        return lambda vouched: take(find, job.cache, vouched)

    failed = _get_all([(find.model, get(find)) for find in haul.finds], job, f" --from {shlex.quote(str(place))}")
    lacking = {model.name for model in missing} - {find.model.name for find in haul.finds}
    if all_wanted and lacking:
        click.echo(f"Not in {place}: {', '.join(sorted(lacking))}. Without --from, they are fetched.", err=True)
    return failed or (bool(lacking) if all_wanted else not haul.finds and bool(missing))


def _missing(models: "Sequence[Model]", job: _Job) -> "list[Model]":
    from livecam.inference.store import Presence, presence

    return [model for model in models if presence(model, job.cache) is not Presence.PRESENT]


def _tell(haul: "Haul", place: Path) -> None:
    for find in haul.finds:
        click.echo(f"Found {find.model.name}: {find.path}{f', {find.member} in it' if find.member else ''}")
    for stranger in haul.strangers:
        click.echo(
            f"Not taken: {stranger.path} is called like {stranger.model}, but its SHA-256 {stranger.sha256} is none "
            "that the project knows.",
            err=True,
        )
    if not haul.finds:
        click.echo(f"None of the {haul.looked_at} files in {place} is a network that is wanted.", err=True)
    if not haul.complete:
        click.echo(f"Not all of {place} was looked through: it holds too much, or cannot be read.", err=True)


def _agree(models: "Sequence[Model]", job: _Job) -> None:
    """Ask for the licences that were not accepted yet, each wording once.

    Raises:
        ConfigError: Nobody can be asked.
        ModelError: The user refused.
    """
    from livecam.inference.licences import ACCEPTED, REFUSED, acceptance, by_terms, record, terms_of

    waiting = [model for model in models if acceptance(model, job.book) is None]
    for licence, group in by_terms(waiting):
        names = ", ".join(model.name for model in group)
        if not job.accept and not can_ask():
            raise ConfigError(
                f"The licence of {names} has not been accepted ({licence.name}), and nobody can be asked here.",
                f"Read it with: livecam models licence {group[0].name}. Then add --accept-licence.",
            )
        click.echo(f"\n{names}\n{terms_of(licence)}")
        agreed = job.accept or click.confirm("Do you accept these terms?")
        record(group, ACCEPTED if agreed else REFUSED, "--accept-licence" if job.accept else "asked", job.book)
        if not agreed:
            raise ModelError(f"Nothing was fetched: the licence of {names} was not accepted.")


def _get_all(gets: "Sequence[tuple[Model, Get]]", job: _Job, source: str = "") -> bool:
    """Get each; says whether any failed. One that fails does not keep the others, unless there is no network at all.

    `source` is the flag that names where they come from, for the command that is told.
    """
    from livecam.inference.pull import Offline
    from livecam.inference.store import DigestUnknown, pull_command

    failed = False
    for model, get in gets:
        try:
            click.echo(f"{model.name}: {_get(model, get, job)}")
        except Offline:
            raise
        except DigestUnknown as unknown:
            command = f"{pull_command(model.name)}{source} --sha256 {unknown.sha256}"
            click.echo(f"{unknown.what} If that is the file you want, vouch for it: {command}", err=True)
            failed = True
        except ModelError as error:
            click.echo(str(error), err=True)
            failed = True
    return failed


def _get(model: "Model", get: Get, job: _Job) -> Path:
    """Ask the user about a digest that nobody knows; it is pinned, and asked for never again."""
    from livecam.inference.store import DigestUnknown, remove

    try:
        return get(job.vouched)
    except DigestUnknown as unknown:
        if not can_ask():
            raise
        click.echo(unknown.what)
        if not click.confirm("Use this file, and refuse any other from now on?"):
            remove(model.name, job.cache)
            raise ModelError(f"{model.name} was not kept.") from None
        return get(job.vouched | {unknown.sha256})
