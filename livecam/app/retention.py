"""Recordings and snapshots older than a policy lets them be kept are deleted: those that livecam made itself."""

import logging
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from livecam.privacy.audit import Fact

log = logging.getLogger(__name__)

EVERY_S: Final = 6 * 3600.0
_DAY_S: Final = 86_400.0
_OURS: Final = re.compile(
    r"(?:(?:call|livecam)-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:-\d+)?\.mp4"
    r"|snapshot-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:-\d+)?\.png)"
)
"""The names that ``record start``, ``auto`` and ``snapshot`` give, and no other name."""


class Note(Protocol):
    """Writes down what happened."""

    def __call__(self, event: str, **facts: Fact) -> None:
        """Never waits."""
        ...


def old_files(folder: Path, before_s: float) -> Iterator[Path]:
    """Files in `folder` that livecam made there and that were written last before `before_s`, Unix time, s."""
    with os.scandir(folder) as entries:
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            if _OURS.fullmatch(entry.name) and stat.S_ISREG(about.st_mode) and about.st_mtime < before_s:
                yield Path(entry.path)


class Retention:
    """Deletes what has become too old, at the start and every six hours.

    Args:
        keep_days: How long it may be kept, days; None for ever.
        folder: Of recordings and snapshots.
        note: Writes down what was deleted.
    """

    def __init__(self, keep_days: Callable[[], float | None], folder: Callable[[], Path], note: Note) -> None:
        self._keep_days = keep_days
        self._folder = folder
        self._note = note
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, where anything is to be deleted ever. Idempotent."""
        if self._thread is None and self._keep_days() is not None:
            self._thread = threading.Thread(target=self._work, name="livecam-retention", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End. Idempotent."""
        self._ends.set()

    def _work(self) -> None:
        self.clear()
        while not self._ends.wait(EVERY_S):
            self.clear()

    def clear(self) -> int:
        """Delete what is too old now; how many files that were."""
        days, folder, gone = self._keep_days(), self._folder(), 0
        if days is None or not folder.is_dir():
            return 0
        try:
            for path in sorted(old_files(folder, time.time() - days * _DAY_S)):
                path.unlink(missing_ok=True)
                gone += 1
                log.warning("%s was deleted: your organisation's policy keeps recordings for %g days.", path, days)
                self._note("deleted", file=path.name, keep_days=days)
        except OSError as error:
            log.warning("Old recordings in %s could not all be deleted: %s.", folder, error.strerror)
        return gone
