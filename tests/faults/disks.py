"""A disk that is full, or slow, on command: behind every recording."""

import errno
from pathlib import Path

from livecam.output import disk
from livecam.output.disk import RawFile
from tests.faults.board import BOARD, pause


def install() -> None:
    """From now on recordings fail when they are told to."""
    opened = disk._open

    def faulty(path: Path, overwrite: bool) -> RawFile:
        if BOARD.word("disk") == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return FaultFile(opened(path, overwrite))

    vars(disk)["_open"] = faulty


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
