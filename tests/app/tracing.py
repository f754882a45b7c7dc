"""A sink that writes a line into a file for every picture, and an output process that knows it."""

import os
import struct
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from livecam.app import output_process_child
from livecam.app.registry import SINKS
from livecam.core.cleared import Cleared, How
from livecam.core.frame import Size
from livecam.core.spec import SinkWish, Spec

_RECORD = struct.Struct("<qqqqBBBxii")
_HOWS = (How.SLATE, How.SWAPPED, How.PASSED)

COMMAND = (sys.executable, "-m", "tests.app.tracing")
"""Starts such an output process."""


class Sent(NamedTuple):
    """One picture as it left."""

    now_ns: int
    seq: int
    captured_ns: int
    pid: int
    how: How
    smallest: int
    largest: int
    rows: int
    columns: int


class Pauses:
    """How long this process was kept from running at most, since others on the machine may be greedy.

    Args:
        file: Told too, a line for each that was longer than all before.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.longest_ms = 0.0
        self._file = file
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(0.005):
            now = time.monotonic()
            kept_ms, before = (now - before) * 1000 - 10, now
            self.note(kept_ms)

    def note(self, kept_ms: float) -> None:
        """It was kept for so long, by whatever."""
        with self._lock:
            if kept_ms > self.longest_ms:
                self.longest_ms = kept_ms
                self._tell()

    def _tell(self) -> None:
        if self._file is not None:
            with self._file.open("a") as file:
                file.write(f"{self.longest_ms:.3f}\n")

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


def longest_pause_ms(path: Path) -> float:
    """Of the processes that wrote to the sink."""
    file = Path(f"{path}.pauses")
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return max((float(line) for line in lines if line.endswith("\n")), default=0.0)


class TraceSink:
    """Writes what it is sent to the file it names, and ``open`` and ``close`` to another."""

    def __init__(self, path: str) -> None:
        self.name = f"trace:{path}"
        self._path = path
        self._handle = -1
        self._pauses: Pauses | None = None

    def open(self, size: Size, fps: float) -> None:
        self._pauses = self._pauses or Pauses(Path(self._path + ".pauses"))
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._mark("open")

    def send(self, cleared: Cleared) -> None:
        if Path(self._path + ".hang").exists():
            time.sleep(60)
        picture = cleared.picture
        values = (time.monotonic_ns(), cleared.seq, cleared.captured_ns, os.getpid(), _HOWS.index(cleared.how))
        started = time.monotonic()
        os.write(self._handle, _RECORD.pack(*values, picture.min(), picture.max(), *picture.shape))
        if self._pauses is not None:
            # The disk holds up only this sink, not what it shows.
            self._pauses.note((time.monotonic() - started) * 1000)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            self._mark("close")

    def _mark(self, word: str) -> None:
        with Path(self._path + ".marks").open("a") as file:
            file.write(f"{word} {os.getpid()}\n")


def marks(path: Path) -> list[str]:
    """Which process opened and closed the sink, in order."""
    file = Path(f"{path}.marks")
    return file.read_text().splitlines() if file.exists() else []


def make(spec: Spec, wish: SinkWish) -> TraceSink:
    """For the registry."""
    return TraceSink(spec.target)


def read(path: Path) -> list[Sent]:
    """What was sent so far."""
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) // _RECORD.size * _RECORD.size
    rows = (_RECORD.unpack_from(data, at) for at in range(0, whole, _RECORD.size))
    return [Sent._make((*row[:4], _HOWS[row[4]], *row[5:])) for row in rows]


def register() -> None:
    """Let this process know the sink."""
    assert isinstance(SINKS, dict)
    SINKS["trace"] = "tests.app.tracing:make"


if __name__ == "__main__":
    register()
    sys.exit(output_process_child.main())
