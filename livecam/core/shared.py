"""Memory that two processes of one user share: small blocks of words that are read whole or not at all.

A word is an aligned 8-byte value; storing one is a single instruction. More than one word goes into a `SharedBlock`,
which carries a guard: odd while it is being written, and another even number afterwards. A reader that sees an odd
guard, or two different ones before and after its copy, has a torn copy and does not use it. A writer that died in the
middle leaves the guard odd: then nothing is read, which here always means the slate.

Nothing of the other process is ever executed or unpickled; what is read are numbers, and text that is parsed.
"""

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.seams import Clock
from livecam.core.settings import Command, Mode, Reply, Settings, SettingsCell

Numbers: TypeAlias = npt.NDArray[np.int64]

_TRIES = 50
_GUARD, _LENGTH, _DATA = 0, 1, 2
_MODES = (Mode.SWAP, Mode.PASSTHROUGH)
_PANIC = Settings(panic=True)


class Words(Protocol):
    """Aligned 8-byte words, each stored and loaded at once: a ``memoryview`` cast to ``q``."""

    def __getitem__(self, index: int, /) -> int:
        """Load."""
        ...

    def __setitem__(self, index: int, value: int, /) -> None:
        """Store."""
        ...


class Fence:
    """A full memory barrier.

    x86-64 lets a load overtake an earlier store to another word; ARM reorders more. Python has no barrier of its own,
    but taking a lock is a locked read-modify-write, which on x86-64 orders all there is, and elsewhere acquires;
    letting it go releases. Two locks in a row keep what stands before them from passing what stands after them.
    """

    __slots__ = ("_first", "_second")

    def __init__(self) -> None:
        self._first = threading.Lock()
        self._second = threading.Lock()

    def __call__(self) -> None:
        """Order all memory accesses before this call before all those after it."""
        with self._first:
            pass
        with self._second:
            pass


class SharedBlock:
    """Up to ``len(words) - 2`` numbers, written by one thread of one process, read by any.

    Args:
        words: The block's memory: guard, length, numbers.
        fence: Orders accesses to it.
    """

    def __init__(self, words: "memoryview[int]", fence: Callable[[], None]) -> None:
        self._words = words
        self._data: Numbers = np.asarray(words[_DATA:])
        self._fence = fence

    @property
    def capacity(self) -> int:
        """How many numbers fit."""
        return len(self._data)

    def write(self, values: Numbers) -> None:
        """Replace the contents.

        Raises:
            ValueError: It does not fit.
        """
        if len(values) > self.capacity:
            raise ValueError(f"{len(values)} numbers do not fit into a shared block of {self.capacity}.")
        guard = self._words[_GUARD] | 1
        self._words[_GUARD] = guard
        self._fence()
        self._words[_LENGTH] = len(values)
        self._data[: len(values)] = values
        self._fence()
        self._words[_GUARD] = guard + 1

    def read(self) -> Numbers | None:
        """A copy of the contents; None before the first `write`, or when none could be had whole."""
        for _ in range(_TRIES):
            guard = self._words[_GUARD]
            self._fence()
            copy = self._data[: min(max(self._words[_LENGTH], 0), self.capacity)].copy()
            self._fence()
            if guard and not guard & 1 and self._words[_GUARD] == guard:
                return copy
        return None


class SharedText:
    """A short text in a block, cut where it does not fit.

    Args:
        block: Its memory.
    """

    def __init__(self, block: SharedBlock) -> None:
        self._block = block

    def write(self, text: str) -> None:
        """Replace the text."""
        data = text.encode()[: 8 * (self._block.capacity - 1)]
        padded = data + bytes(-len(data) % 8)
        self._block.write(np.concatenate([np.array([len(data)]), np.frombuffer(padded, dtype=np.int64)]))

    def read(self) -> str:
        """The text; empty before the first `write`."""
        numbers = self._block.read()
        if numbers is None or not len(numbers):
            return ""
        data: bytes = numbers[1:].tobytes()
        return data[: max(int(numbers[0]), 0)].decode(errors="replace")


class PublishedCell(SettingsCell):
    """A settings cell whose privacy settings another process sees before `submit` returns.

    Args:
        settings: To start with.
        block: Where the other process reads.
    """

    __slots__ = ("_block", "_order")

    def __init__(self, settings: Settings, block: SharedBlock) -> None:
        super().__init__(settings)
        self._order = threading.Lock()
        self._block = block
        self._tell()

    def submit(self, *commands: Command) -> Reply:
        """Apply `commands`, let the other process know, and say what now holds. Any thread.

        Raises:
            ValueError: A value is out of range; nothing changed.
        """
        reply = super().submit(*commands)
        self._tell()
        return reply

    def tighten(self) -> None:
        """Lift the floor, and let the other process know."""
        super().tighten()
        self._tell()

    def _tell(self) -> None:
        with self._order:
            now = self.current
            self._block.write(
                np.array([now.revision, now.privacy_floor, int(now.panic), _MODES.index(now.mode)], dtype=np.int64)
            )


class SharedCell:
    """The privacy settings of another process, as the gate needs them: panic, floor, mode.

    When they cannot be read, or that process has not given a sign of life for `limit_ns`, or `alive` was set to false,
    they are a panic. So the slate does not wait for anybody's good will.

    Args:
        block: Where a `PublishedCell` writes.
        beat: Word 0 is the time of the other process's last sign of life, in monotonic ns.
        clock: The same in both processes.
        limit_ns: The longest silence.

    Attributes:
        alive: Whether the other process is there. Once false, never true again.
    """

    __slots__ = ("_beat", "_block", "_clock", "_limit_ns", "alive")

    def __init__(self, block: SharedBlock, beat: Words, clock: Clock, limit_ns: int) -> None:
        self._block = block
        self._beat = beat
        self._clock = clock
        self._limit_ns = limit_ns
        self.alive = True

    @property
    def current(self) -> Settings:
        """What holds now."""
        beat_ns = self._beat[0]
        if not self.alive or not 0 <= self._clock.now_ns() - beat_ns <= self._limit_ns:
            return _PANIC
        numbers = self._block.read()
        if numbers is None or len(numbers) != 4 or numbers[2] or not 0 <= numbers[3] < len(_MODES):
            return _PANIC
        return Settings(revision=int(numbers[0]), privacy_floor=int(numbers[1]), mode=_MODES[int(numbers[3])])
