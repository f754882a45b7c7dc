"""``livecam run``: the daemon in the foreground."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from livecam.cli.aside import Aside
from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.logs import start_daemon_log
from livecam.cli.models_commands import fetch_missing, refuse_unchecked
from livecam.cli.output import examples
from livecam.cli.status import Show, shown
from livecam.config import Config
from livecam.errors import ConfigError, DriverHangs
from livecam.runtime.log_writer import flush_log

log = logging.getLogger(__name__)


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam run",
        "livecam run --source camera:0 --sink virtualcam --persona ann",
        "livecam run --source file:clip.mp4 --sink record:out.mp4 --sink web:8080",
        "livecam run --source synthetic --sink null --seconds 10 --report run.json --no-tty",
    ),
)
@with_settings
def run(config_file: Path | None, **given: object) -> None:
    """Swap the face in the camera's picture and send it on, until Ctrl-C.

    Without flags it takes what this machine has: a real camera, else a moving demo; a virtual camera, else a preview
    in the browser and a short recording. Every setting of livecam.toml has a flag.
    """
    resolved = resolve(config_file, given)
    config = resolved.config
    start_daemon_log(config.log)
    click.get_current_context().call_on_close(flush_log)
    _check_report(config.run.report)
    if not config.privacy.passthrough:
        fetch_missing(resolved)
    else:
        refuse_unchecked(resolved)
    from livecam import app  # brings every driver's neighbours: not before the flags are known to be good
    from livecam.app.again import Restarts, replace

    restarts = Restarts()

    def again(error: BaseException | None) -> None:
        """Become another process where that is what `error` asks for."""
        if isinstance(error, DriverHangs):
            log.error("%s", error)
            replace(restarts)

    try:
        with Aside(_told(config), again) as aside:
            app.run(
                config,
                aside,
                paths=resolved.paths,
                read_config=lambda: resolve(config_file, given).config,
                may_restart=lambda: restarts.allowed() and _readable(config_file, given),
                asked=resolved.asked,
            )
    except DriverHangs as hangs:
        again(hangs)
        raise


@contextmanager
def _told(config: Config) -> Iterator[Show]:
    """What is checked, then each status. Not told before: a terminal that takes nothing must not hold up a start."""
    click.echo(config.safety.told)
    with shown(config.run.tty) as show:
        yield show


def _readable(config_file: Path | None, given: Mapping[str, object]) -> bool:
    """Whether the configuration can still be used: if not, another process would not even start."""
    try:
        resolve(config_file, given)
    except ConfigError:
        return False
    return True


def _check_report(path: Path | None) -> None:
    """Better now than after an hour."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ConfigError(f"The report cannot be written to {path}.", "Name a file in a folder that exists.")
