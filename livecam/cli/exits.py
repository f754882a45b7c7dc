"""How a command ends: every error becomes one sentence and one exit code."""

import errno
import traceback
from types import TracebackType
from typing import Final

import click

from livecam.errors import LivecamError

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""

CRASHED: Final = 70
"""EX_SOFTWARE of sysexits.h: a bug of ours."""


class ExitCodes:
    """A context in which errors end the command: told ones by their sentence, bugs by their traceback."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Turn the error, if any, into click's own `Exit`, which carries the code.

        Raises:
            click.exceptions.Exit: There was an error that click does not handle itself.
        """
        match error:
            case LivecamError():
                click.echo(str(error), err=True)
                raise click.exceptions.Exit(error.exit_code) from None
            case KeyboardInterrupt() | click.Abort():
                raise click.exceptions.Exit(INTERRUPTED) from None
            case click.ClickException() | click.exceptions.Exit():
                return
            case OSError() if error.errno == errno.EPIPE:
                # The reader of our output has gone, such as `head`; click ends quietly.
                return
            case Exception():
                traceback.print_exception(error)
                click.echo("This is a bug in livecam. Please report it with the lines above.", err=True)
                raise click.exceptions.Exit(CRASHED) from None
            case _:
                return
