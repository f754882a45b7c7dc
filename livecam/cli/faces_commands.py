"""``livecam faces``: the persona library.

The library is imported where it is needed: other commands must start where OpenCV does not load.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.faces_consent import STATED, consent
from livecam.cli.faces_erase import confirm_for_good, erase
from livecam.cli.faces_shown import (
    favourites,
    forget_favourite,
    noted,
    plain_entry,
    plain_settings,
    print_entry,
    print_quality,
    told_worn_by,
)
from livecam.cli.faces_views import views
from livecam.cli.faces_worn import favourite, set_worn
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Paths, load
from livecam.core.persona import Basis
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.faces.library import Entry, PersonaLibrary

_MEANING = {
    Basis.SELF: "it is my own face",
    Basis.WRITTEN: "the person agreed in writing",
    Basis.LICENSED: "the picture's licence allows it",
    Basis.SYNTHETIC: "nobody: drawn or rendered",
}


@click.group("faces")
def faces_group() -> None:
    """Add, list and remove personas: the faces that can be worn."""


def _library() -> "PersonaLibrary":
    """The library as far as files go; nothing can be prepared with it."""
    from livecam.faces.library import PersonaLibrary

    paths = Paths.find()
    return PersonaLibrary(paths.personas, {}, paths.prepared)


@faces_group.command(
    epilog=examples(
        "livecam faces add ann ann.jpg",
        "livecam faces add ann photos/",
        "livecam faces add ann front.jpg left.jpg right.jpg --consent written --subject 'Ann Example'",
        "livecam faces add ann ann.jpg --consent written --scope live,recording --expires 2027-01-01",
        "livecam faces add ann better.jpg --replace",
    )
)
@click.argument("name")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO|FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--consent",
    "--basis",
    "consent",
    type=click.Choice(STATED),
    help="On what ground the face may be worn. Asked for on a terminal, demanded elsewhere.",
)
@click.option("--subject", metavar="WHO", help="Whose face it is.")
@click.option(
    "--scope",
    metavar="live,recording,still",
    help="For what it may be worn; if not said, your own and nobody's face for all, another person's live alone.",
)
@click.option("--expires", metavar="DAY|30d|never", default="never", help="From when on it may not be worn any more.")
@click.option("--replace", is_flag=True, help="Replace the persona of that name.")
def add(
    name: str,
    photos: tuple[Path, ...],
    consent: str | None,
    subject: str | None,
    scope: str | None,
    expires: str,
    replace: bool,
) -> None:
    """Make the persona NAME from photos of one person, or folders of them.

    A good photo is frontal and evenly lit, with the mouth closed, the forehead free and a face of at least 200 px. What
    cannot be used is named and left out; of many the best 20 are taken.
    """
    resolved = load()
    from livecam.faces.consent_terms import parsed_expiry, parsed_scope, told_scope
    from livecam.faces.consents import note_consent

    uses, ends = None if scope is None else parsed_scope(scope), parsed_expiry(expires)
    basis, whose = _ground(consent, subject)
    fetch_missing(resolved)
    from livecam import app  # brings the networks' runtime: only where something is prepared

    library = app.persona_library(resolved.config, resolved.paths)
    added = library.add(name, photos, basis, whose, scope=uses, expires=ends, replace=replace)
    agreed = added.entry.consent
    assert agreed is not None, "what was added has a record"
    note_consent(noted(resolved), "consent-added", added.entry.name, agreed)
    for reason in added.skipped:
        click.echo(f"Left out: {reason}", err=True)
    made = added.entry.name
    click.echo(f"Added {made!r}, made from {_count(added.entry.photos)}. Wear it: livecam run --persona {made}")
    click.echo(resolved.config.safety.told)
    click.echo(f"It may be worn for {told_scope(agreed.scope)}. Change that: livecam faces consent {made} --renew")
    portrait = library.portrait(made)
    if portrait is not None:
        print_quality(portrait.qualities)


def _ground(consent: str | None, subject: str | None) -> tuple[Basis, str]:
    """On what ground, and whose face it is; asked for where nobody has said it.

    Raises:
        ConfigError: Nobody has, and nobody can be asked.
    """
    if consent is not None:
        return Basis(consent), subject or ""
    if not sys.stdin.isatty():
        raise ConfigError("It must be said on what ground a face may be worn.", f"Say --consent {'|'.join(STATED)}.")
    for basis, meaning in _MEANING.items():
        click.echo(f"  {basis:<10} {meaning}")
    chosen = Basis(click.prompt("On what ground may this face be worn?", type=click.Choice(STATED)))
    if subject is None and chosen in {Basis.WRITTEN, Basis.LICENSED}:
        subject = str(click.prompt("Whose face is it?"))
    return chosen, subject or ""


def _count(photos: Sequence[str]) -> str:
    return "1 photo" if len(photos) == 1 else f"{len(photos)} photos"


@faces_group.command("list", epilog=examples("livecam faces list", "livecam faces list --json"))
@json_option
def list_personas(as_json: bool) -> None:
    """List all personas."""
    library = _library()
    entries = library.entries()
    if as_json:
        numbers = favourites()
        print_json([_described(library, entry, numbers.get(entry.name)) for entry in entries])
        return
    rows = [
        (entry.name, str(len(entry.photos)), *_told_consent(entry), entry.added, entry.problem) for entry in entries
    ]
    print_rows(("name", "photos", "consent", "subject", "added", "problem"), rows, "There are no personas.")


@faces_group.command(epilog=examples("livecam faces show ann"))
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one persona: its consent record, its own settings, and how good its photos are, the best one first."""
    library = _library()
    entry = library.show(name)
    number = favourites().get(entry.name)
    if as_json:
        print_json(_described(library, entry, number))
        return
    print_entry(entry, told_worn_by(library, entry.name), number)
    portrait = library.portrait(entry.name)
    if portrait is not None:
        print_quality(portrait.qualities)


@faces_group.command(epilog=examples("livecam faces remove ann", "livecam faces remove ann --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask; demanded where nobody can be asked.")
def remove(name: str, yes: bool) -> None:
    """Delete a persona with its photos and its consent record."""
    if not yes:
        confirm_for_good(f"Delete {name!r} with its photos?", sys.stdin.isatty())
    _library().remove(name)
    forget_favourite(name)
    noted(load())("persona-removed", persona=name)
    click.echo(f"Removed {name!r}.")


def _told_consent(entry: "Entry") -> tuple[str, str]:
    return (str(entry.consent.basis), entry.consent.subject) if entry.consent else ("", "")


def _described(library: "PersonaLibrary", entry: "Entry", number: int | None) -> dict[str, Json]:
    plain: dict[str, Json] = {**plain_entry(entry), "favourite": number}
    return plain if entry.problem else plain | plain_settings(library, entry.name)


faces_group.add_command(consent)
faces_group.add_command(erase)
faces_group.add_command(set_worn)
faces_group.add_command(favourite)
faces_group.add_command(views)
