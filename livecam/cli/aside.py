"""What a run shows, in a thread of its own: a terminal that takes nothing must not hold whoever looks after the run."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

from livecam.cli.exits import CRASHED
from livecam.cli.status import Show
from livecam.errors import DriverHangs, LivecamError
from livecam.runtime.log_writer import flush_log
from livecam.runtime.report import Status

END_S: Final = 3.0
"""So long an end waits for the terminal; far longer than a line takes on a machine that has other things to do."""

HASTE_S: Final = 0.5
"""So long it waits where the process is to be replaced: until then nobody gets a picture."""

Ending = Callable[[BaseException | None], None]
"""What an end does with what ended it."""


def _ends(error: BaseException | None) -> None:
    """Nothing more."""


class Aside:
    """Shows a status while the caller goes on; one that comes before the last is shown is left out. A context.

    A terminal is stopped by Ctrl-S, a pipe by a reader that does not read, both by a network that is gone. Where one
    still holds the thread at the end, the process ends at once: Python would wait for its streams for ever.

    Args:
        shown: Shows one. That thread alone enters and leaves it, since that may write, too.
        ending: Called before the process ends at once; may replace it instead.
    """

    def __init__(self, shown: AbstractContextManager[Show], ending: Ending = _ends) -> None:
        self._shown = shown
        self._ending = ending
        self._error: OSError | None = None
        self._queue: SimpleQueue[Status | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._show_all, name="livecam-status", daemon=True)

    def __call__(self, status: Status) -> None:
        """Have it shown.

        Raises:
            OSError: One before could not be shown.
        """
        if self._error is not None:
            raise self._error
        if self._queue.empty():
            self._queue.put(status)

    def _show_all(self) -> None:
        try:
            with self._shown as show:
                while (status := self._queue.get()) is not None:
                    show(status)
        except OSError as error:
            self._error = error

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show what is left and end, or end the process where that takes longer than `END_S`; see `HASTE_S`."""
        self._queue.put(None)
        self._thread.join(HASTE_S if isinstance(error, DriverHangs) else END_S)
        if self._thread.is_alive():
            self._ending(error)
            flush_log()
            os._exit(_code(error))


def _code(error: BaseException | None) -> int:
    if error is None:
        return 0
    return error.exit_code if isinstance(error, LivecamError) else CRASHED
