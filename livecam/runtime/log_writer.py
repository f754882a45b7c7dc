"""A log that makes nobody wait: records are written by a thread of their own, or counted where they cannot be.

A disk or a terminal that is stuck must hold no thread that has something to say, least of all the one that sends
pictures. Nothing here uses Python's buffered streams: a thread that is stuck in one keeps its lock, and the process
could not even end.
"""

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Protocol

ROOM: Final = 1000
"""So many records wait at most."""

END_S: Final = 1.0
"""So long an end waits for what is not written yet."""

_POLL_S: Final = 0.002
_FULL_S: Final = 0.05
_THREAD: Final = "livecam-log"
_FORMAT_ERRORS: Final = (TypeError, ValueError, KeyError, MemoryError)


class Text(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object:
        """Write all of it.

        Raises:
            OSError: It cannot be written.
        """
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class DirectText:
    """Text that goes to a file descriptor at once, without a buffer and without a lock; what `rich` needs of a file.

    Args:
        descriptor: Open for writing.
        encoding: Of the text; what it does not have is written with backslashes.
        owned: Whether `close` closes the descriptor.
    """

    def __init__(self, descriptor: int, encoding: str, owned: bool) -> None:
        self.encoding = encoding
        self._descriptor = descriptor
        self._owned = owned

    def write(self, text: str, /) -> int:
        """Write all of it; its length.

        Raises:
            OSError: It cannot be written.
        """
        data = text.encode(self.encoding, "backslashreplace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # a terminal that another program has told not to block
                time.sleep(_FULL_S)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def close(self) -> None:
        """See `Text`. Idempotent."""
        if self._owned:
            self._owned = False
            os.close(self._descriptor)


def appended(file: Path) -> DirectText:
    """A file that lines are appended to; it is made where there is none.

    Raises:
        OSError: It cannot be opened.
    """
    binary = getattr(os, "O_BINARY", 0)  # on Windows; without it, each end of a line would become two characters
    return DirectText(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary, 0o666), "utf-8", owned=True)


class Lines(logging.Handler):
    """One line for each record; an error is raised, not told: whoever writes the log cannot write that either.

    Args:
        text: Where lines go.
        line_format: As in `logging.Formatter`.
    """

    def __init__(self, text: Text, line_format: str) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(line_format))
        self._text = text

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`.

        Raises:
            OSError: It cannot be written.
        """
        self._text.write(self.format(record) + "\n")

    def close(self) -> None:
        """See `logging.Handler`."""
        self._text.close()
        super().close()


class LogWriter(logging.Handler):
    """Hands every record to another handler in a thread of its own, in the order in which they came.

    A record that finds no room, or cannot be written, is counted, and one line says later how many there were.

    Args:
        outlet: Writes; used by that thread alone, and closed with this handler unless it is stuck.
        room: So many records wait at most.
    """

    def __init__(self, outlet: logging.Handler, room: int = ROOM) -> None:
        super().__init__()
        self._outlet = outlet
        self._room = room
        self._queue: SimpleQueue[tuple[int, logging.LogRecord] | None] = SimpleQueue()
        # Not the handler's own lock, which `logging.shutdown` holds while it waits. Reentrant: signals log, too.
        self._guard = threading.RLock()
        self._put = self._done = self._lost = 0
        self._closed = False
        threading.Thread(target=self._write_all, name=_THREAD, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the record, or count it. Never waits."""
        said = _said(record)
        with self._guard:
            if self._closed:
                return
            if said is None or self._queue.qsize() >= self._room:
                self._lost += 1
                return
            lost, self._lost = self._lost, 0
            self._put += 1
            self._queue.put((lost, said))

    def _write_all(self) -> None:
        missing = 0
        while (entry := self._queue.get()) is not None:
            lost, record = entry
            missing = self._tell(missing + lost)
            missing += 0 if self._write(record) else 1
            missing = self._tell(missing + self._lost_last())
            self._done += 1

    def _lost_last(self) -> int:
        """How many were lost after the last one, where nobody says anything more for now."""
        with self._guard:
            lost = self._lost if self._queue.empty() else 0
            self._lost -= lost
        return lost

    def _tell(self, missing: int) -> int:
        """Say that so many are missing; how many are left to tell."""
        if not missing:
            return 0
        lines = "1 line of the log is" if missing == 1 else f"{missing} lines of the log are"
        told = f"{lines} missing here: they came faster than they could be written, or could not be written."
        return (
            0 if self._write(logging.LogRecord(__name__, logging.WARNING, __file__, 0, told, None, None)) else missing
        )

    def _write(self, record: logging.LogRecord) -> bool:
        try:
            # Not `handle`, which would hold the outlet's lock meanwhile; `logging.shutdown` waits for that.
            self._outlet.emit(record)
        except (OSError, MemoryError):
            return False
        return True

    def flush(self) -> None:
        """Wait until all is written that came so far, but no longer than `END_S`."""
        end_s = time.monotonic() + END_S
        while self._done < self._put and time.monotonic() < end_s:
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Write what came so far, within `END_S`, and end. Idempotent."""
        with self._guard:
            closed, self._closed = self._closed, True
        if not closed:
            self.flush()
            self._queue.put(None)
            if self._done == self._put:
                self._outlet.close()
        super().close()


def flush_log() -> None:
    """Wait until what was said is written, for `END_S` at most: before an end that does not clean up by itself.

    Handlers of others are left alone: one that is stuck must not keep the process.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogWriter):
            handler.flush()


def flush_streams(within_s: float = END_S) -> None:
    """Write what Python still keeps for stdout and stderr, within that time.

    A thread that is stuck in a terminal keeps the lock of its stream, and whoever wants to flush that waits for ever.
    """
    flushing = threading.Thread(target=_flush_streams, name="livecam-flush", daemon=True)
    with suppress(RuntimeError):  # no thread can be started now
        flushing.start()
        flushing.join(within_s)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has gone, or it was closed
            stream.flush()


def _said(record: logging.LogRecord) -> logging.LogRecord | None:
    """The record with its message made, since what it is made of may change until it is written.

    None where it cannot be made: then something is wrong with whoever said it, or no memory is left.
    """
    try:
        text = logging.Formatter().format(record)
        made = {"msg": text, "args": None, "exc_info": None, "exc_text": None, "stack_info": None}
        return logging.makeLogRecord({**vars(record), **made})
    except _FORMAT_ERRORS:
        return None
