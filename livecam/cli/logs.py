"""Where the log goes."""

import io
import logging
import sys
from typing import Final, TextIO, cast

from livecam.config import LogConfig
from livecam.errors import ConfigError
from livecam.runtime.log_writer import DirectText, Lines, LogWriter, appended

_FORMAT: Final = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"


def start_log(config: LogConfig) -> None:
    """Send the log of this process to the configured file, or to stderr.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        handler = logging.FileHandler(config.file, encoding="utf-8") if config.file else _terminal(sys.stderr)
    except OSError as error:
        raise _unwritable(config, error) from None
    _begin(config, handler)


def start_daemon_log(config: LogConfig) -> None:
    """The same for a process that must never wait for its log: a thread writes it, to be flushed before the end.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        outlet = Lines(appended(config.file), _FORMAT) if config.file else _terminal(_unbuffered())
    except OSError as error:
        raise _unwritable(config, error) from None
    _begin(config, LogWriter(outlet))


def _begin(config: LogConfig, handler: logging.Handler) -> None:
    level = logging.getLevelNamesMapping()[config.level.upper()]
    logging.basicConfig(level=level, handlers=[handler], format=_FORMAT, force=True)


def _unwritable(config: LogConfig, error: OSError) -> ConfigError:
    return ConfigError(
        f"The log file {config.file} cannot be written: {error.strerror}.", "Name another file with --log-file."
    )


def _unbuffered() -> TextIO | DirectText:
    """What stderr writes to, without its buffer, whose lock a terminal that is stopped (Ctrl-S) would keep."""
    try:
        descriptor = sys.stderr.fileno()
    except io.UnsupportedOperation:  # another program has put something of its own in its place
        return sys.stderr
    if sys.platform == "win32":  # its console does not take bytes of every encoding
        return sys.stderr
    return DirectText(descriptor, sys.stderr.encoding, owned=False)


def _terminal(text: TextIO | DirectText) -> logging.Handler:
    if not sys.stderr.isatty():
        return logging.StreamHandler(text) if text is sys.stderr else Lines(text, _FORMAT)
    from rich.console import Console  # slow to import, and services have no terminal
    from rich.logging import RichHandler

    # Rich's handler prints above the live status line instead of through it, with time and level of its own.
    handler = RichHandler(console=Console(file=cast(TextIO, text)), show_path=False, markup=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
