"""The ``livecam`` command and its sub-commands."""

from importlib.metadata import version

import click

from livecam.cli.bench_command import bench_group
from livecam.cli.config_commands import config_group
from livecam.cli.devices import cameras, outputs
from livecam.cli.doctor_command import doctor
from livecam.cli.exits import ExitCodes
from livecam.cli.faces_commands import faces_group
from livecam.cli.models_commands import models_group
from livecam.cli.output import examples
from livecam.cli.run_command import run


class _Root(click.Group):
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
@click.version_option(version("livecam"), prog_name="livecam")
def root() -> None:
    """A real-time face-swap virtual webcam: local, private, fail-closed, measured."""


for _command in (run, doctor, cameras, outputs, faces_group, models_group, config_group, bench_group):
    root.add_command(_command)


def main() -> None:
    """Run the command line of this process and exit."""
    root(prog_name="livecam")
