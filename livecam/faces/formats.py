"""What a picture's header says: kind, size, whether it moves, whether it is see-through. Nothing is decoded here."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from livecam.errors import PhotoRefused
from livecam.faces.av1 import sizes_in
from livecam.faces.jpeg import jpeg_in


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded.

    Attributes:
        suffix: Of its format, such as ``.jpg``, whatever the file was called.
        size: Width and height as stored, px.
        animated: Whether there are several pictures that follow each other.
        shrinks: Whether the decoder can shrink it while it decodes, so that the whole never lies in memory.
        orientation: 1 to 8 as in Exif, where the container itself says it; 0 where it does not.
        deep: Whether a colour has more than 8 bits, so that it takes twice the memory.
        passes: How many times the decoder goes through it.
    """

    suffix: str
    size: tuple[int, int]
    animated: bool = False
    shrinks: bool = False
    orientation: int = 0
    deep: bool = False
    passes: int = 1

    @property
    def pixels(self) -> int:
        """Of the picture as stored."""
        return self.size[0] * self.size[1]


def header_of(data: bytes, name: str) -> Header:
    """The header of the file `data`, by its content; `name` is for messages.

    Raises:
        PhotoRefused: It is no picture of a kind that can be read, or its header is damaged.
    """
    if not data:
        raise PhotoRefused(f"{name} is empty.", "Use another copy of the photo.")
    if data[:6] in (b"GIF87a", b"GIF89a"):
        raise PhotoRefused(
            f"{name} is a GIF, which has few colours and may be animated.", "Save one picture of it as JPEG or PNG."
        )
    for magic, offset, read in _FORMATS:
        if data[offset : offset + len(magic)] == magic:
            return _read(read, data, name)
    raise PhotoRefused(f"{name} is no JPEG, PNG, WebP, AVIF, HEIC or BMP picture.", "Convert it to JPEG.")


def _read(read: Callable[[bytes], Header], data: bytes, name: str) -> Header:
    try:
        header = read(data)
    except (struct.error, IndexError, ValueError):
        raise PhotoRefused(f"{name} is damaged: its header is cut off.", "Use another copy of the photo.") from None
    if min(header.size) < 1:
        raise PhotoRefused(f"{name} is damaged: it has no pixels.", "Use another copy of the photo.")
    return header


def _png(data: bytes) -> Header:
    size = struct.unpack_from(">II", data, 16)
    moves = any(kind == b"acTL" for kind in _png_chunks(data))
    return Header(".png", (size[0], size[1]), animated=moves, deep=data[24] > 8)


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Kinds of the chunks before the picture data, where an animation must announce itself."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return
        yield kind
        at += length + 12


def _jpeg(data: bytes) -> Header:
    found = jpeg_in(data)
    return Header(".jpg", found.size, shrinks=found.streams, passes=found.scans)


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (_three(data, at) + 1 for at in (24, 27))
        return Header(".webp", (width, height), animated=bool(data[20] & 0x02))
    if kind == b"VP8L":
        bits = int(struct.unpack_from("<I", data, 21)[0])
        return Header(".webp", ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return Header(".webp", (width & 0x3FFF, height & 0x3FFF))


def _three(data: bytes, at: int) -> int:
    if len(data) < at + 3:
        raise IndexError
    return int.from_bytes(data[at : at + 3], "little")


def _bmp(data: bytes) -> Header:
    width, height = struct.unpack_from("<ii", data, 18)
    return Header(".bmp", (abs(width), abs(height)))


_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MOVING_BRANDS = frozenset({b"avis", b"hevc", b"hevx", b"msf1"})


def _boxed(data: bytes) -> Header:
    """AVIF and HEIC: the size is the largest of the items' (ISO/IEC 23008-12, ``ispe``), since tiles are items too.

    Raises:
        ValueError: It is another kind of file in boxes, or cut off.
    """
    length = int(struct.unpack_from(">I", data, 0)[0])
    brands = {data[at : at + 4] for at in range(8, min(length, len(data), 200), 4)}
    suffix = ".avif" if brands & _AVIF_BRANDS else ".heic" if brands & _HEIC_BRANDS else ""
    if not suffix or not _is_whole(data):
        raise ValueError
    sizes = [struct.unpack_from(">II", data, at + 8) for at in _places(data, b"ispe")]
    deep = any(max(data[at + 9 : at + 9 + data[at + 8]], default=0) > 8 for at in _places(data, b"pixi"))
    if suffix == ".avif":
        if b"grid" in data[: data.find(b"mdat")]:
            # One tile may stand for hundreds: the size is then what the file says, and nothing else.
            raise ValueError
        sizes += sizes_in(data)
    width, height = max(sizes, key=lambda size: int(size[0]) * int(size[1]))
    # What names itself a sequence first is one; a live photo names it among others, and its picture is used.
    moving = data[8:12] in _MOVING_BRANDS
    return Header(suffix, (width, height), animated=moving, orientation=_turned(data), deep=deep)


_TURNED: Final = {
    (0, -1): 1,
    (1, -1): 8,
    (2, -1): 3,
    (3, -1): 6,
    (0, 0): 4,
    (1, 0): 5,
    (2, 0): 2,
    (3, 0): 7,
    (0, 1): 2,
    (1, 1): 7,
    (2, 1): 4,
    (3, 1): 5,
}
"""Exif's orientation by ``irot``, in quarters against the clock, and ``imir``: 0 swaps top and bottom, 1 the sides."""


def _turned(data: bytes) -> int:
    """The orientation that the boxes ``irot`` and ``imir`` give together; 0 where there is neither."""
    turns, mirrors = _boxed_byte(data, b"irot"), _boxed_byte(data, b"imir")
    if turns < 0 and mirrors < 0:
        return 0
    return _TURNED.get((max(turns, 0) & 3, mirrors), 1)


def _boxed_byte(data: bytes, kind: bytes) -> int:
    """What the first box of `kind` holds, which is one byte; -1 where there is none."""
    at = data.find(struct.pack(">I", 9) + kind)
    return data[at + 8] if 0 <= at < len(data) - 8 else -1


def _is_whole(data: bytes) -> bool:
    """Whether the outermost boxes end where the file does."""
    at = 0
    while at + 8 <= len(data):
        length = int(struct.unpack_from(">I", data, at)[0])
        if length == 1:
            length = int(struct.unpack_from(">Q", data, at + 8)[0])
        if length == 0:
            return True
        if length < 8:
            return False
        at += length
    return at == len(data)


def _places(data: bytes, kind: bytes) -> Iterator[int]:
    """Where `kind` stands."""
    at = data.find(kind)
    while at >= 0:
        yield at
        at = data.find(kind, at + 4)


_FORMATS: Final[tuple[tuple[bytes, int, Callable[[bytes], Header]], ...]] = (
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"WEBP", 8, _webp),
    (b"ftyp", 4, _boxed),
    (b"BM", 0, _bmp),
)
"""Magic bytes, where they stand, and what reads the header."""
