"""Photos read safely: kind, size and animation are known from the header before anything is decoded."""

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image, Size
from livecam.errors import PhotoRefused

LARGEST_BYTES: Final = 50 * 1_000_000
LARGEST_PIXELS: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo with the bytes it came from.

    Attributes:
        name: For messages: the path as the user gave it.
        suffix: Of its format, such as ``.jpg``, whatever the file was called.
        data: The file.
        image: (H, W, 3) u8 BGR, upright: the EXIF orientation is applied.
        digest: SHA-256 of `data`, hex.
    """

    name: str
    suffix: str
    data: bytes
    image: Image
    digest: str


@dataclass(frozen=True, slots=True)
class _Header:
    size: tuple[int, int]
    animated: bool


def read_photo(path: Path) -> Photo:
    """Read and decode a photo.

    Raises:
        PhotoRefused: It cannot be read, is no JPEG, PNG, WebP or BMP, is animated, too large or damaged.
    """
    return decode_photo(_bytes(path), str(path))


def decode_photo(data: bytes, name: str) -> Photo:
    """Decode a photo from memory; `name` is for messages.

    Raises:
        PhotoRefused: As for `read_photo`.
    """
    suffix, header = _identified(data, name)
    if header.animated:
        raise PhotoRefused(f"{name} is animated.", "Save one picture of it as JPEG or PNG.")
    width, height = header.size
    if width * height > LARGEST_PIXELS:
        raise PhotoRefused(f"{name} has {width}x{height} pixels, more than 64 megapixels.", "Make it smaller.")
    return Photo(name, suffix, data, _decoded(data, name), hashlib.sha256(data).hexdigest())


def _decoded(data: bytes, name: str) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise PhotoRefused(f"{name} is damaged and cannot be decoded.", "Use another copy of the photo.")
    upright: Image = np.ascontiguousarray(image, dtype=np.uint8)
    return upright


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise PhotoRefused(f"{path} is a folder, not a photo.", "Name the photos inside it.")
    if path.exists() and not path.is_file():
        # A pipe or a device would make us wait for ever.
        raise PhotoRefused(f"{path} is no ordinary file.", "Name a photo.")
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise PhotoRefused(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise PhotoRefused(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from None
    if len(data) > LARGEST_BYTES:
        raise PhotoRefused(f"{path} is larger than 50 MB.", "Make it smaller.")
    return data


def _identified(data: bytes, name: str) -> tuple[str, _Header]:
    if data[:6] in (b"GIF87a", b"GIF89a"):
        raise PhotoRefused(f"{name} is a GIF, which may be animated.", "Save it as JPEG or PNG.")
    for magic, offset, suffix, read in _FORMATS:
        if data[offset : offset + len(magic)] == magic:
            try:
                return suffix, read(data)
            except (struct.error, IndexError, StopIteration):
                raise PhotoRefused(f"{name} is damaged: its header is cut off.", "Use another copy.") from None
    raise PhotoRefused(f"{name} is no JPEG, PNG, WebP or BMP picture.", "Convert it to JPEG.")


def _png(data: bytes) -> _Header:
    width, height = struct.unpack_from(">II", data, 16)
    return _Header((width, height), animated=any(kind == b"acTL" for kind in _png_chunks(data)))


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Kinds of the chunks before the picture data, where an animation must announce itself."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return
        yield kind
        at += length + 12


_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers, which carry the size (ITU-T T.81, table B.1)."""


def _jpeg(data: bytes) -> _Header:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return _Header((width, height), animated=False)
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise IndexError


def _webp(data: bytes) -> _Header:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return _Header((width, height), animated=bool(data[20] & 0x02))
    if kind == b"VP8L":
        bits = int(struct.unpack_from("<I", data, 21)[0])
        return _Header(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), animated=False)
    width, height = struct.unpack_from("<HH", data, 26)
    return _Header((width & 0x3FFF, height & 0x3FFF), animated=False)


def _bmp(data: bytes) -> _Header:
    width, height = struct.unpack_from("<ii", data, 18)
    return _Header((abs(width), abs(height)), animated=False)


_FORMATS: Final[tuple[tuple[bytes, int, str, Callable[[bytes], _Header]], ...]] = (
    (b"\xff\xd8\xff", 0, ".jpg", _jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, ".png", _png),
    (b"WEBP", 8, ".webp", _webp),
    (b"BM", 0, ".bmp", _bmp),
)
"""Magic bytes, where they stand, the suffix, and what reads the header."""


def size_of(photo: Photo) -> Size:
    """Of the upright picture, px."""
    height, width = photo.image.shape[:2]
    return Size(width, height)
