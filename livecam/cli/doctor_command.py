"""``livecam doctor``."""

from collections.abc import Mapping
from pathlib import Path

import click

from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.config import defaults
from livecam.config.policy_file import PolicyError
from livecam.doctor import Finding, Status, examine, is_fit
from livecam.doctor.real import ThisMachine
from livecam.errors import ConfigError

_STYLES = {Status.OK: "green", Status.INFO: "cyan", Status.WARN: "yellow", Status.FAIL: "red"}


@click.command(
    cls=SettingsCommand,
    epilog=examples("livecam doctor", "livecam doctor --json", "livecam doctor --sink virtualcam --provider cuda"),
)
@json_option
@with_settings
@click.pass_context
def doctor(ctx: click.Context, /, as_json: bool, config_file: Path | None, **given: object) -> None:
    """Say what was found, what is missing, and the exact next command.

    Takes the flags of `livecam run` and judges that run. Exit code 0 means that it would work.
    """
    findings = _findings(config_file, given)
    fit = is_fit(findings)
    if as_json:
        checks: list[Json] = [_described(finding) for finding in findings]
        print_json({"ok": fit, "checks": checks})
    else:
        for finding in findings:
            _print(finding)
        click.echo("livecam run will work." if fit else "livecam run will not work before what failed is repaired.")
    ctx.exit(0 if fit else 1)


def _findings(config_file: Path | None, given: Mapping[str, object]) -> tuple[Finding, ...]:
    """All findings; a configuration that cannot be used is one of them, and the rest are told for the defaults."""
    try:
        resolved = resolve(config_file, given)
    except ConfigError as error:
        resolved = defaults()
        name = "policy" if isinstance(error, PolicyError) else "config"
        rest = [finding for finding in examine(ThisMachine(resolved), resolved) if finding.check != name]
        return (Finding(name, Status.FAIL, error.what, error.next_step), *rest)
    return examine(ThisMachine(resolved), resolved)


def _described(finding: Finding) -> dict[str, Json]:
    return {
        "check": finding.check,
        "status": str(finding.status),
        "finding": finding.finding,
        "next_step": finding.next_step,
    }


def _print(finding: Finding) -> None:
    mark = click.style(f"{finding.status:<4}", fg=_STYLES[finding.status], bold=True)
    click.echo(f"{mark}  {finding.check}: {finding.finding}")
    if finding.next_step:
        click.echo(f"        -> {finding.next_step}")
