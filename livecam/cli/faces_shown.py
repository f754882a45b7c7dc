"""How ``livecam faces`` shows a persona: what is recorded, its own settings, and how good its photos are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from livecam.cli.output import Json
from livecam.config import Resolved, load
from livecam.core.persona import Scope
from livecam.errors import PersonaError

if TYPE_CHECKING:
    from livecam.faces.consents import Note
    from livecam.faces.favourites import Favourites
    from livecam.faces.library import Entry, PersonaLibrary
    from livecam.faces.quality import Quality


def favourites_of(resolved: Resolved) -> "Favourites":
    """Who is on which number key."""
    from livecam.faces.favourites import Favourites, path_of

    return Favourites(path_of(resolved.paths.data), resolved.config.bank.favourites)


def favourites() -> Mapping[str, int]:
    """The number keys of personas that have one."""
    return {name: number for number, name in favourites_of(load()).all().items()}


def forget_favourite(name: str) -> None:
    """The persona was removed."""
    favourites_of(load()).forget(name)


def noted(resolved: Resolved) -> "Note":
    """What writes into the audit log."""

    def note(event: str, **facts: str | int | float | bool | None) -> None:
        from livecam.app.auditing import audit_once  # brings ciphers
        from livecam.config.policy_file import installed

        audit_once(resolved.paths, event, resolved.config.audit.enabled, installed().audit_required, **facts)

    return note


def plain_entry(entry: "Entry") -> dict[str, Json]:
    """What is recorded of a persona, for machines."""
    return {
        "name": entry.name,
        "photos": list(entry.photos),
        "consent": str(entry.consent.basis) if entry.consent else "",
        "subject": entry.consent.subject if entry.consent else "",
        "scope": [str(one) for one in Scope if entry.consent and one in entry.consent.scope],
        "recorded": entry.consent.recorded if entry.consent else "",
        "expires": entry.consent.expires if entry.consent else "",
        "revoked": entry.consent.revoked if entry.consent else "",
        "added": entry.added,
        "folder": str(entry.folder or ""),
        "problem": entry.problem,
    }


def plain_settings(library: "PersonaLibrary", name: str) -> dict[str, Json]:
    """Its own settings, and what is known of its photos, for machines."""
    portrait = library.portrait(name)
    qualities = () if portrait is None else portrait.qualities
    quality = [{**asdict(one), "advice": list(one.advice), "mark": round(one.mark, 3)} for one in qualities]
    try:
        worn = asdict(library.worn_as(name))
    except PersonaError:
        worn = None
    return {"worn_as": worn, "quality": quality}


def told_worn_by(library: "PersonaLibrary", name: str) -> str:
    """Its own settings in words."""
    from livecam.faces.worn import told_worn

    try:
        return told_worn(library.worn_as(name))
    except PersonaError as error:
        return str(error)


def print_entry(entry: "Entry", worn: str, favourite: int | None) -> None:
    """Print what is recorded of a persona, a line for each."""
    shown: dict[str, Json] = plain_entry(entry) | {"worn": worn, "key": favourite or "none"}
    for key, value in shown.items():
        click.echo(f"{key + ':':<10} {', '.join(map(str, value)) if isinstance(value, list) else value}")


def print_quality(qualities: Sequence["Quality"]) -> None:
    """Print how good photos are, and what would be better, the best one first."""
    for number, one in enumerate(qualities, start=1):
        click.echo(
            f"photo {number:02}:  {one.mark:.0%} good; face {one.pixels:.0f} px tall, sharpness {one.sharpness:.2f}, "
            f"turned {one.yaw:+.0f}°, tilted {one.pitch:+.0f}°, light {one.light:.0%} even"
        )
        for sentence in one.advice:
            click.echo(f"           {sentence}")
