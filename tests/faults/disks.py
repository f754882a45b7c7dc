"""A disk that is full, or slow, on command, behind every recording; and one that hangs, behind the log."""

import errno
from collections.abc import Callable
from pathlib import Path

from livecam.output import disk
from livecam.output.disk import RawFile
from livecam.runtime.log_writer import DirectText
from tests.faults.board import BOARD, pause


def install() -> None:
    """From now on recordings fail when they are told to, and the log."""
    DirectText.write = _hanging(DirectText.write)  # type: ignore[method-assign]
    opened = disk._open

    def faulty(path: Path, overwrite: bool) -> RawFile:
        if BOARD.word("disk") == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return FaultFile(opened(path, overwrite))

    vars(disk)["_open"] = faulty


def _hanging(write: Callable[[DirectText, str], int]) -> Callable[[DirectText, str], int]:
    def hang(text: DirectText, line: str, /) -> int:
        if BOARD.word("log") == "hang":
            BOARD.hang("log")
        return write(text, line)

    return hang


class FaultFile:
    """A file before another.

    Args:
        inner: Does the work.
    """

    def __init__(self, inner: RawFile) -> None:
        self._inner = inner

    def write(self, data: memoryview, /) -> int | None:
        """See `RawFile`."""
        match BOARD.word("disk"):
            case "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            case "slow":
                pause(0.7)
        return self._inner.write(data)

    def truncate(self, size: int, /) -> int:
        """See `RawFile`."""
        return self._inner.truncate(size)

    def close(self) -> None:
        """See `RawFile`."""
        self._inner.close()
