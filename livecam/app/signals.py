"""SIGINT and SIGTERM ask for an orderly end; a second SIGINT ends at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from livecam.runtime.log_writer import flush_log

_ENDED_BY_SIGINT = 130


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the context, the first signal sets `stop`. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            flush_log()
            os._exit(_ENDED_BY_SIGINT)
        stop.set()

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
