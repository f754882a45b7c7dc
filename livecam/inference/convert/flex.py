"""A bounds-checked reader for FlexBuffers maps, in which TFLite keeps the options of custom operators.

Format: https://flatbuffers.dev/flexbuffers/. Only what such options hold is read: one map from names to integers,
floats, booleans and vectors of them.
"""

import struct
from dataclasses import dataclass

from livecam.inference.convert.flat import damaged

Number = int | float
Options = dict[str, Number | list[Number]]

_INT, _UINT, _FLOAT, _BOOL = 1, 2, 3, 26
_MAP, _VECTOR = 9, 10
_TYPED_VECTORS = {11: _INT, 12: _UINT, 13: _FLOAT, 36: _BOOL}
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_INT_CODES = {1: "<b", 2: "<h", 4: "<i", 8: "<q"}
_UINT_CODES = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
_FLOAT_CODES = {2: "<e", 4: "<f", 8: "<d"}
_CODES = {_INT: _INT_CODES, _UINT: _UINT_CODES, _BOOL: _UINT_CODES, _FLOAT: _FLOAT_CODES}


def read_map(data: bytes) -> Options:
    """The map of numbers and number vectors that `data` holds.

    Raises:
        ModelError: `data` is not such a map.
    """
    if len(data) < 3:
        raise damaged("an operator's options are too short")
    root_width, packed = data[-1], data[-2]
    if packed >> 2 != _MAP:
        raise damaged("an operator's options are not a map")
    reader = _Reader(data)
    root = len(data) - 2 - root_width
    return reader.map(root - reader.integer(root, root_width), 1 << (packed & 3))


@dataclass(frozen=True, slots=True)
class _Reader:
    data: bytes

    def number(self, position: int, width: int, kind: int) -> Number:
        """The number of `kind` in `width` bytes at `position`."""
        code = _CODES[kind].get(width)
        if code is None or position < 0 or position + width > len(self.data):
            raise damaged("an operator's options point outside themselves")
        value: Number = struct.unpack_from(code, self.data, position)[0]
        return value

    def integer(self, position: int, width: int) -> int:
        """The unsigned integer in `width` bytes at `position`."""
        return int(self.number(position, width, _UINT))

    def count(self, position: int, width: int) -> int:
        """The length that stands before the vector at `position`."""
        count = self.integer(position - width, width)
        if position + count * width > len(self.data):
            raise damaged("a vector in an operator's options is longer than they are")
        return count

    def map(self, position: int, width: int) -> Options:
        """The map whose values start at `position`."""
        count = self.count(position, width)
        keys = position - 3 * width
        names = keys - self.integer(keys, width)
        name_width = self.integer(position - 2 * width, width)
        options: Options = {}
        for row in range(count):
            slot = names + row * name_width
            name = self.name(slot - self.integer(slot, name_width))
            kind = self.integer(position + count * width + row, 1)
            options[name] = self.value(position + row * width, width, kind)
        return options

    def name(self, position: int) -> str:
        """The zero-ended key at `position`."""
        end = self.data.find(b"\0", position) if position >= 0 else -1
        if end < 0:
            raise damaged("a key in an operator's options has no end")
        return self.data[position:end].decode("utf-8", "replace")

    def value(self, slot: int, width: int, packed: int) -> Number | list[Number]:
        """The value in `slot`, a number or a vector of numbers, as its packed type says."""
        kind, inner = packed >> 2, 1 << (packed & 3)
        if kind in _CODES:
            return self.number(slot, width, kind)
        target = slot - self.integer(slot, width)
        if kind in _INDIRECT:
            return self.number(target, inner, _INDIRECT[kind])
        return self.vector(target, inner, kind)

    def vector(self, start: int, width: int, kind: int) -> list[Number]:
        """The vector at `start`: of one kind, or with a type byte for each element."""
        count = self.count(start, width)
        if kind in _TYPED_VECTORS:
            return [self.number(start + row * width, width, _TYPED_VECTORS[kind]) for row in range(count)]
        kinds = [self.integer(start + count * width + row, 1) >> 2 for row in range(count)]
        if kind != _VECTOR or any(each not in _CODES for each in kinds):
            raise damaged(f"an operator's options hold a value of an unexpected kind ({kind})")
        return [self.number(start + row * width, width, each) for row, each in enumerate(kinds)]
