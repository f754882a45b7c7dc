"""Blocks, texts and settings between processes, and the segment they lie in."""

from collections.abc import Callable

import numpy as np
import pytest

from livecam.core.frame import Size
from livecam.core.settings import Mode, Panic, Resume, SetMode, SetPersona, Settings
from livecam.core.shared import Fence, PublishedCell, SharedBlock, SharedCell, SharedText
from livecam.core.shared_segment import SharedSegment, Terms, segment_bytes
from livecam.core.stats import HISTOGRAM_WORDS, Histogram
from tests.fakes import FakeClock

LIMIT = 1_000


def words(count: int) -> "memoryview[int]":
    return memoryview(bytearray(8 * count)).cast("q")


def block(count: int = 10, fence: Callable[[], None] | None = None) -> tuple[SharedBlock, "memoryview[int]"]:
    memory = words(count)
    return SharedBlock(memory, fence or Fence()), memory


def numbers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def test_a_block_gives_back_what_was_written_last() -> None:
    both, _ = block()
    assert both.read() is None, "nothing was written yet"
    for values in (numbers(1, 2, 3), numbers(9), numbers()):
        both.write(values)
        read = both.read()
        assert read is not None
        assert read.tolist() == values.tolist()
    assert both.capacity == 8
    with pytest.raises(ValueError, match="do not fit"):
        both.write(np.zeros(9, dtype=np.int64))


def test_a_block_whose_writer_died_in_the_middle_is_not_read_until_the_next_write() -> None:
    both, memory = block()
    both.write(numbers(1))
    memory[0] |= 1
    assert both.read() is None
    both.write(numbers(2))
    read = both.read()
    assert read is not None
    assert read.tolist() == [2]


def test_a_copy_during_which_the_writer_wrote_is_taken_again() -> None:
    calls = 0

    def interfere() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            writer.write(numbers(2, 2))

    memory = words(10)
    writer, reader = SharedBlock(memory, Fence()), SharedBlock(memory, interfere)
    writer.write(numbers(1, 1))
    read = reader.read()
    assert read is not None
    assert read.tolist() == [2, 2]
    assert calls == 4, "the first copy was not used"


@pytest.mark.parametrize("length", [-5, 10**12])
def test_a_wild_length_reads_no_further_than_the_block(length: int) -> None:
    both, memory = block()
    both.write(numbers(1))
    memory[1] = length
    read = both.read()
    assert read is not None
    assert len(read) == (0 if length < 0 else both.capacity)


def test_texts_of_any_length_arrive_and_what_does_not_fit_is_cut() -> None:
    both, memory = block(6)
    text = SharedText(both)
    assert text.read() == ""
    for value in ("", "a", "12345678", "grüß", "123456789"):
        text.write(value)
        assert text.read() == value
    text.write("x" * 100)
    assert text.read() == "x" * 24
    memory[1] = 0
    assert text.read() == ""
    text.write("ab")
    memory[2] = -1
    assert text.read() == ""


class Sides:
    """A main process's cell, and the other's view of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.block, _ = block()
        self.beat = words(1)
        self.beat[0] = self.clock.now_ns()
        self.seen = SharedCell(self.block, self.beat, self.clock, LIMIT)
        assert self.seen.current.panic, "nothing is known yet"
        self.cell = PublishedCell(Settings(persona="ann"), self.block)


def test_what_the_gate_needs_is_seen_at_once() -> None:
    sides = Sides()
    assert not sides.seen.current.panic
    for command in (Panic(), Resume(), SetMode(Mode.PASSTHROUGH), SetPersona("bob"), SetMode(Mode.SWAP)):
        reply = sides.cell.submit(command)
        seen, told = sides.seen.current, reply.settings
        if told.panic:
            assert seen.panic
        else:
            assert (seen.revision, seen.privacy_floor, seen.mode) == (told.revision, told.privacy_floor, told.mode)


def test_a_lifted_floor_is_seen_at_once() -> None:
    sides = Sides()
    sides.cell.tighten()
    seen, told = sides.seen.current, sides.cell.current
    assert (seen.revision, seen.privacy_floor) == (told.revision, told.privacy_floor) == (1, 1)


def test_silence_and_death_are_a_panic() -> None:
    sides = Sides()
    start_ns = sides.clock.now_ns()
    for now_ns, beat_ns, panic in ((LIMIT, 0, False), (LIMIT + 1, 0, True), (LIMIT, LIMIT + 1, True), (9, 9, False)):
        sides.clock.time_ns, sides.beat[0] = start_ns + now_ns, start_ns + beat_ns
        assert sides.seen.current.panic is panic, (now_ns, beat_ns)
    sides.seen.alive = False
    assert sides.seen.current.panic


@pytest.mark.parametrize("values", [(1, 1, 0), (1, 1, 0, 2), (1, 1, 0, -1), (1, 1, 7, 0)])
def test_settings_that_make_no_sense_are_a_panic(values: tuple[int, ...]) -> None:
    sides = Sides()
    sides.block.write(numbers(*values))
    assert sides.seen.current.panic


def test_both_sides_of_a_segment_see_the_same() -> None:
    size = Size(66, 64)
    memory = bytearray(segment_bytes(size))
    ours, theirs = SharedSegment(memory, size), SharedSegment(memory, size)
    with pytest.raises(ValueError, match="no segment"):
        theirs.terms()
    slate = np.full(size.picture_shape, 9, dtype=np.uint8)
    ours.offer(Terms(size, 250, 600), slate)
    assert theirs.terms() == Terms(size, 250, 600)
    assert (theirs.slate == 9).all()
    for index, picture in enumerate(ours.pictures):
        picture.fill(index + 1)
    assert [int(picture.min()) for picture in theirs.pictures] == [1, 2, 3]
    assert [int(picture.max()) for picture in theirs.pictures] == [1, 2, 3]
    ours.beat[0] = 5
    ours.text.write("well")
    ours.settings.write(numbers(1))
    ours.counters.write(np.arange(3000))
    assert theirs.beat[0] == 5
    assert theirs.text.read() == "well"
    read = theirs.counters.read()
    assert read is not None
    assert len(read) == 3000
    assert ours.terms().size == size
    assert (ours.slate == 9).all()


def test_a_segment_of_another_size_is_refused() -> None:
    size = Size(64, 64)
    with pytest.raises(ValueError, match="bytes"):
        SharedSegment(bytearray(100), size)
    memory = bytearray(segment_bytes(size))
    segment = SharedSegment(memory, size)
    segment.offer(Terms(Size(32, 128), 1, 1), segment.slate.copy())
    with pytest.raises(ValueError, match="32x128"):
        segment.terms()


def test_a_histogram_goes_to_another_process_and_back() -> None:
    first, second = Histogram(), Histogram()
    for duration_ns in (5_000, 7_000_000, 8_000_000, 10**9):
        first.add(duration_ns)
    words = np.zeros(HISTOGRAM_WORDS, dtype=np.int64)
    first.store(words)
    second.load(words)
    assert (second.count, second.total_ns, second.largest_ns) == (4, first.total_ns, 10**9)
    assert [second.percentile_ms(p) for p in (10, 50, 95)] == [first.percentile_ms(p) for p in (10, 50, 95)]
    words[:] = 0
    assert second.count == 4, "it is a copy"
    assert second.percentile_ms(50) > 0
