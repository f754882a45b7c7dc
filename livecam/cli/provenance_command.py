"""``livecam provenance``: with which certificate recordings are signed."""

from pathlib import Path

import click

from livecam.cli.output import examples, json_option, print_json
from livecam.config import Paths
from livecam.errors import LivecamError


@click.group("provenance")
def provenance_group() -> None:
    """Say with which certificate recordings and snapshots are signed (C2PA).

    livecam makes one for this installation. A company puts its own chain.pem and signing-key.pem into the folder that
    `show` names.
    """


@provenance_group.command(epilog=examples("livecam provenance show"))
@json_option
def show(as_json: bool) -> None:
    """Show the certificate; one is made when there is none yet."""
    from livecam.app.provenance.certificates import signing_of

    signing = signing_of(Paths.find().data)
    facts = signing.facts()
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name:<10} {value}")


@provenance_group.command(epilog=examples("livecam provenance export livecam-authority.pem"))
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write the authority's certificate to FILE: whoever trusts it can check that a recording came from here."""
    from livecam.app.provenance.certificates import signing_of

    signing = signing_of(Paths.find().data)
    try:
        file.write_bytes(signing.authority)
    except OSError as error:
        raise LivecamError(f"{file} cannot be written: {error.strerror}.", "Name another place.") from None
    click.echo(f"The authority's certificate is in {file}.")
