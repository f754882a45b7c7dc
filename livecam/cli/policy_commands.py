"""``livecam policy``: what an administrator has locked."""

from pathlib import Path

import click

from livecam.cli.output import examples, json_option, print_json, print_rows
from livecam.config import Policy, policy_file
from livecam.config.policy_file import LARGEST_FILE, PolicyError, installed, parsed


@click.group("policy")
def policy_group() -> None:
    """Say what an administrator has locked, and check a policy file before it is installed."""


@policy_group.command(epilog=examples("livecam policy show", "livecam policy show --json"))
@json_option
def show(as_json: bool) -> None:
    """Print what is locked on this machine, and by which file."""
    policy = installed()
    if as_json:
        where = str(policy.place) if policy.place else None
        print_json({"place": where, "digest": policy.digest, "locked": dict(policy.lines())})
    elif policy.place is None:
        click.echo(f"There is no policy: {policy_file.place()} does not exist, and nothing is locked.")
    else:
        _print(f"Locked by {policy.place} (SHA-256 {policy.digest[:16]}):", policy)


@policy_group.command(epilog=examples("livecam policy check policy.toml"))
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Read FILE as a policy and print what it would lock. It is not installed, and may belong to anybody."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise PolicyError(f"{file} cannot be read: {error.strerror}.", "Name a policy file.") from None
    _print(f"{file} would lock:", parsed(data, file))
    click.echo(f"Install it as {policy_file.place()}, as the administrator and writable by nobody else.")


def _print(title: str, policy: Policy) -> None:
    click.echo(title)
    print_rows(("key", "value"), list(policy.lines()), "Nothing: the file leaves everything open.")
