"""Every picture that a daemon sent, in memory shared with whoever judges them: written and read without waiting."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Picture, Size
from tests.faults.clocks import TRUE_NS

SLOTS: Final = 160
"""Room for so many pictures: eight seconds at 20 a second, by which whoever judges may fall behind."""

_HEAD: Final = 8
_WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """One picture as it was sent.

    Attributes:
        picture: (H * 3 / 2, W) u8 I420; memory of the tape, valid until `SLOTS` more were sent.
        sent_ns: Monotonic.
        opened_ns: When the sink was opened that sent it.
        claimed: What the daemon says that it shows: the `How` of the picture.
    """

    picture: Picture
    sent_ns: int
    opened_ns: int
    claimed: str


CLAIMS: Final = ("slate", "swapped", "passed")


class Tape:
    """The file. One process writes at a time; one reads.

    Args:
        path: Of the file; made with room for everything by `create`.
        size: Of the pictures.
    """

    def __init__(self, path: Path, size: Size) -> None:
        rows, columns = size.picture_shape
        self._words: npt.NDArray[np.int64] = np.memmap(path, np.int64, "r+", shape=(_HEAD + SLOTS * _WORDS,))
        offset = self._words.nbytes
        self._pictures: Picture = np.memmap(path, np.uint8, "r+", offset, (SLOTS, rows, columns))
        self._records = self._words[_HEAD:].reshape(SLOTS, _WORDS)
        self._read = 0

    @classmethod
    def create(cls, path: Path, size: Size) -> "Tape":
        """A new one, with nothing on it."""
        rows, columns = size.picture_shape
        with path.open("wb") as file:
            file.truncate((_HEAD + SLOTS * _WORDS) * 8 + SLOTS * rows * columns)
        return cls(path, size)

    @property
    def written(self) -> int:
        """How many pictures were ever written."""
        return int(self._words[0])

    def write(self, picture: Picture, opened_ns: int, claimed: str) -> None:
        """Add one picture."""
        number = self.written
        slot = number % SLOTS
        np.copyto(self._pictures[slot], picture)
        self._records[slot] = TRUE_NS(), opened_ns, CLAIMS.index(claimed), number
        self._words[0] = number + 1

    def unread(self) -> Iterator[Sent]:
        """What was written and not read yet.

        Raises:
            AssertionError: Pictures were written over before anybody looked at them.
        """
        while self._read < self.written:
            assert self.written - self._read < SLOTS - 2, "the judge fell behind: pictures were not inspected"
            slot = self._read % SLOTS
            sent_ns, opened_ns, claimed, number = (int(word) for word in self._records[slot])
            assert number == self._read, "the tape was written over"
            self._read += 1
            yield Sent(self._pictures[slot], sent_ns, opened_ns, CLAIMS[claimed])
