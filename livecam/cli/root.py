"""The ``livecam`` command and its sub-commands, each imported when it is asked for.

A daemon that is started again during a call leaves readers without pictures until it is up: ``run`` must not pay for
what the other commands need.
"""

import os
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from livecam.cli.exits import ExitCodes
from livecam.cli.output import examples
from livecam.runtime.log_writer import flush_log, flush_streams

_COMMANDS: Final[Mapping[str, str]] = {
    "run": "livecam.cli.run_command:run",
    "swap": "livecam.cli.swap_command:swap",
    "doctor": "livecam.cli.doctor_command:doctor",
    "cameras": "livecam.cli.devices:cameras",
    "outputs": "livecam.cli.devices:outputs",
    "faces": "livecam.cli.faces_commands:faces_group",
    "enroll": "livecam.cli.enroll_command:enroll",
    "models": "livecam.cli.models_commands:models_group",
    "engines": "livecam.cli.engines_command:engines_group",
    "ctl": "livecam.cli.ctl_command:ctl",
    "panel": "livecam.cli.panel_command:panel",
    "top": "livecam.cli.top_command:top",
    "config": "livecam.cli.config_commands:config_group",
    "obs": "livecam.cli.obs_commands:obs_group",
    "audio": "livecam.cli.audio_commands:audio_group",
    "audit": "livecam.cli.audit_commands:audit_group",
    "policy": "livecam.cli.policy_commands:policy_group",
    "provenance": "livecam.cli.provenance_command:provenance_group",
    "verify": "livecam.cli.verify_command:verify",
    "service": "livecam.cli.service_command:service_group",
    "completion": "livecam.cli.completion_command:completion",
    "man": "livecam.cli.man_command:man",
    "bench": "livecam.cli.bench_group:bench_group",
    "studio": "livecam.cli.studio_command:studio_group",
}
"""Where each sub-command is defined."""

_NATIVE: Final = frozenset(
    {"capture", "inference", "output"}
    | {f"livecam-{name}" for name in ("ahead", "compile", "consent", "content", "preset", "recovery")}
)
"""Names of the threads of a run that may be inside native code, such as one that loads a network, when it ends."""


class _Root(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all sub-commands, for help and completion."""
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name, imported now; none when there is none."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = vars(import_module(module))[name]
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the sub-command; whatever it raises becomes an exit code."""
        with ExitCodes():
            return super().invoke(ctx)


@click.group(
    cls=_Root,
    epilog=examples(
        "livecam run                        start with what this machine has",
        "livecam doctor                     say what was found and what is missing",
        "livecam faces add ann ann.jpg      make a persona from a photo",
    ),
)
@click.version_option(package_name="livecam", prog_name="livecam")
def root() -> None:
    """A real-time face-swap virtual webcam: local, private, fail-closed, measured."""


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        root(prog_name="livecam")
    except SystemExit as end:
        if isinstance(end.code, int | None) and _left_behind():
            # Python would end that thread inside native code, which aborts the process: signal 6 for an exit code.
            flush_log()
            flush_streams()
            os._exit(end.code or 0)
        raise


def _left_behind() -> bool:
    """Whether a thread of a run did not end in time, such as one that loads a network."""
    return any(thread.name in _NATIVE for thread in threading.enumerate())
