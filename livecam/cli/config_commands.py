"""``livecam config``: what is in force, why, and what could be."""

import tomllib
from pathlib import Path

import click

from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import SETTINGS, Key, Paths, Resolved, example_text


@click.group("config")
def config_group() -> None:
    """Show the configuration in force, an example, and where the file belongs."""


@config_group.command(
    cls=SettingsCommand,
    epilog=examples("livecam config show", "livecam config show --json", "livecam config show --config meeting.toml"),
)
@json_option
@with_settings
def show(as_json: bool, config_file: Path | None, **given: object) -> None:
    """Print every value in force and where it came from.

    Takes the flags of `livecam run`, to show what they would do.
    """
    resolved = resolve(config_file, given)
    if as_json:
        print_json({key.path: _described(resolved, key) for key in SETTINGS.values()})
    else:
        rows = [
            (key.path, key.setting.kind.to_toml(resolved.values[key.path]), str(resolved.origins[key.path]))
            for key in SETTINGS.values()
        ]
        print_rows(("setting", "value", "from"), rows, "")


def _described(resolved: Resolved, key: Key) -> Json:
    origin = resolved.origins[key.path]
    value: Json = tomllib.loads(f"value = {key.setting.kind.to_toml(resolved.values[key.path])}")["value"]
    return {"value": value, "from": str(origin.layer), "place": origin.place}


@config_group.command(epilog=examples("livecam config example > livecam.toml"))
def example() -> None:
    """Print a commented livecam.toml with every setting and its default."""
    click.echo(example_text(), nl=False)


@config_group.command(epilog=examples('mkdir -p "$(dirname "$(livecam config path)")"'))
def path() -> None:
    """Print where livecam.toml is looked for."""
    click.echo(Paths.find().config_file)
