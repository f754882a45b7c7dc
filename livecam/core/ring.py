"""The latest-value ring: one writer, one reader, preallocated slots, no waiting on either side.

It is a way to own memory, not a queue: the writer fills a slot that is neither the newest nor the one the reader
holds; the reader takes the newest or nothing. With three slots such a slot always exists, so nobody waits, nothing
is allocated, and what the reader did not see is counted exactly: ``taken + skipped == newest seq taken``.

Why it is safe without a lock. Two words are shared, each written by one side only: ``_newest`` (slot, seq) by the
writer, ``_held`` (slot) by the reader. Storing a reference is atomic in CPython, with or without the GIL. The reader
claims first and checks after: it writes ``_held = slot of newest``, then reads ``_newest`` again. If that has not
moved, the writer's next `reserve` must see the claim; if it has, the reader claims again. The writer chooses its slot
after it published and never takes the newest, so a slot claimed while it was newest cannot be chosen before it
stopped being newest, which the reader's second look would have seen. `tests/core/test_ring.py` runs every
interleaving.
"""

from collections.abc import Callable, Generator
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S")

MIN_SLOTS = 3


class _Newest(NamedTuple):
    slot: int
    seq: int


class LatestRing(Generic[S]):
    """A ring of preallocated slots.

    Args:
        make: Builds one slot; called `slots` times, here and never again.
        slots: At least three.

    Attributes:
        taken: How many slots the reader took.
        skipped: How many published slots the reader never saw, up to the newest it took.
    """

    def __init__(self, make: Callable[[], S], slots: int = MIN_SLOTS) -> None:
        if slots < MIN_SLOTS:
            raise ValueError(f"A ring needs at least {MIN_SLOTS} slots, not {slots}.")
        self._slots = tuple(make() for _ in range(slots))
        self._newest = _Newest(-1, 0)
        self._held = -1
        self._reserved = -1
        self._last_seq = 0
        self.taken = 0
        self.skipped = 0

    # -- writer side

    def reserve(self) -> S:
        """The slot to fill next. The same slot until it is published. Writer's thread only; never waits."""
        if self._reserved < 0:
            self._reserved = run_steps(self._reserve_steps())
        return self._slots[self._reserved]

    def publish(self) -> int:
        """Make the reserved slot the newest; returns its sequence number, counted from 1. Writer's thread only.

        Raises:
            RuntimeError: Nothing was reserved.
        """
        if self._reserved < 0:
            raise RuntimeError("publish() without reserve().")
        seq = self._newest.seq + 1
        self._newest = _Newest(self._reserved, seq)
        self._reserved = -1
        return seq

    @property
    def published(self) -> int:
        """How many slots were published so far. Any thread."""
        return self._newest.seq

    # -- reader side

    def take(self) -> S | None:
        """The newest slot if it was not taken before, else None. Reader's thread only; never waits.

        The slot stays the reader's until its next successful `take`.
        """
        newest = run_steps(self._take_steps())
        if newest is None:
            return None
        self.taken += 1
        self.skipped += newest.seq - self._last_seq - 1
        self._last_seq = newest.seq
        return self._slots[newest.slot]

    # -- the protocol, a step at a time
    # Written as generators so that the interleaving explorer can stop between any two accesses to shared words.

    def _reserve_steps(self) -> Generator[None, None, int]:
        newest = self._newest.slot
        yield
        held = self._held
        yield
        return next(slot for slot in range(len(self._slots)) if slot not in (newest, held))

    def _take_steps(self) -> Generator[None, None, _Newest | None]:
        newest = self._newest
        yield
        if newest.seq == self._last_seq:
            return None
        while True:
            self._held = newest.slot
            yield
            again = self._newest
            yield
            if again.seq == newest.seq:
                return newest
            newest = again


T = TypeVar("T")


def run_steps(steps: Generator[None, None, T]) -> T:
    """Run all steps of the protocol at once and return what they come to."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
