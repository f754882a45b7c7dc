"""One flag for every setting, made from the metadata of `livecam.config`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click
from click.shell_completion import CompletionItem

from livecam.cli.completing import complete_persona
from livecam.config import SECTIONS, SETTINGS, Key, Resolved, load
from livecam.config.compound import SpecList
from livecam.config.kinds import Choice, Number, Switch

F = TypeVar("F", bound=Callable[..., object])

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read this file instead of the user's own livecam.toml.",
)


class SettingOption(click.Option):
    """A flag that sets one setting; its value is read by the setting's kind, not by click.

    Args:
        param_decls: Flag and parameter name.
        key: The setting.
    """

    def __init__(self, param_decls: Sequence[str], key: Key) -> None:
        self.section = key.section
        kind = key.setting.kind
        super().__init__(
            param_decls,
            default=None,
            multiple=isinstance(kind, SpecList),
            metavar=None if isinstance(kind, Switch) else _metavar(key),
            help=f"{key.setting.help} [{_facts(key)}]",
        )
        self._key = key

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may follow the flag: a choice, a persona, a file."""
        kind = self._key.setting.kind
        if isinstance(kind, Choice):
            return [CompletionItem(str(one)) for one in kind.members if str(one).startswith(incomplete)]
        if self._key.path == "face.persona":
            return complete_persona(ctx, self, incomplete)
        return [CompletionItem(incomplete, type="file")] if _metavar(self._key) == "PATH" else []


def _declarations(key: Key) -> tuple[str, str]:
    flag = key.setting.flag
    both = f"{flag}/--no-{flag.removeprefix('--')}" if isinstance(key.setting.kind, Switch) else flag
    return both, _parameter(key.path)


def _parameter(path: str) -> str:
    return path.replace(".", "__")


_METAVARS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("spec", "sinks"), "SPEC"),
    **dict.fromkeys(("fps", "boost", "fidelity"), "NUMBER"),
    **dict.fromkeys(("detector", "swapper", "enhancer", "occlusion", "regions"), "RECIPE"),
    "size": "SIZE",
    "persona": "NAME",
    "worn": "PERSON=PERSONA",
    "bound": "KEYS=WORDS",
    "slate_text": "TEXT",
    "remote": "ADDRESS",
    "host": "HOST",
    "microphone": "NAME",
    "scenes": "SCENE=PERSONA",
    "text": "TEXT",
    "favourites": "DIGIT=PERSONA",
}
"""What stands for a setting's value in the help, by the setting's name, where the kind does not tell."""


def _metavar(key: Key) -> str:
    match key.setting.kind:
        case Choice():
            return "CHOICE"
        case Number():
            return "NUMBER"
        case _:
            return _METAVARS.get(key.name, "PATH")


def _facts(key: Key) -> str:
    default = key.setting.kind.to_toml(key.default)
    described = isinstance(key.setting.kind, Choice | Number)
    return f"{key.setting.kind.allowed}; default {default}" if described else f"default {default}"


class SettingsCommand(click.Command):
    """A command whose help groups the settings' flags by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then each section's."""
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in ("", *SECTIONS)}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                rows[parameter.section if isinstance(parameter, SettingOption) else ""].append(row)
        for section, found in rows.items():
            if found:
                with formatter.section(f"[{section}] {SECTIONS[section].rstrip('.')}" if section else "Options"):
                    formatter.write_dl(found)


def with_settings(function: F, keys: Iterable[Key] = tuple(SETTINGS.values())) -> F:
    """Give a command ``--config`` and a flag for every setting, or for those of `keys`."""
    command = function
    for key in reversed(tuple(keys)):
        command = click.option(*_declarations(key), cls=SettingOption, key=key)(command)
    return config_option(command)


def resolve(config_file: Path | None, given: Mapping[str, object]) -> Resolved:
    """Load the configuration with what the command line said.

    Raises:
        ConfigError: From `load`.
    """
    flags = {path: given[_parameter(path)] for path in SETTINGS if given.get(_parameter(path)) not in (None, ())}
    return load(flags, config_file)
