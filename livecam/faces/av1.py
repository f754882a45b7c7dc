"""How large the pictures in an AVIF really are: its boxes may say one thing, and the AV1 stream in them another.

A decoder believes the stream. Only what is needed for that is read (ISO/IEC 14496-12, 8.11.3; AV1 specification, 5.5).
"""

import struct
from collections.abc import Iterator
from typing import Final

_SEQUENCE, _WITH_SIZE, _EXTENDED = 1, 0x02, 0x04
_MOST_ITEMS: Final = 1000
_MOST_UNITS: Final = 10_000


class _Bits:
    """Bits of `data`, the highest of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next `count` as a number.

        Raises:
            ValueError: There are none left.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError
        return self._value >> self._left & ((1 << count) - 1)


def sizes_in(data: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of every AV1 sequence in the file `data`.

    Raises:
        ValueError, struct.error, IndexError: It is not as an AVIF must be.
    """
    for start, length in _places(data):
        yield from _sequences(data, start, start + length if length else len(data))


def _places(data: bytes) -> Iterator[tuple[int, int]]:
    """Where items lie, and how long they are; 0 for up to the end. Of the box ``iloc``."""
    at = data.find(b"iloc")
    if at < 0:
        return
    version, sizes = data[at + 4], struct.unpack_from(">BB", data, at + 8)
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    reader = _Numbers(data, at + 10)
    items = reader.take(2 if version < 2 else 4)
    for _ in range(min(items, _MOST_ITEMS)):
        reader.take(2 if version < 2 else 4)
        inside = reader.take(2) & 15 if version else 0
        reader.take(2)
        base = reader.take(base_size) + (_idat(data) if inside == 1 else 0)
        for _ in range(reader.take(2)):
            reader.take(index_size)
            offset, length = reader.take(offset_size), reader.take(length_size)
            yield base + offset, length


def _idat(data: bytes) -> int:
    """Where the box ``idat`` holds its data.

    Raises:
        ValueError: There is none.
    """
    return data.index(b"idat") + 4


class _Numbers:
    """Numbers of `data` from `at` on, the highest byte first."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, size: int) -> int:
        """The next one, of `size` bytes.

        Raises:
            ValueError: The file is cut off.
        """
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise ValueError
        self._at += size
        return int.from_bytes(piece, "big")


def _sequences(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """The sizes that sequence headers between `at` and `end` state; none where there is no AV1."""
    for _ in range(_MOST_UNITS):
        if not at < min(end, len(data)):
            return
        header = data[at]
        at += 2 if header & _EXTENDED else 1
        length, at = _leb128(data, at) if header & _WITH_SIZE else (end - at, at)
        if header >> 3 & 15 == _SEQUENCE:
            size = _size(data[at : at + min(length, 64)])
            if size is not None:
                yield size
        at += length


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to eight bytes, and where it ends."""
    value = 0
    for place in range(8):
        byte = data[at + place] if at + place < len(data) else 0
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return value, at + place + 1
    return value, at + 8


def _size(header: bytes) -> tuple[int, int] | None:
    """Of a sequence header; None where it is none."""
    bits = _Bits(header)
    try:
        bits.take(4)
        if bits.take(1):
            bits.take(5)
        else:
            _skip_operation(bits)
        wide, high = bits.take(4) + 1, bits.take(4) + 1
        return bits.take(wide) + 1, bits.take(high) + 1
    except ValueError:
        return None


def _skip_operation(bits: _Bits) -> None:
    """What stands before the size in a header that is not the short one for still pictures."""
    if bits.take(1):
        # Timing is for films; a still picture that has it is refused.
        raise ValueError
    delayed = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delayed and bits.take(1):
            bits.take(4)
