"""Where the log goes."""

import logging
import sys
from typing import Final

from livecam.config import LogConfig
from livecam.errors import ConfigError

_FORMAT: Final = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"


def start_log(config: LogConfig) -> None:
    """Send the log of this process to the configured file, or to stderr.

    Raises:
        ConfigError: The file cannot be written.
    """
    level = logging.getLevelNamesMapping()[config.level.upper()]
    try:
        handler = logging.FileHandler(config.file, encoding="utf-8") if config.file else _terminal()
    except OSError as error:
        raise ConfigError(
            f"The log file {config.file} cannot be written: {error.strerror}.", "Name another file with --log-file."
        ) from None
    logging.basicConfig(level=level, handlers=[handler], format=_FORMAT, force=True)


def _terminal() -> logging.Handler:
    if not sys.stderr.isatty():
        return logging.StreamHandler()
    from rich.console import Console  # slow to import, and services have no terminal
    from rich.logging import RichHandler

    # Rich's handler prints above the live status line instead of through it, with time and level of its own.
    handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
