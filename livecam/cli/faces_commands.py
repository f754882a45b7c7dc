"""``livecam faces``: the persona library.

The library is imported where it is needed: other commands must start where OpenCV does not load.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
        "livecam faces add ann front.jpg left.jpg right.jpg --consent written --subject 'Ann Example'",
        "livecam faces add ann better.jpg --replace",
    )
)
@click.argument("name")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...", type=click.Path(path_type=Path))
@click.option(
    "--consent", type=click.Choice(_STATED), help="On what ground the face may be worn. Asked for on a terminal."
)
@click.option("--subject", metavar="WHO", help="Whose face it is.")
@click.option("--replace", is_flag=True, help="Replace the persona of that name.")
def add(name: str, photos: tuple[Path, ...], consent: str | None, subject: str | None, replace: bool) -> None:
    """Make the persona NAME from one or several photos of one person.

    A good photo is frontal and evenly lit, with the mouth closed, the forehead free and a face of at least 200 px.
    """
    resolved = load()
    basis, whose = _consent(consent, subject)
    fetch_missing(resolved)
    from livecam import app  # brings the networks' runtime: only where something is prepared

    library = app.persona_library(resolved.config, resolved.paths)
    entry = library.add(name, photos, basis, whose, replace=replace)
    click.echo(f"Added {entry.name!r}, made from {_count(entry.photos)}. Wear it: livecam run --persona {entry.name}")


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
    entries = _library().entries()
    if as_json:
        print_json([_described(entry) for entry in entries])
        return
    rows = [
        (entry.name, str(len(entry.photos)), *_told_consent(entry), entry.added, entry.problem) for entry in entries
    ]
    print_rows(("name", "photos", "consent", "subject", "added", "problem"), rows, "There are no personas.")


@faces_group.command(epilog=examples("livecam faces show ann"))
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one persona with its consent record."""
    described = _described(_library().show(name))
    if as_json:
        print_json(described)
    else:
        for key, value in described.items():
            click.echo(f"{key + ':':<10} {', '.join(map(str, value)) if isinstance(value, list) else value}")


@faces_group.command(epilog=examples("livecam faces remove ann", "livecam faces remove ann --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete a persona with its photos and its consent record."""
    if not yes and sys.stdin.isatty():
        _confirm(f"Delete {name!r} with its photos?")
    _library().remove(name)
    click.echo(f"Removed {name!r}.")


def _confirm(question: str) -> None:
    if not click.confirm(question):
        raise click.exceptions.Exit(1)


def _told_consent(entry: "Entry") -> tuple[str, str]:
    return (str(entry.consent.basis), entry.consent.subject) if entry.consent else ("", "")


def _described(entry: "Entry") -> dict[str, Json]:
    basis, subject = _told_consent(entry)
    recorded = entry.consent.recorded if entry.consent else ""
    return {
        "name": entry.name,
        "photos": list(entry.photos),
        "consent": basis,
        "subject": subject,
        "recorded": recorded,
        "added": entry.added,
        "folder": str(entry.folder or ""),
        "problem": entry.problem,
    }
