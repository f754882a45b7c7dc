"""What another process of this user may write into shared memory, and say to the output process: never a picture."""

import mmap
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.core.frame import Size
from livecam.core.settings import Settings
from livecam.core.shared import SharedBlock, SharedCell, SharedText
from livecam.core.shared_ring import SharedRingReader
from livecam.core.shared_segment import SharedSegment, segment_bytes
from tests.fakes import FakeClock
from tests.fuzz.bounds import bounded, some

if sys.platform != "win32":
    from livecam.app.output_process_wire import hear, map_memory, new_memory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the output process is of POSIX")
SIZE = Size(64, 64)
WORD = st.integers(-(1 << 63), (1 << 63) - 1)


@some(80)
@given(st.lists(WORD, min_size=16, max_size=16), WORD)
def test_any_numbers_where_settings_should_be_are_a_panic_or_settings(words: list[int], beat: int) -> None:
    memory = memoryview(bytearray(np.array(words, np.int64).tobytes())).cast("q")
    beats = memoryview(bytearray(np.array([beat], np.int64).tobytes())).cast("q")
    cell = SharedCell(SharedBlock(memory, lambda: None), beats, FakeClock(), 150_000_000)
    now = cell.current
    assert isinstance(now, Settings)
    if words[0] % 2 or words[1] != 4:
        assert now.panic, "what was not written whole is a panic"


@some(60)
@given(st.lists(WORD, min_size=8, max_size=64))
def test_any_numbers_where_a_text_should_be_are_a_text(words: list[int]) -> None:
    block = SharedBlock(memoryview(bytearray(np.array(words, np.int64).tobytes())).cast("q"), lambda: None)
    assert len(SharedText(block).read()) <= 8 * len(words)


def test_any_segment_is_refused_or_read_within_its_bounds() -> None:
    random = Random(2)
    for _ in range(60):
        data = bytearray(segment_bytes(SIZE))
        data[: 6144 * 8] = random.randbytes(6144 * 8)
        if random.random() < 0.5:
            data[:8] = b"livecam1"
            data[8:24] = np.array(SIZE, np.int64).tobytes()
        segment = SharedSegment(data, SIZE)
        try:
            segment.terms()
        except ValueError:
            continue
        reader = SharedRingReader(segment.ring, segment.pictures, segment.fence)
        for _ in range(4):
            with bounded():
                reader.take()
        segment.text.read()
        segment.counters.read()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


def test_memory_that_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    length = segment_bytes(SIZE)
    small, locked, pipe = tmp_path / "small", tmp_path / "locked", tmp_path / "pipe"
    small.write_bytes(b"x")
    with locked.open("wb") as file:
        file.truncate(length)
    os.mkfifo(pipe)
    for path, flags in ((small, os.O_RDWR), (locked, os.O_RDONLY), (tmp_path, os.O_RDONLY), (pipe, os.O_RDWR)):
        handle = os.open(path, flags)
        with pytest.raises((ValueError, OSError)):
            map_memory(handle, SIZE)
        os.close(handle)
    handle, memory = new_memory(SIZE)
    assert isinstance(map_memory(handle, SIZE), mmap.mmap)
    memory.close()
    os.close(handle)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has seals")
def test_memory_cannot_be_cut_short_under_the_other_side() -> None:
    handle, memory = new_memory(SIZE)
    with pytest.raises(PermissionError):
        os.ftruncate(handle, 1)
    memory.close()
    os.close(handle)


def test_a_flood_is_heard_no_further_than_a_message_is_long(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    one.setblocking(False)
    one.send(b"x" * 10_000)
    assert len(hear(other)) <= 256
