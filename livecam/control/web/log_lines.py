"""The last lines of the log, without secrets."""

import logging
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

LINES: Final = 200
_LONGEST: Final = 1000
_SECRET: Final = re.compile(r"((?:token|password|passphrase|secret|key)=)[^\s&\"']+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        number: Rises by one from line to line.
        level: Such as ``warning``.
        text: Without secrets, at most 1000 characters.
        at: Wall-clock time in s.
    """

    number: int
    level: str
    text: str
    at: float


class LogLines(logging.Handler):
    """Keeps the newest lines of what is logged. Add it to a logger to begin."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[LogLine] = deque(maxlen=LINES)
        self._guard = threading.Lock()
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            self.handleError(record)
            return
        shown = _SECRET.sub(r"\1...", text)[:_LONGEST]
        with self._guard:
            self._count += 1
            self._lines.append(LogLine(self._count, record.levelname.lower(), shown, round(time.time(), 3)))

    def since(self, number: int) -> tuple[LogLine, ...]:
        """The lines that are kept and came after line `number`, oldest first."""
        if self._count <= number:
            return ()
        with self._guard:
            return tuple(line for line in self._lines if line.number > number)
