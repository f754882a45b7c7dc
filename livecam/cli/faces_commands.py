"""``livecam faces``: the persona library.

The library is imported where it is needed: other commands must start where OpenCV does not load.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.faces_shown import (
    favourites,
    forget_favourite,
    plain_entry,
    plain_settings,
    print_entry,
    print_quality,
    told_worn_by,
)
from livecam.cli.faces_worn import favourite, set_worn
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Paths, load
from livecam.core.persona import Basis

if TYPE_CHECKING:
    from livecam.faces.library import Entry, PersonaLibrary

_STATED = [str(basis) for basis in Basis if basis is not Basis.UNSTATED]
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
        "livecam faces add ann better.jpg --replace",
    )
)
@click.argument("name")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO|FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--consent", type=click.Choice(_STATED), help="On what ground the face may be worn. Asked for on a terminal."
)
@click.option("--subject", metavar="WHO", help="Whose face it is.")
@click.option("--replace", is_flag=True, help="Replace the persona of that name.")
def add(name: str, photos: tuple[Path, ...], consent: str | None, subject: str | None, replace: bool) -> None:
    """Make the persona NAME from photos of one person, or folders of them.

    A good photo is frontal and evenly lit, with the mouth closed, the forehead free and a face of at least 200 px. What
    cannot be used is named and left out; of many the best 20 are taken.
    """
    resolved = load()
    basis, whose = _consent(consent, subject)
    fetch_missing(resolved)
    from livecam import app  # brings the networks' runtime: only where something is prepared

    library = app.persona_library(resolved.config, resolved.paths)
    added = library.add(name, photos, basis, whose, replace=replace)
    for reason in added.skipped:
        click.echo(f"Left out: {reason}", err=True)
    made = added.entry.name
    click.echo(f"Added {made!r}, made from {_count(added.entry.photos)}. Wear it: livecam run --persona {made}")
    portrait = library.portrait(made)
    if portrait is not None:
        print_quality(portrait.qualities)


def _consent(consent: str | None, subject: str | None) -> tuple[Basis, str]:
    if consent is not None:
        return Basis(consent), subject or ""
    if not sys.stdin.isatty():
        click.echo(
            "Note: no --consent was given, so the ground for wearing this face is recorded as unstated.", err=True
        )
        return Basis.UNSTATED, subject or ""
    for basis, meaning in _MEANING.items():
        click.echo(f"  {basis:<10} {meaning}")
    chosen = Basis(click.prompt("On what ground may this face be worn?", type=click.Choice(_STATED)))
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
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete a persona with its photos and its consent record."""
    if not yes and sys.stdin.isatty():
        _confirm(f"Delete {name!r} with its photos?")
    _library().remove(name)
    forget_favourite(name)
    click.echo(f"Removed {name!r}.")


def _confirm(question: str) -> None:
    if not click.confirm(question):
        raise click.exceptions.Exit(1)


def _told_consent(entry: "Entry") -> tuple[str, str]:
    return (str(entry.consent.basis), entry.consent.subject) if entry.consent else ("", "")


def _described(library: "PersonaLibrary", entry: "Entry", number: int | None) -> dict[str, Json]:
    plain: dict[str, Json] = {**plain_entry(entry), "favourite": number}
    return plain if entry.problem else plain | plain_settings(library, entry.name)


faces_group.add_command(set_worn)
faces_group.add_command(favourite)
