"""A bounds-checked reader for FlatBuffers tables, the container of TFLite files.

Format: https://flatbuffers.dev/internals/. Every offset comes from the file and is believed only after a check, so
that a truncated or lying file ends in a `ModelError` and never in a crash, a huge allocation or a loop.
"""

import struct
from typing import Self

import numpy as np
import numpy.typing as npt

from livecam.errors import ModelError

MAX_VECTOR = 1 << 20
"""More tables in one vector than any network has; a larger count is a lie."""


def damaged(detail: str) -> ModelError:
    """The error for a file that is not what its format demands."""
    return ModelError(f"The network file is damaged: {detail}.", "Fetch it again: livecam models fetch")


class Table:
    """One FlatBuffers table: fields by index, each absent or at an offset.

    Args:
        data: The whole file; borrowed.
        position: Where the table starts, in bytes.

    Raises:
        ModelError: The table or its vtable lies outside the file.
    """

    __slots__ = ("_data", "_position", "_vtable", "_vtable_size")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._vtable = position - _unpack(data, "<i", position)
        self._vtable_size = _unpack(data, "<H", self._vtable)

    @classmethod
    def root(cls, data: bytes) -> Self:
        """The file's first table."""
        return cls(data, _unpack(data, "<I", 0))

    def _field(self, index: int) -> int | None:
        slot = 4 + 2 * index
        if slot + 2 > self._vtable_size:
            return None
        offset = _unpack(self._data, "<H", self._vtable + slot)
        return self._position + offset if offset else None

    def _target(self, index: int) -> int | None:
        field = self._field(index)
        return None if field is None else field + _unpack(self._data, "<I", field)

    def number(self, index: int, code: str = "b", default: int = 0) -> int:
        """The integer in field `index`, read with the `struct` format `code`; `default` where the field is absent."""
        field = self._field(index)
        return default if field is None else _unpack(self._data, "<" + code, field)

    def table(self, index: int) -> "Table | None":
        """The table that field `index` points to."""
        target = self._target(index)
        return None if target is None else Table(self._data, target)

    def array(self, index: int, dtype: str) -> npt.NDArray[np.generic]:
        """The vector of numbers in field `index` as a view of the file; empty where the field is absent."""
        target = self._target(index)
        if target is None:
            return np.empty(0, dtype)
        count = _unpack(self._data, "<I", target)
        if target + 4 + count * np.dtype(dtype).itemsize > len(self._data):
            raise damaged(f"a vector of {count} elements at byte {target} reaches beyond the end")
        return np.frombuffer(self._data, dtype, count, target + 4)

    def integers(self, index: int) -> tuple[int, ...]:
        """The vector of 32-bit integers in field `index`."""
        return tuple(int(value) for value in self.array(index, "<i4"))

    def text(self, index: int) -> str:
        """The string in field `index`; what is not UTF-8 is replaced."""
        return self.array(index, "u1").tobytes().decode("utf-8", "replace")

    def tables(self, index: int) -> list["Table"]:
        """The vector of tables in field `index`; empty where the field is absent."""
        offsets = self.array(index, "<u4")
        if len(offsets) > MAX_VECTOR:
            raise damaged(f"{len(offsets)} tables in one vector")
        target = self._target(index)
        start = 0 if target is None else target + 4
        return [Table(self._data, start + 4 * row + int(offset)) for row, offset in enumerate(offsets)]


def _unpack(data: bytes, code: str, position: int) -> int:
    if position < 0 or position + struct.calcsize(code) > len(data):
        raise damaged(f"an offset points to byte {position} of {len(data)}")
    value: int = struct.unpack_from(code, data, position)[0]
    return value
