"""``livecam faces consent``: the consent record of a persona, shown, renewed, taken back, proven."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from livecam.cli.faces_shown import noted
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.config import Resolved, load
from livecam.core.persona import Basis, Consent, Scope
from livecam.errors import ConfigError, ConsentRefused

if TYPE_CHECKING:
    from livecam.faces.consents import Consents

STATED = [str(basis) for basis in Basis if basis is not Basis.UNSTATED]
_NEVER = "never"


@click.command(
    epilog=examples(
        "livecam faces consent ann",
        "livecam faces consent ann --renew --expires 2027-01-01",
        "livecam faces consent ann --renew --scope live,recording",
        "livecam faces consent ann --revoke",
        "livecam faces consent me --prove",
    )
)
@click.argument("name")
@click.option("--renew", is_flag=True, help="Give it anew; what is not said stays as it was.")
@click.option("--revoke", is_flag=True, help="Take it back: whoever wears it has the slate within a second.")
@click.option("--prove", is_flag=True, help="Compare the photos with who is enrolled, and note that they fit.")
@click.option("--basis", type=click.Choice(STATED), help="On what ground the face may be worn.")
@click.option("--subject", metavar="WHO", help="Whose face it is.")
@click.option("--scope", metavar="live,recording,still", help="For what it may be worn.")
@click.option("--expires", metavar="DAY|30d|never", help="From when on it may not be.")
@json_option
def consent(
    name: str,
    renew: bool,
    revoke: bool,
    prove: bool,
    basis: str | None,
    subject: str | None,
    scope: str | None,
    expires: str | None,
    as_json: bool,
) -> None:
    """Show the consent record of the persona NAME, or change it. A livecam that is running follows within a second."""
    said = {"--basis": basis, "--subject": subject, "--scope": scope, "--expires": expires}
    if sum((renew, revoke, prove)) > 1:
        raise ConfigError("--renew, --revoke and --prove are three things.", "Say one of them.")
    if not renew and any(value is not None for value in said.values()):
        flags = ", ".join(flag for flag, value in said.items() if value is not None)
        raise ConfigError(f"{flags} change the record.", f"Say it: livecam faces consent {name} --renew ...")
    resolved = load()
    if renew:
        _renew(resolved, name, said)
    elif revoke:
        _consents(resolved).revoke(_known(resolved, name))
    elif prove:
        _prove(resolved, name)
    _show(resolved, name, as_json)


def _consents(resolved: Resolved) -> "Consents":
    from livecam.faces.consents import Consents

    return Consents(resolved.paths.personas, note=noted(resolved))


def _known(resolved: Resolved, name: str) -> str:
    """`name`, if there is such a persona that a record can be kept of.

    Raises:
        PersonaError: There is none.
        ConsentRefused: It is the built-in one.
    """
    from livecam.faces.library import BUILT_IN, PersonaLibrary
    from livecam.faces.names import checked_name, unknown

    name = checked_name(name)
    names = PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared).names()
    if name not in names:
        raise unknown(name, names)
    if name == BUILT_IN:
        raise ConsentRefused(f"{BUILT_IN!r} is drawn: nobody has that face, and nobody has to consent.")
    return name


def _renew(resolved: Resolved, name: str, said: Mapping[str, str | None]) -> None:
    from livecam.faces.consent_terms import parsed_expiry, parsed_scope
    from livecam.faces.consents import Change
    from livecam.faces.renewing import renew

    basis, scope, expires = said["--basis"], said["--scope"], said["--expires"]
    change = Change(
        basis=None if basis is None else Basis(basis),
        subject=said["--subject"],
        scope=None if scope is None else parsed_scope(scope),
        expires=None if expires is None else parsed_expiry(expires),
    )
    done = renew(resolved.paths.personas, _known(resolved, name), change, _consents(resolved))
    if done.migrated:
        click.echo("The photos are encrypted now; the files of the older livecam are deleted.", err=True)


def _prove(resolved: Resolved, name: str) -> None:
    from livecam.app.proving import prove
    from livecam.cli.models_commands import fetch_missing

    name, consents = _known(resolved, name), _consents(resolved)
    before = consents.read(name)
    if before.basis is not Basis.SELF:
        raise ConsentRefused(
            f"The ground for {name!r} is {before.basis}: only that it is your own face can be proven by your face."
        )
    fetch_missing(resolved)
    proof = prove(resolved.config, resolved.paths, name)
    click.echo(proof.sentence, err=True)
    if not proof.holds:
        raise ConsentRefused(
            f"It is not proven that {name!r} shows who is enrolled.",
            "Add it again from photos in even light, or enrol again.",
        )
    consents.keep_proven(name, before)


def _show(resolved: Resolved, name: str, as_json: bool) -> None:
    from livecam.faces.library import PersonaLibrary

    entry = PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared).show(name)
    assert entry.consent is not None, "what can be shown has a record"
    shown = plain_consent(entry.consent) | {"holds": not entry.problem, "problem": entry.problem}
    if as_json:
        print_json({"name": entry.name, **shown})
        return
    for key, value in shown.items():
        if key != "problem":
            click.echo(f"{key + ':':<10} {_told(value)}")
    if entry.problem:
        click.echo(f"{'':<10} {entry.problem}")


def _told(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def plain_consent(consent: Consent) -> dict[str, Json]:
    """A consent record, for machines."""
    return {
        "consent": str(consent.basis),
        "subject": consent.subject,
        "scope": [str(one) for one in Scope if one in consent.scope],
        "recorded": consent.recorded,
        "expires": consent.expires or _NEVER,
        "proven": consent.proven,
        "revoked": consent.revoked,
    }
