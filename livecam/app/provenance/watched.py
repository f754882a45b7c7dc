"""Files that can be taken away from whoever reads or writes them, so that signing can be ended in the middle."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BUFFER: Final = 1 << 20


class _Watched(io.FileIO):
    """A file that fails as soon as it is told to.

    Args:
        path: Of the file.
        mode: As of `open`.
        stopped: Asked at every access.
    """

    def __init__(self, path: Path, mode: str, stopped: Callable[[], bool]) -> None:
        # What is made shows a face: for its owner alone, until it takes the permissions of what it replaces.
        super().__init__(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))
        self._stopped = stopped

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]
        """See `io.FileIO`."""
        self._go_on()
        return super().readinto(buffer)

    def write(self, data: bytes | memoryview, /) -> int | None:  # type: ignore[override]
        """See `io.FileIO`."""
        self._go_on()
        return super().write(data)

    def _go_on(self) -> None:
        if self._stopped():
            raise InterruptedError("it was stopped")


def reading(path: Path, stopped: Callable[[], bool]) -> io.BufferedReader:
    """The file at `path`, which cannot be read any more once `stopped` says so.

    Raises:
        OSError: It cannot be opened.
    """
    return io.BufferedReader(_Watched(path, "r", stopped), _BUFFER)


def writing(path: Path, stopped: Callable[[], bool]) -> io.BufferedRandom:
    """A new file at `path`, to be written and read, until `stopped` says so.

    Raises:
        OSError: It cannot be made.
    """
    return io.BufferedRandom(_Watched(path, "w+", stopped), _BUFFER)
