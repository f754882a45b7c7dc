"""``livecam studio``: pictures of a persona by diffusion, offline. Its commands are imported when asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

import click

from livecam.cli.output import examples, print_rows

_COMMANDS: Final[Mapping[str, str]] = {
    "swap": "livecam.cli.studio_swap:swap",
    "restore": "livecam.cli.studio_restore:restore",
    "slate": "livecam.cli.studio_slate:slate",
    "expand": "livecam.cli.studio_expand:expand",
    "models": "livecam.cli.studio_models:models",
    "register": "livecam.cli.studio_models:register",
    "convert": "livecam.cli.studio_models:convert",
    "forget": "livecam.cli.studio_models:forget",
}
"""Where each is defined."""


class _Studio(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, those that draw first."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; none when there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = vars(import_module(module))[name]
        assert isinstance(command, click.Command)
        return command


@click.group(
    "studio",
    cls=_Studio,
    invoke_without_command=True,
    epilog=examples(
        "livecam studio                                          what there is, and what is registered here",
        "livecam studio swap photo.jpg nobody out.png --backend tiny    see the flow, without weights",
        "livecam studio swap photo.jpg ann out.png               with the weights of klein4b",
        "livecam studio register klein4b --base FOLDER           say where its weights are",
    ),
)
@click.pass_context
def studio_group(ctx: click.Context) -> None:
    """Make pictures of a persona with a diffusion model. Not live: seconds to minutes a picture.

    It puts a persona's face into a photo at full resolution, restores a face's detail, draws views of a persona from
    other angles, and draws an away picture. Nothing of it runs during a call. It needs the extra `studio`
    (pip install 'livecam[studio]', about 1.3 GB) and weights that you fetch yourself, under their own licences; nothing
    is downloaded. The backend `tiny` needs no weights: its pictures mean nothing, and are marked TEST.

    Every picture carries the label, the invisible mark and a manifest, as `livecam swap` has them, and a persona needs
    a consent that covers pictures. docs/studio.md tells the rest.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        click.echo()
        headers = ("backend", "base model", "licence of the base", "adapters", "here")
        print_rows(headers, list(_backends()), "There are none.")
        click.echo(_extra())


def _backends() -> Iterator[tuple[str, ...]]:
    from livecam.config import load
    from livecam.studio.backends import caps_of  # brings NumPy: not for --help
    from livecam.studio.weights import states

    for state in states(load().paths):
        caps = caps_of(state.name)
        slots = ", ".join(sorted(caps.slots)) or f"none; up to {caps.references} reference pictures"
        here = "needs no weights" if caps.test else "not registered" if state.lock is None else "registered"
        yield caps.name, caps.base, caps.licence, slots, state.problem or here


def _extra() -> str:
    from livecam.cli.studio_asked import missing_extra

    lacks = missing_extra()
    told = f"{', '.join(lacks)} cannot be imported here: pip install 'livecam[studio]'"
    return told if lacks else "The extra `studio` is installed."
