"""The measuring side of a reader: starts it, and takes what it has noted so far."""

import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from livecam.bench.readers.address import Address
from livecam.core.arrival import Arrival, from_line
from livecam.errors import LivecamError

_END_S = 5.0
_LINES_KEPT = 20


class Reader(Protocol):
    """Notes what arrives somewhere."""

    def take(self) -> list[Arrival]:
        """What arrived since the last call, in order.

        Raises:
            LivecamError: It has ended: nothing more will come.
        """
        ...

    def close(self) -> None:
        """Stop it. Idempotent."""
        ...


class ReaderProcess:
    """A reader in a process of its own (`livecam.bench.readers`).

    Args:
        address: What it reads.
    """

    def __init__(self, address: Address) -> None:
        self._arrivals: deque[Arrival] = deque()
        self._said: deque[str] = deque(maxlen=_LINES_KEPT)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "livecam.bench.readers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._tell(address)
        self._listeners = [
            threading.Thread(target=listen, name="livecam-reader", daemon=True) for listen in (self._note, self._hear)
        ]
        for listener in self._listeners:
            listener.start()

    def take(self) -> list[Arrival]:
        """What arrived since the last call, in order.

        Raises:
            LivecamError: The reader has ended; with its own words, where it left some.
        """
        # Looked at first: what it noted before it ended is there afterwards.
        ended = not any(listener.is_alive() for listener in self._listeners)
        taken = [self._arrivals.popleft() for _ in range(len(self._arrivals))]
        if ended and not taken:
            raise LivecamError(self._last_words())
        return taken

    def close(self) -> None:
        """End the process."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for listener in self._listeners:
            listener.join(_END_S)
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                # A line it never read is no loss now.
                with suppress(OSError):
                    stream.close()

    def _tell(self, address: Address) -> None:
        if self._child.stdin is None:
            return
        try:
            # Left open: its end is how the reader learns that this process has died.
            self._child.stdin.write(address.to_json() + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            # It died before it listened; `take` says why.
            return

    def _note(self) -> None:
        for line in self._child.stdout or ():
            self._arrivals.append(from_line(line))

    def _hear(self) -> None:
        for line in self._child.stderr or ():
            self._said.append(line.strip())

    def _last_words(self) -> str:
        code = self._child.wait(_END_S)
        return self._said[-1] if self._said else f"The reader ended without a word (exit code {code})."


class FileReader:
    """Follows the file that the sink ``stamps`` writes in this process: what the way through the daemon alone takes.

    Args:
        path: The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def take(self) -> list[Arrival]:
        """What was sent since the last call, in order."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            # What stands behind the last line's end is a line being written.
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._read += len(whole) + 1
        return [from_line(line) for line in whole.decode("ascii").splitlines()]

    def close(self) -> None:
        """Nothing is held open."""
