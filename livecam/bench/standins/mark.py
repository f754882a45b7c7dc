"""Tells stand-ins from real networks by the mark in their files."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from google.protobuf.message import DecodeError
from onnx import StringStringEntryProto

from livecam.bench.standins.graph import MARK

_METADATA: Final = 14
"""Number of ``metadata_props`` in ONNX's ``ModelProto``."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
"""Protobuf's ways to store a field; the other two are not used any more."""


def is_stand_in(path: Path) -> bool:
    """Whether `path` is a network made by `livecam.bench.standins`; False for what is not a network at all.

    The weights are skipped over, not read: the answer takes a millisecond even for a gigabyte.

    Raises:
        OSError: It cannot be read.
    """
    return metadata(path).get(MARK) == "1"


def metadata(path: Path) -> dict[str, str]:
    """The notes that an ONNX file carries about itself; empty for what is not one.

    Raises:
        OSError: It cannot be read.
    """
    notes = {}
    with path.open("rb") as file:
        try:
            for raw in _fields(file, _METADATA):
                entry = StringStringEntryProto.FromString(raw)
                notes[entry.key] = entry.value
        except (ValueError, DecodeError):
            return {}
    return notes


def _fields(file: BinaryIO, wanted: int) -> Iterator[bytes]:
    """The contents of the outermost fields numbered `wanted`.

    Raises:
        ValueError: The file is not made of protobuf fields.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    while file.tell() < size:
        number, kind = divmod(_varint(file), 8)
        length = _length(file, kind)
        if file.tell() + length > size:
            raise ValueError("a field is longer than the file")
        if number == wanted and kind == _BYTES:
            yield file.read(length)
        else:
            file.seek(length, io.SEEK_CUR)


def _length(file: BinaryIO, kind: int) -> int:
    """Bytes of the field's content that follow."""
    match kind:
        case 0:
            _varint(file)
            return 0
        case 1:
            return 8
        case 2:
            return _varint(file)
        case 5:
            return 4
        case _:
            raise ValueError(f"no field is of kind {kind}")


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("the file ends inside a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number is longer than 64 bits")
