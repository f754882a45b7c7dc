"""``livecam audio``: sound that keeps step with the picture."""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from livecam.app.signals import stopping_on_signals
from livecam.cli.flags import config_option
from livecam.cli.output import examples
from livecam.config import load
from livecam.control.audio.delay import video_delay_ms
from livecam.control.audio.pulse import demand_linux
from livecam.control.client import order
from livecam.control.place import the_one
from livecam.errors import LivecamError


@click.group("audio")
def audio_group() -> None:
    """Keep the sound in step with the picture."""


@audio_group.command(
    epilog=examples(
        "livecam audio delay",
        "livecam audio delay --microphone headset --extra 40",
    )
)
@click.option("--microphone", metavar="NAME", help="The real one: a part of its name; else the configured one.")
@click.option(
    "--extra", "extra_ms", type=click.FloatRange(-500, 2000), metavar="MS", help="Added, where lips still run apart."
)
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Of the daemon that is meant, where several run.",
)
@config_option
def delay(microphone: str | None, extra_ms: float | None, path: Path | None, config_file: Path | None) -> None:
    """Make a microphone that is as late as the picture of a running livecam, until Ctrl+C.

    It is called "livecam microphone", works on PipeWire and PulseAudio, and follows the measured delay.
    """
    demand_linux()
    from livecam.control.audio.keeper import Keeper, alone  # needs what Windows lacks
    from livecam.control.audio.microphone import DelayedMicrophone

    wished = load(None, config_file).config.audio
    daemon = Daemon(path)
    daemon.status()
    stop = threading.Event()
    real = DelayedMicrophone(wished.microphone if microphone is None else microphone, stop)
    keeper = Keeper(real, daemon.delay_ms, wished.extra_ms if extra_ms is None else extra_ms, click.echo)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with alone(), stopping_on_signals(stop):
        keeper.make()
        keeper.keep(stop)
    click.echo("The microphone is removed.")


class Daemon:
    """A running livecam, asked how late its picture is.

    Args:
        path: Its socket; None for the only one that runs.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._away = False

    def status(self) -> Mapping[str, object]:
        """What it says of its run.

        Raises:
            LivecamError: None runs, or several do.
        """
        answer = json.loads(order(the_one(self._path), "status").line)
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    def delay_ms(self) -> float | None:
        """How late its picture is; None while none runs, which is told once."""
        try:
            status = self.status()
        except LivecamError as error:
            if not self._away:
                click.echo(f"{error} Until then the microphone stays as late as it is.", err=True)
            self._away = True
            return None
        self._away = False
        return video_delay_ms(status)
