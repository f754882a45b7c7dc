"""The header of a safetensors file, read without torch and without trust: what it holds, and that it holds it.

The format: 8 bytes with the length of the header, little-endian; the header, a JSON object from tensor names to dtype,
shape and place; then the data, without holes (README of huggingface/safetensors, section Format). Every number is
checked before it is used, and the header alone is read.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import StudioError

LARGEST_HEADER: Final = 16 << 20
"""Bytes; the largest published ones have about a tenth of it."""

MOST_TENSORS: Final = 50_000
MOST_AXES: Final = 8

BYTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
"""How many bytes an element takes, by dtype."""

_LENGTH: Final = 8
_METADATA: Final = "__metadata__"


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a file says of a tensor.

    Attributes:
        dtype: One of `BYTES`.
        shape: Of whole numbers, 0..; empty for a single number.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file holds.

    Attributes:
        tensors: By name.
        metadata: Whatever its maker wrote down; never trusted.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The checked header of `path`.

    Raises:
        StudioError: It cannot be read, or is not a sound safetensors file; the sentence says which and why.
    """
    try:
        with path.open("rb") as file:
            whole = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(_LENGTH), "little")
            if whole < _LENGTH or not 2 <= length <= min(LARGEST_HEADER, whole - _LENGTH):
                raise ValueError("its header is too long, or the file too short")
            return _parsed(file.read(length), whole - _LENGTH - length)
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise StudioError(
            f"{path} is not a sound safetensors file: {_reason(error)}.",
            "Fetch it again; a file that is a Git LFS pointer, or a pickle by another name, looks like this too.",
        ) from error


def _reason(error: Exception) -> str:
    # What the JSON and UTF-8 readers say quotes the file, which may hold anything.
    return str(error) if type(error) is ValueError else "its header is not JSON"


def _parsed(raw: bytes, data: int) -> Header:
    """The header in `raw`, of a file with `data` bytes of data.

    Raises:
        ValueError: It is not sound.
    """
    if not raw.startswith(b"{"):
        raise ValueError("its header does not begin with a brace")
    held: object = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    assert isinstance(held, dict)
    if len(held) > MOST_TENSORS:
        raise ValueError(f"it claims more than {MOST_TENSORS:,} tensors")
    metadata = _metadata(held.pop(_METADATA, {}))
    entries = {name: _entry(name, entry) for name, entry in held.items()}
    _check_places(sorted((begin, end) for _, begin, end in entries.values()), data)
    return Header({name: tensor for name, (tensor, _, _) in entries.items()}, metadata)


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in its header twice")
    return found


def _metadata(held: object) -> Mapping[str, str]:
    if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
        raise ValueError("its metadata has the wrong form")
    return held


def _entry(name: str, entry: object) -> tuple[Tensor, int, int]:
    """A tensor, and where its data begins and ends, bytes."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {_shown(name)} has the wrong form")
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise ValueError(f"{_shown(name)} has the dtype {_shown(str(dtype))}, which is not known here")
    if not _counts(shape) or len(shape) > MOST_AXES or not _counts(place) or len(place) != 2:
        raise ValueError(f"{_shown(name)} has a shape or a place that is none")
    tensor = Tensor(dtype, tuple(shape))
    if place[1] - place[0] != tensor.size:
        raise ValueError(f"{_shown(name)} does not fill its place: {list(tensor.shape)} of {dtype}")
    return tensor, place[0], place[1]


def _counts(held: object) -> bool:
    # bool is an int, and true no length.
    return isinstance(held, list) and all(type(number) is int and 0 <= number < 1 << 63 for number in held)


def _check_places(places: Sequence[tuple[int, int]], data: int) -> None:
    """See that the tensors, in order, fill the data without overlap or hole."""
    at = 0
    for begin, end in places:
        if begin != at:
            raise ValueError("tensors overlap, or leave a hole between them")
        at = end
    if at != data:
        raise ValueError("its tensors do not end where the file ends; it may be cut short")


def _shown(text: str) -> str:
    """Of a text from a file: what may be printed, shortened."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
