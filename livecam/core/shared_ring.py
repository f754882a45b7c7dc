"""The latest-value ring of `livecam.core.ring`, with its slots and words in memory that two processes share.

The protocol is the same: the writer chooses a slot that is neither the newest nor held; the reader claims first and
checks after. Between threads the interpreter's lock orders memory; between processes nothing does, and even x86-64
lets the reader's second look overtake its claim. So a fence stands after the claim, and one before the writer looks at
it: `tests/core/test_shared_ring.py` runs every interleaving with store buffers, and shows what happens without.

Behind that stands a second net that needs no proof: each slot has a guard, odd while it is written, and the number of
its publication. The reader copies the slot into memory of its own and uses the copy only if the guard was even and has
not moved, and the number is the one it claimed. What is judged by the gate is therefore exactly what is sent, whatever
the other process does meanwhile.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Final

import numpy as np

from livecam.core.cleared import Finished, How
from livecam.core.frame import Picture
from livecam.core.ring import MIN_SLOTS, run_steps
from livecam.core.shared import Words

SLOTS: Final = MIN_SLOTS
_NEWEST, _HELD, _SEEN = 0, 8, 9
_FIRST_SLOT, _SLOT_WORDS = 16, 8
_GUARD, _NUMBER, _SEQ, _CAPTURED, _PUBLISHED, _REVISION, _HOW = range(7)
RING_WORDS: Final = _FIRST_SLOT + _SLOT_WORDS * SLOTS

_HOWS = (How.SLATE, How.SWAPPED, How.PASSED)


class SharedSlot:
    """A slot: an I420 picture and, once written, what is known about it."""

    __slots__ = ("finished", "picture")

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.finished: Finished | None = None


class SharedRingWriter:
    """The writer's side; one thread of one process.

    Args:
        words: `RING_WORDS` shared words.
        pictures: The three shared slots, each (H * 3 / 2, W) u8.
        fence: Orders memory accesses.
    """

    def __init__(self, words: Words, pictures: Sequence[Picture], fence: Callable[[], None]) -> None:
        self._words = words
        self._slots = tuple(SharedSlot(picture) for picture in pictures)
        self._fence = fence
        self._reserved = -1

    @property
    def published(self) -> int:
        """How many slots were published so far. Any thread."""
        return self._words[_NEWEST] // SLOTS

    def reserve(self) -> SharedSlot:
        """The slot to fill next. The same slot until it is published. Never waits."""
        if self._reserved < 0:
            self._reserved = run_steps(self._reserve_steps())
        return self._slots[self._reserved]

    def publish(self) -> int:
        """Make the reserved slot the newest, with what its `finished` says; returns its number, counted from 1.

        Raises:
            RuntimeError: Nothing was reserved, or nothing is known about the picture.
        """
        finished = self._slots[self._reserved].finished if self._reserved >= 0 else None
        if finished is None:
            raise RuntimeError("publish() without reserve(), or without saying what was made.")
        return run_steps(self._publish_steps(finished))

    def _reserve_steps(self) -> Generator[None, None, int]:
        newest = self._words[_NEWEST] % SLOTS
        self._fence()
        yield
        held = self._words[_HELD] - 1
        yield
        chosen = next(slot for slot in range(SLOTS) if slot not in (newest, held))
        guard = _FIRST_SLOT + _SLOT_WORDS * chosen + _GUARD
        self._words[guard] |= 1
        self._fence()
        yield
        return chosen

    def _publish_steps(self, finished: Finished) -> Generator[None, None, int]:
        at = _FIRST_SLOT + _SLOT_WORDS * self._reserved
        number = self._words[_NEWEST] // SLOTS + 1
        self._words[at + _NUMBER] = number
        self._words[at + _SEQ] = finished.seq
        self._words[at + _CAPTURED] = finished.captured_ns
        self._words[at + _PUBLISHED] = finished.published_ns
        self._words[at + _REVISION] = finished.revision
        self._words[at + _HOW] = _HOWS.index(finished.how)
        self._fence()
        yield
        self._words[at + _GUARD] += 1
        self._fence()
        yield
        self._words[_NEWEST] = number * SLOTS + self._reserved
        self._reserved = -1
        return number


class SharedRingReader:
    """The reader's side; one thread of one process. What it gives out is a copy of its own.

    Args:
        words: The same words.
        pictures: The same slots.
        fence: Orders memory accesses.

    Attributes:
        taken: How many slots this reader took.
        skipped: How many published slots it never saw, up to the newest it took.
        torn: How many it took and threw away, because they were being written. Never seen to happen.
    """

    def __init__(self, words: Words, pictures: Sequence[Picture], fence: Callable[[], None]) -> None:
        self._words = words
        self._pictures = tuple(pictures)
        self._fence = fence
        # A reader that took over from one that died goes on where that one was.
        self._last_seq = words[_SEEN]
        # Two, so that a torn copy never lands on the picture given out last, which may still be shown.
        self._copies = [SharedSlot(np.zeros_like(picture)) for picture in self._pictures[:2]]
        self.taken = 0
        self.skipped = 0
        self.torn = 0

    def take(self) -> SharedSlot | None:
        """A copy of the newest slot if it was not taken before, else None. Never waits.

        The copy stays as it is until the next `take` that returns one.
        """
        return run_steps(self._take_steps())

    def _take_steps(self) -> Generator[None, None, SharedSlot | None]:
        claimed = yield from self._claim_steps()
        if claimed is None:
            return None
        seq, slot = claimed
        self.skipped += seq - self._last_seq - 1
        self._last_seq = self._words[_SEEN] = seq
        copy = self._copies[0]
        whole = yield from self._copy_steps(seq, slot, copy)
        if not whole:
            self.torn += 1
            return None
        self.taken += 1
        self._copies.reverse()
        return copy

    def _claim_steps(self) -> Generator[None, None, tuple[int, int] | None]:
        newest = self._words[_NEWEST]
        yield
        if newest // SLOTS == self._last_seq:
            return None
        while True:
            self._words[_HELD] = newest % SLOTS + 1
            yield
            self._fence()
            yield
            again = self._words[_NEWEST]
            yield
            if again == newest:
                return newest // SLOTS, newest % SLOTS
            newest = again

    def _copy_steps(self, number: int, slot: int, copy: SharedSlot) -> Generator[None, None, bool]:
        at = _FIRST_SLOT + _SLOT_WORDS * slot
        guard = self._words[at + _GUARD]
        self._fence()
        yield
        np.copyto(copy.picture, self._pictures[slot])
        seq, captured_ns, published_ns = (self._words[at + word] for word in (_SEQ, _CAPTURED, _PUBLISHED))
        revision, code = self._words[at + _REVISION], self._words[at + _HOW]
        same = self._words[at + _NUMBER] == number
        self._fence()
        yield
        if guard & 1 or self._words[at + _GUARD] != guard or not same or not 0 < code < len(_HOWS):
            return False
        copy.finished = Finished(copy.picture, seq, captured_ns, published_ns, revision, _HOWS[code])
        return True
