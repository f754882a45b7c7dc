"""The shared ring: every interleaving on a machine with store buffers, the common contract, and two processes."""

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import NamedTuple, TypeVar

import numpy as np
import pytest

from livecam.core.cleared import Finished, How
from livecam.core.frame import Picture, Size
from livecam.core.ring import LatestRing
from livecam.core.shared import Fence
from livecam.core.shared_ring import RING_WORDS, SLOTS, SharedRingReader, SharedRingWriter
from livecam.core.shared_segment import SharedSegment, segment_bytes

SMALL = Size(64, 64)
PAYLOAD = RING_WORDS


class Memory:
    """Words that each side sees through a store buffer, as x86-64 does: loads overtake earlier stores, no more."""

    def __init__(self) -> None:
        self.words = [0] * (RING_WORDS + 2 * SLOTS)
        self.buffers: tuple[list[tuple[int, int]], ...] = ([], [])


class View:
    """One side's words."""

    def __init__(self, memory: Memory, side: int) -> None:
        self.memory = memory
        self.buffer = memory.buffers[side]

    def __getitem__(self, index: int) -> int:
        return next((value for at, value in reversed(self.buffer) if at == index), self.memory.words[index])

    def __setitem__(self, index: int, value: int) -> None:
        self.buffer.append((index, value))

    def flush_one(self) -> None:
        at, value = self.buffer.pop(0)
        self.memory.words[at] = value

    def fence(self) -> None:
        while self.buffer:
            self.flush_one()


class Payload:
    """A picture of two words; NumPy copies it through the view."""

    def __init__(self, view: View, slot: int) -> None:
        self.view, self.at = view, PAYLOAD + 2 * slot

    def __array__(self, dtype: object = None, copy: object = None) -> Picture:
        return np.array([self.view[self.at], self.view[self.at + 1]], dtype=np.uint8)


class Machine:
    """Both sides, each at some step of its program."""

    def __init__(self, writes: int, reads: int, fenced: bool) -> None:
        self.memory = Memory()
        self.views = [View(self.memory, 0), View(self.memory, 1)]
        fences = [view.fence if fenced else lambda: None for view in self.views]
        payloads = [[Payload(view, slot) for slot in range(SLOTS)] for view in self.views]
        self.writer = SharedRingWriter(self.views[0], payloads[0], fences[0])  # type: ignore[arg-type]
        self.reader = SharedRingReader(self.views[1], payloads[1], fences[1])  # type: ignore[arg-type]
        self.programs = [self.write(writes), self.read(reads)]
        self.alive = [True, True]

    def write(self, rounds: int) -> Generator[None, None, None]:
        view = self.views[0]
        for value in range(1, rounds + 1):
            self.writer._reserved = yield from self.writer._reserve_steps()
            at = PAYLOAD + 2 * self.writer._reserved
            view[at] = value
            yield
            view[at + 1] = value
            yield
            yield from self.writer._publish_steps(finished(value))

    def read(self, rounds: int) -> Generator[None, None, None]:
        reader = self.reader
        for _ in range(rounds):
            slot = yield from reader._take_steps()
            assert reader.taken + reader.skipped + reader.torn == reader._last_seq
            if slot is not None:
                assert slot.finished is not None
                shown = (*slot.picture.tolist(), slot.finished.seq)
                assert shown == (reader._last_seq,) * 3, f"torn or stale: {shown}"

    def do(self, action: int) -> None:
        if action > 1:
            self.views[action - 2].flush_one()
            return
        try:
            next(self.programs[action])
        except StopIteration:
            self.alive[action] = False

    def actions(self) -> list[int]:
        return [side for side in (0, 1) if self.alive[side]] + [2 + side for side in (0, 1) if self.views[side].buffer]

    def state(self) -> object:
        reader = self.reader
        held = tuple(tuple(copy.picture.tolist()) for copy in reader._copies)
        counts = (reader._last_seq, reader.taken, reader.skipped, reader.torn, self.writer._reserved, held)
        memory = (tuple(self.memory.words), tuple(tuple(buffer) for buffer in self.memory.buffers))
        return (counts, memory, tuple(self.alive), *(standing(program) for program in self.programs))


def standing(steps: object) -> tuple[object, ...]:
    """Where a generator and those it delegates to stand, with the numbers among their locals."""
    state: list[object] = []
    while isinstance(steps, GeneratorType) and steps.gi_frame is not None:
        numbers = sorted((name, value) for name, value in steps.gi_frame.f_locals.items() if isinstance(value, int))
        state.append((steps.gi_frame.f_lasti, tuple(numbers)))
        steps = steps.gi_yieldfrom
    return tuple(state)


def finished(value: int) -> Finished:
    return Finished(np.zeros(2, dtype=np.uint8), value, 10 * value, 20 * value, 0, How.SWAPPED)


def explore(writes: int, reads: int, fenced: bool) -> tuple[int, int]:
    """Run every interleaving once per distinct state; how many states there are, and the most torn copies in one."""
    seen: set[object] = set()
    todo: list[tuple[int, ...]] = [()]
    torn = 0
    while todo:
        path = todo.pop()
        machine = Machine(writes, reads, fenced)
        for action in path:
            machine.do(action)
        state = machine.state()
        if state in seen:
            continue
        seen.add(state)
        torn = max(torn, machine.reader.torn)
        todo.extend((*path, action) for action in machine.actions())
    return len(seen), torn


def test_no_interleaving_tears_repeats_or_miscounts() -> None:
    states, torn = explore(writes=5, reads=2, fenced=True)
    assert states > 1_000
    assert torn == 0, "the claim alone must keep the writer away"


def test_without_the_fence_the_claim_comes_late_and_the_guard_keeps_the_torn_picture_in() -> None:
    """So the explorer finds the error that the fence prevents, and the second net holds without the first."""
    assert explore(writes=3, reads=1, fenced=False)[1] > 0


def test_without_the_number_a_slot_could_be_another_than_the_one_claimed() -> None:
    writer, reader, segment = ring()
    put(writer, 1)
    steps = reader._copy_steps(7, 1, reader._copies[0])
    assert segment.ring[0] % SLOTS == 1
    assert exhausted(steps) is False


def ring(memory: mmap.mmap | None = None) -> tuple[SharedRingWriter, SharedRingReader, SharedSegment]:
    segment = SharedSegment(memory or bytearray(segment_bytes(SMALL)), SMALL)
    writer = SharedRingWriter(segment.ring, segment.pictures, segment.fence)
    return writer, SharedRingReader(segment.ring, segment.pictures, segment.fence), segment


def put(writer: SharedRingWriter, value: int, how: How = How.SWAPPED) -> None:
    slot = writer.reserve()
    slot.picture.fill(value % 256)
    slot.finished = Finished(slot.picture, value, 10 * value, 20 * value, 30 * value, how)
    writer.publish()


T = TypeVar("T")


def exhausted(steps: Generator[None, None, T]) -> T:
    found: list[T] = []

    def finish() -> Generator[None, None, None]:
        found.append((yield from steps))

    list(finish())
    return found[0]


class Ends(NamedTuple):
    """A ring of either kind, as the contract below wants it."""

    fill: Callable[[int], None]
    publish: Callable[[], int]
    take: Callable[[], int | None]
    counts: Callable[[], tuple[int, int]]


def between_threads() -> Ends:
    plain: LatestRing[list[int]] = LatestRing(lambda: [0])

    def take() -> int | None:
        slot = plain.take()
        return slot[0] if slot else None

    def fill(value: int) -> None:
        slot = plain.reserve()
        assert plain.reserve() is slot, "the same slot until it is published"
        slot[0] = value

    return Ends(fill, plain.publish, take, lambda: (plain.taken, plain.skipped))


def between_processes() -> Ends:
    writer, reader, _ = ring()

    def take() -> int | None:
        slot = reader.take()
        return slot.finished.seq if slot and slot.finished else None

    def fill(value: int) -> None:
        slot = writer.reserve()
        assert writer.reserve() is slot, "the same slot until it is published"
        slot.finished = finished(value)

    return Ends(fill, writer.publish, take, lambda: (reader.taken, reader.skipped))


@pytest.mark.parametrize("make", [between_threads, between_processes])
def test_the_reader_gets_the_newest_once_and_the_gap_is_counted(make: Callable[[], Ends]) -> None:
    ends = make()
    assert ends.take() is None
    with pytest.raises(RuntimeError, match="without reserve"):
        ends.publish()
    for value in (1, 2, 3):
        ends.fill(value)
        assert ends.publish() == value
    assert ends.take() == 3
    assert ends.take() is None
    assert ends.counts() == (1, 2)


def test_what_is_known_of_a_picture_arrives_with_it_and_stays_the_readers_own() -> None:
    writer, reader, _ = ring()
    put(writer, 5, How.PASSED)
    slot = reader.take()
    assert slot is not None
    assert slot.finished is not None
    known = slot.finished
    assert (known.seq, known.captured_ns, known.published_ns, known.revision) == (5, 50, 100, 150)
    assert known.how is How.PASSED
    assert known.picture is slot.picture
    for value in (6, 7, 8, 9):
        put(writer, value)
    assert (slot.picture == 5).all(), "what was given out does not change under the reader"
    assert writer.published == 5


def test_a_slate_or_an_unknown_word_for_how_is_no_picture() -> None:
    writer, reader, segment = ring()
    put(writer, 1, How.SLATE)
    assert reader.take() is None
    put(writer, 2)
    segment.ring[16 + 8 * (segment.ring[0] % SLOTS) + 6] = 77
    assert reader.take() is None
    assert reader.torn == 2


def test_a_copy_torn_by_a_writer_that_ignores_the_claim_is_thrown_away() -> None:
    writer, reader, segment = ring()
    put(writer, 1)
    shown = reader.take()
    assert shown is not None
    put(writer, 2)
    guard = 16 + 8 * (segment.ring[0] % SLOTS)
    segment.ring[guard] |= 1
    assert reader.take() is None
    assert reader.torn == 1
    assert (shown.picture == 1).all(), "the picture given out before is untouched"


def test_the_reader_claims_again_when_the_writer_published_in_between() -> None:
    writer, reader, segment = ring()
    put(writer, 1)
    steps = reader._claim_steps()
    next(steps)
    next(steps)
    put(writer, 2)
    assert exhausted(steps) == (2, segment.ring[0] % SLOTS)


def test_a_reader_that_takes_over_goes_on_where_the_dead_one_was() -> None:
    writer, reader, segment = ring()
    put(writer, 1)
    assert reader.take() is not None
    heir = SharedRingReader(segment.ring, segment.pictures, segment.fence)
    assert heir.take() is None
    put(writer, 2)
    assert heir.take() is not None


WRITE = """
import mmap, sys
from tests.core.test_shared_ring import SMALL, put, ring
writer, _, _ = ring(mmap.mmap(int(sys.argv[1]), 0))
for value in range(1, int(sys.argv[2]) + 1):
    put(writer, value)
    if value % int(sys.argv[3]) == 0:
        sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memory without a name is Linux's")
def test_two_processes_never_show_a_torn_picture() -> None:
    """Another process writes as fast as it can, while this one looks at every byte of what it takes.

    Now and then it waits until this one has taken something, however seldom this one runs.
    """
    handle = os.memfd_create("test")
    os.ftruncate(handle, segment_bytes(SMALL))
    writes, part = 30_000, 3_000
    _, reader, segment = ring(mmap.mmap(handle, 0))
    words = [sys.executable, "-c", WRITE, str(handle), str(writes), str(part)]
    process = subprocess.Popen(words, pass_fds=[handle], stdin=subprocess.PIPE)
    assert process.stdin is not None
    wrong: list[int] = []
    deadline = time.monotonic() + 120
    while reader._last_seq < writes and time.monotonic() < deadline:
        slot = reader.take()
        if slot is not None and slot.finished is not None:
            seq = slot.finished.seq
            if slot.picture.min() != seq % 256 or slot.picture.max() != seq % 256 or seq != reader._last_seq:
                wrong.append(seq)
            if seq % part == 0:
                process.stdin.write(b"\n")
                process.stdin.flush()
    process.stdin.close()
    assert process.wait(60) == 0
    os.close(handle)
    assert wrong == []
    assert reader._last_seq == writes == segment.ring[0] // SLOTS
    assert reader.taken + reader.skipped + reader.torn == writes
    assert reader.taken > 5


def test_the_fence_is_only_a_fence() -> None:
    fence = Fence()
    fence()
    fence()
