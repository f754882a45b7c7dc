"""A process that replaces itself by a new one of the same command, where a driver hangs and no thread comes back.

It keeps its number, its terminal and its service manager; everything else is made anew, and what the hanging driver
held is freed by the kernel. How often and how soon is bounded: what hangs again at once is not helped by haste.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from livecam.runtime.log_writer import flush_streams

log = logging.getLogger(__name__)

VARIABLE: Final = "LIVECAM_STARTED_AGAIN"
"""How often in a row, and when last, s on the monotonic clock; from each process to the next."""

WAITS_S: Final = (0.0, 20.0, 60.0, 300.0)
"""So long a process runs at least, after it was started again none, once, twice, or oftener."""

FORGOTTEN_S: Final = 600.0
"""A process that has run for so long begins to count anew."""

_FLUSH_S: Final = 0.2
"""So long it waits for a terminal: nobody gets a picture meanwhile."""


class Restarts:
    """Whether this process may replace itself.

    Args:
        environment: Where the process before left word.
        now_s: Monotonic.
    """

    def __init__(
        self, environment: Mapping[str, str] = os.environ, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_s = now_s
        self._began_s = now_s()
        count, _, when = environment.get(VARIABLE, "").partition(" ")
        self._count = int(count) if count.isdecimal() and when else 0

    def allowed(self) -> bool:
        """Whether it has run for long enough, on a system where it can."""
        ran_s = self._now_s() - self._began_s
        return can_replace() and ran_s >= WAITS_S[min(self._count, len(WAITS_S) - 1)]

    def left_word(self) -> str:
        """For the next process."""
        ran_s = self._now_s() - self._began_s
        return f"{1 if ran_s > FORGOTTEN_S else self._count + 1} {self._now_s():.0f}"


def can_replace() -> bool:
    """Whether a process can become another one here; on Windows it ends, and whoever started it learns of that."""
    return sys.platform != "win32"


def replace(restarts: Restarts) -> None:
    """Become a new process of the same command. Does not return where that can be done; the caller has cleaned up."""
    if not can_replace():
        return
    os.environ[VARIABLE] = restarts.left_word()
    log.warning("Started again.")
    logging.shutdown()
    flush_streams(_FLUSH_S)
    _leave_nothing_open()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _leave_nothing_open() -> None:
    """What native libraries opened, such as a camera, would stay open in the next process, and be busy there."""
    for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
        if folder.is_dir():
            for name in os.listdir(folder):
                _close_later(int(name))
            return


def _close_later(descriptor: int) -> None:
    if descriptor > 2:  # the terminal, or what stands for it
        try:
            os.set_inheritable(descriptor, False)
        except OSError:
            return
