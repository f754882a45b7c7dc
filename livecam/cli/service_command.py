"""``livecam service``: running from login on."""

import subprocess
from pathlib import Path
from typing import Final

import click

from livecam.cli.output import examples, json_option, print_json
from livecam.config import Config, Paths
from livecam.errors import LivecamError

_NOT_RUNNING: Final = 3
"""As LSB init scripts report it."""


@click.group("service")
def service_group() -> None:
    """Let livecam run from every login on, and be started again when it fails."""


@service_group.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "livecam service install",
        "livecam service install --persona ann --idle release --panel",
        "livecam service install --no-start      at the next login only",
    ),
)
@click.option("--start/--no-start", default=True, help="Also now.")
@click.argument("flags", nargs=-1, metavar="[FLAG OF `livecam run`]...", type=click.UNPROCESSED)
def install(start: bool, flags: tuple[str, ...]) -> None:
    """Start `livecam run` with these flags at every login; livecam.toml is read as always."""
    from livecam.app.service.choose import job_of, service_here

    two_processes = _checked(flags).output.process
    click.echo(service_here(Paths.find()).install(job_of(flags, two_processes=two_processes), start))


def _checked(flags: tuple[str, ...]) -> Config:
    """The configuration of a run with `flags`. Refuses now what a service would refuse in its log.

    Raises:
        click.UsageError: There is no such flag.
        ConfigError: Its value cannot be used, or livecam.toml cannot.
    """
    from livecam.cli.flags import resolve
    from livecam.cli.run_command import run

    given = run.make_context("run", list(flags)).params
    config_file = given.pop("config_file")
    assert config_file is None or isinstance(config_file, Path)
    return resolve(config_file, given).config


@service_group.command(epilog=examples("livecam service uninstall"))
def uninstall() -> None:
    """Stop it, and start it at login no more. Personas and settings stay."""
    from livecam.app.service.choose import service_here

    click.echo(service_here(Paths.find()).uninstall())


@service_group.command(epilog=examples("livecam service status", "livecam service status --json"))
@json_option
def status(as_json: bool) -> None:
    """Say how the service is. Exit code 0 when it runs, 3 when not."""
    from livecam.app.service.choose import service_here

    found = service_here(Paths.find()).status()
    if as_json:
        print_json({"installed": found.installed, "running": found.running, "said": found.said})
    else:
        click.echo(found.said)
    if not found.running:
        raise click.exceptions.Exit(_NOT_RUNNING)


@service_group.command(epilog=examples("livecam service logs", "livecam service logs --follow"))
@click.option("--lines", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
def logs(lines: int, follow: bool) -> None:
    """Show the service's log."""
    from livecam.app.service.choose import service_here

    command = service_here(Paths.find()).logs(lines, follow)
    try:
        code = subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        raise LivecamError(f"{command[0]} is not installed, so the log cannot be shown.") from None
    if code:
        raise click.exceptions.Exit(1)
