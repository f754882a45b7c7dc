"""A sink that reads the stamp of every picture it is sent and notes it in a file: the near end of a latency test."""

from pathlib import Path
from typing import IO

from livecam.core.arrival import Arrival, Stamp, to_line
from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.core.stamp import read_stamp
from livecam.errors import ConfigError, SinkGone, SinkLost
from livecam.output.checks import demand_even, fitting


def make(spec: Spec, wish: SinkWish) -> "StampsSink":
    """Build ``stamps:FILE``.

    Raises:
        ConfigError: There is no file, or a parameter.
    """
    spec.known()
    if not spec.target:
        raise ConfigError(f"{spec.text!r} must name a file, such as stamps:arrivals.txt.")
    return StampsSink(spec.target)


class StampsSink:
    """Notes for every picture when it was sent and what its stamp says, one line each (`livecam.core.arrival`).

    Args:
        path: The file; written anew at the first opening, continued at later ones.
        clock: Where time comes from.
    """

    def __init__(self, path: str, clock: Clock | None = None) -> None:
        self._path = Path(path).expanduser()
        self._clock = clock or MonotonicClock()
        self._size: Size | None = None
        self._file: IO[bytes] | None = None
        self._mode = "wb"

    @property
    def name(self) -> str:
        """Such as ``stamps:arrivals.txt``."""
        return f"stamps:{self._path}"

    def open(self, size: Size, fps: float) -> None:
        """Open the file.

        Raises:
            SinkGone: A side is odd, or the file cannot be written.
        """
        demand_even(size, self.name)
        self.close()
        try:
            # Unbuffered: whoever follows the file sees every line at once.
            self._file = self._path.open(self._mode, buffering=0)
        except OSError as error:
            raise SinkGone(f"{self._path} cannot be written: {error.strerror}.", "Name another file.") from error
        self._mode, self._size = "ab", size

    def send(self, cleared: Cleared) -> None:
        """Note one picture.

        Raises:
            SinkLost: The file can no longer be written.
        """
        sent_ns = self._clock.now_ns()
        picture = fitting(cleared, self._size, self.name)
        if self._file is None or self._size is None:
            return
        found = read_stamp(picture[: self._size.height])
        try:
            self._file.write(to_line(Arrival(sent_ns, Stamp(*found) if found else None)).encode("ascii") + b"\n")
        except OSError as error:
            raise SinkLost(f"{self._path} cannot be written: {error.strerror}.", "It is opened again.") from error

    def close(self) -> None:
        """Close the file."""
        file, self._file, self._size = self._file, None, None
        if file is not None:
            file.close()
