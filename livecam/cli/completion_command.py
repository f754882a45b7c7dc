"""``livecam completion``: the shell completes commands, flags, personas and words of control."""

from collections.abc import Mapping
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from livecam.cli.output import examples

_SHELLS: Final[Mapping[str, type[ShellComplete]]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

_HOW: Final[Mapping[str, str]] = {
    "bash": "livecam completion bash > ~/.local/share/bash-completion/completions/livecam",
    "zsh": "livecam completion zsh > ~/.zfunc/_livecam     with ~/.zfunc in fpath before compinit",
    "fish": "livecam completion fish > ~/.config/fish/completions/livecam.fish",
}


@click.command(epilog=examples(*_HOW.values()))
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what SHELL has to read so that the Tab key completes livecam's commands and names."""
    root = ctx.find_root().command
    click.echo(_SHELLS[shell](root, {}, "livecam", "_LIVECAM_COMPLETE").source())
