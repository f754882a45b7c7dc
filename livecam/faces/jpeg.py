"""What a JPEG's markers say (ITU-T T.81, annex B): its size, and what decoding it costs."""

import re
import struct
from dataclasses import dataclass
from typing import Final

_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers, which carry the size (table B.1)."""

_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_SCAN, _END = 0xDA, 0xD9
_MARKER: Final = re.compile(rb"\xff+([^\xff])")
_IN_SCAN: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
"""The next marker behind a scan's data, in which stuffed bytes and restarts are none."""

_MOST_SEGMENTS: Final = 5000


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A picture before it is decoded.

    Attributes:
        size: Width and height as stored, px.
        scans: How many times the decoder goes through the picture.
        streams: Whether it needs a few rows at a time; else it keeps all coefficients of the picture.
    """

    size: tuple[int, int]
    scans: int
    streams: bool


def jpeg_in(data: bytes) -> Jpeg:
    """What the file `data` says, up to where a decoder stops reading.

    Raises:
        IndexError: It is cut off before its size, or has more segments than any camera writes.
        struct.error: The same.
    """
    size: tuple[int, int] | None = None
    components, scans, streams, at = b"", 0, False, 2
    for _ in range(_MOST_SEGMENTS):
        found = (_IN_SCAN if scans else _MARKER).match(data, at) or (_IN_SCAN.search(data, at) if scans else None)
        if found is None or found[1][0] == _END:
            break
        marker, at = found[1][0], found.end()
        if marker in _SIZES and size is None:
            height, width = struct.unpack_from(">HH", data, at + 3)
            size, components, streams = (width, height), data[at + 7 : at + 8], marker in _SEQUENTIAL
        elif marker == _SCAN:
            scans += 1
            # A scan of some of the components is followed by others.
            streams = streams and scans == 1 and data[at + 2 : at + 3] == components
        if at + 2 > len(data):
            break
        at += int(struct.unpack_from(">H", data, at)[0])
    else:
        raise IndexError
    if size is None:
        raise IndexError
    return Jpeg(size, scans, streams)
