"""The one piece of memory that the main process and the output process share, and where everything lies in it."""

from dataclasses import dataclass
from mmap import mmap
from typing import Final, TypeAlias

import numpy as np

from livecam.core.frame import Picture, Size
from livecam.core.shared import Fence, SharedBlock, SharedText, Words
from livecam.core.shared_ring import RING_WORDS, SLOTS

Memory: TypeAlias = mmap | bytearray

_MAGIC: Final = int.from_bytes(b"livecam1", "little")
_PAGE: Final = 4096
# In words of 8 bytes; what different sides write stands on different cache lines.
_TERMS, _BEAT, _RING, _SETTINGS, _TEXT, _COUNTERS, _END = 0, 8, 16, 64, 80, 2136, 6144
_HEAD_BYTES: Final = 8 * _END


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides must agree on.

    Attributes:
        size: Of every picture.
        hold_ns: How old a picture may be when it leaves.
        orphan_ns: How long the output goes on alone.
    """

    size: Size
    hold_ns: int
    orphan_ns: int


def segment_bytes(size: Size) -> int:
    """How large a segment for pictures of `size` is, in bytes."""
    return _HEAD_BYTES + (SLOTS + 1) * _picture_bytes(size)


def _picture_bytes(size: Size) -> int:
    rows, columns = size.picture_shape
    return -(-rows * columns // _PAGE) * _PAGE


class SharedSegment:
    """Views into one shared buffer.

    Args:
        buffer: Writable shared memory of `segment_bytes(size)`; zero when it is new.
        size: Of the pictures.

    Attributes:
        fence: Orders accesses.
        ring: Words of the ring.
        pictures: Its slots.
        slate: (H * 3 / 2, W) u8 I420; written once, before anybody else is told of the segment.
        beat: Word 0 is the main process's last sign of life, monotonic ns.
        settings: Privacy settings, main process -> output process.
        counters: Output process -> main process.
        text: How the sinks are, output process -> main process.

    Raises:
        ValueError: The buffer has another size.
    """

    def __init__(self, buffer: Memory, size: Size) -> None:
        whole = memoryview(buffer)
        if len(whole) != segment_bytes(size):
            raise ValueError(f"A segment for {size} has {segment_bytes(size)} bytes, not {len(whole)}.")
        self._words = whole[:_HEAD_BYTES].cast("q")
        self._size = size
        self.fence = Fence()
        self.ring: Words = self._words[_RING : _RING + RING_WORDS]
        self.beat: Words = self._words[_BEAT : _BEAT + 1]
        self.settings = SharedBlock(self._words[_SETTINGS:_TEXT], self.fence)
        self.text = SharedText(SharedBlock(self._words[_TEXT:_COUNTERS], self.fence))
        self.counters = SharedBlock(self._words[_COUNTERS:_END], self.fence)
        rows, columns = size.picture_shape
        *slots, self.slate = (
            np.frombuffer(whole, np.uint8, rows * columns, _HEAD_BYTES + index * _picture_bytes(size)).reshape(
                rows, columns
            )
            for index in range(SLOTS + 1)
        )
        self.pictures: tuple[Picture, ...] = tuple(slots)

    def offer(self, terms: Terms, slate: Picture) -> None:
        """Write what the other side needs to begin; `slate` is (H * 3 / 2, W) u8 I420."""
        np.copyto(self.slate, slate)
        for index, word in enumerate((*terms.size, terms.hold_ns, terms.orphan_ns), start=1):
            self._words[_TERMS + index] = word
        self.fence()
        self._words[_TERMS] = _MAGIC

    def terms(self) -> Terms:
        """What the other side wrote with `offer`.

        Raises:
            ValueError: It is no segment of this version, or one for pictures of another size.
        """
        magic, width, height, hold_ns, orphan_ns = (self._words[_TERMS + index] for index in range(5))
        if magic != _MAGIC:
            raise ValueError("It is no segment of this version of livecam.")
        if Size(width, height) != self._size:
            raise ValueError(f"It holds pictures of {width}x{height}, not {self._size}.")
        return Terms(self._size, hold_ns, orphan_ns)
