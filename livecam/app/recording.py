"""``record start`` and ``record stop``: a recording of what is sent, begun and ended while a call goes on."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final

from livecam.app.outlets import Outlets
from livecam.app.provenance.signer import Seal, Signer, waited
from livecam.errors import SinkError

if TYPE_CHECKING:
    from livecam.output.record import RecordSink

NAME: Final = "call-{time}.mp4"

_SIGNED_S: Final = 2.0
"""So long the answer to ``record stop`` waits for a signature; about 200 MB are signed in it."""

LEAST_BYTES: Final = 5_000_000
"""With less room on the disk a recording is not begun: an empty file can be made on a disk that is full."""


class Recorder:
    """At most one recording at a time. Any thread.

    Args:
        outlets: Where pictures go.
        folder: Where recordings are kept.
        signer: Signs them.

    Attributes:
        path: Of the recording that is running; None for none.
        signer: As given.
    """

    def __init__(self, outlets: Outlets, folder: Callable[[], Path], signer: Signer) -> None:
        self.signer = signer
        self._seals: dict[Path, Future[Seal]] = {}
        self._outlets = outlets
        self._folder = folder
        self._lock = threading.Lock()
        self._sink: RecordSink | None = None
        self._began_s = 0.0
        self.path: Path | None = None

    def start(self) -> str:
        """Begin one.

        Raises:
            SinkError: One is running, or the file cannot be made: the disk is full, the folder is no folder.
        """
        from livecam.output.record import RecordSink  # brings the codecs, which the slate does not wait for

        with self._lock:
            if self._sink is not None:
                raise SinkError(f"A recording is running: {self.path}.", "End it with: record stop")
            self._seals.clear()
            _demand_room(folder := self._folder())
            sink = RecordSink(str(folder / NAME), finished=self._finished)
            self._outlets.bring(sink, listens=False)
            self._sink, self.path, self._began_s = sink, sink.path, time.monotonic()
            return f"Recording to {self.path}."

    def stop(self) -> str:
        """End it, and see that it plays to its end.

        Raises:
            SinkError: None is running.
        """
        with self._lock:
            if self._sink is None:
                raise SinkError("No recording is running.", "Begin one with: record start")
            self._outlets.take(self._sink)
            path, seconds, latest = self.path, time.monotonic() - self._began_s, self._sink.path
            self._sink = self.path = None
        if latest not in (None, path):
            # The disk was full or failed, and another file was tried since.
            kept = " and ".join(str(part) for part in (path, latest) if part is not None and part.exists())
            signs = f", {self._seal(latest)}" if latest.exists() else ""
            return f"The disk was full or failed meanwhile, so that part is missing. Kept: {kept or 'nothing'}{signs}."
        if path is None or not path.exists():
            return "The recording had no picture, so there is no file."
        return f"Recorded {seconds:.0f} s to {path}, {self._seal(path)}."

    def _finished(self, path: Path, swapped: bool) -> None:
        self._seals[path] = self.signer.submit(path, "recording", swapped)

    def _seal(self, path: Path) -> str:
        """What came of signing the file at `path`, to end a sentence with."""
        seal = self._seals.get(path)
        return waited(seal, _SIGNED_S) if seal is not None else "not signed: it is still being written"


def _demand_room(folder: Path) -> None:
    """Refuse a disk that is full.

    Raises:
        SinkError: It is.
    """
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    try:
        free = shutil.disk_usage(there).free if there is not None else LEAST_BYTES
    except OSError:
        return  # what cannot be told shows when the file is made
    if free < LEAST_BYTES:
        raise SinkError(
            f"The disk of {folder} is full: {free / 1e6:.1f} MB are free.",
            "Free some space, or name another folder with --recordings.",
        )
