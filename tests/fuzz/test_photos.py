"""Photos that lie, that grow, that never end, and that are none: findings, and what decoders are known to fall for."""

import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.errors import PhotoRefused
from livecam.faces.av1 import sizes_in
from livecam.faces.choosing import offers
from livecam.faces.photo import PERSONA_PIXELS, decode_photo, read_photo
from tests.fuzz.bounds import bounded, files_below


def encoded(suffix: str, side: int = 48, *options: int) -> bytes:
    image = np.arange(side * side * 3, dtype=np.uint32).reshape(side, side, 3).astype(np.uint8)
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, depth: int = 8, kind: int = 2, extra: bytes = b"", rows: bytes = b"\0") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def sequence(width: int, height: int, *, still: bool) -> bytes:
    """An AV1 sequence header that says so, as a unit of the stream (AV1 specification, 5.5.1)."""
    fields = [(0, 3), (1, 1), (int(still), 1)]
    fields += [(0, 5)] if still else [(0, 1), (0, 1), (0, 5), (0, 12), (8, 5), (0, 1)]
    fields += [(15, 4), (15, 4), (width - 1, 16), (height - 1, 16), (0, 20)]
    text = "".join(format(value, f"0{bits}b") for value, bits in fields)
    payload = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    return b"\x12\x00\x0a" + bytes([len(payload)]) + payload


def avif(said: tuple[int, int], stream: bytes, extra: bytes = b"", *, version: int = 0) -> bytes:
    """A picture whose boxes say one size; `stream` is what is decoded."""
    kind = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    size = box(b"ispe", struct.pack(">III", 0, *said))

    def meta(place: int) -> bytes:
        numbers = struct.pack(">BBH", 0x44, 0, 1)
        item = struct.pack(">H", 1) + (b"\0\0" if version else b"") + struct.pack(">HHII", 0, 1, place, len(stream))
        return box(b"meta", bytes(4) + box(b"iloc", struct.pack(">I", version << 24) + numbers + item) + size + extra)

    place = len(kind) + len(meta(0)) + 8
    return kind + meta(place) + box(b"mdat", stream)


def jpeg(width: int, height: int, scans: int, *, sof: int = 0xC2, parts: int = 3) -> bytes:
    """A header, and so many passes over the picture that hold next to nothing."""
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x01\x22\0\x02\x11\1\x03\x11\1"
    scan = (
        b"\xff\xda" + struct.pack(">HB", 6 + 2 * parts, parts) + b"\x01\0" * parts + b"\0\x3f\0" + b"data\xff\0\xff\xd0"
    )
    return b"\xff\xd8\xff" + bytes([sof]) + frame + scan * scans + b"\xff\xd9"


def two_sizes() -> bytes:
    """A small frame header before a huge one: which does the decoder believe?"""
    data = encoded(".jpg")
    at = data.index(b"\xff\xc0")
    length = int(struct.unpack_from(">H", data, at + 2)[0])
    frame = bytearray(data[at : at + 2 + length])
    frame[5:9] = struct.pack(">HH", 60_000, 60_000)
    return data[: at + 2 + length] + bytes(frame) + data[at + 2 + length :]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a stream larger than its box": (lambda: avif((64, 64), sequence(16384, 16384, still=True)), "16384x16384"),
    "the same as a film": (lambda: avif((64, 64), sequence(16384, 16384, still=False)), "16384x16384"),
    "the same, second": (
        lambda: avif((64, 64), sequence(64, 64, still=True) + sequence(12000, 12000, still=True)),
        "12000x12000",
    ),
    "the same, newer": (lambda: avif((64, 64), sequence(9000, 9000, still=True), version=1), "9000x9000"),
    "tiles": (lambda: avif((64, 64), b"", box(b"infe", b"\2\0\0\0\0\1\0\0grid\0")), "cut off"),
    "16 bits a colour": (lambda: png(8000, 8000, depth=16, kind=6), "more than 16 megapixels"),
    "a thousand passes": (lambda: jpeg(2000, 2000, 1000), "1000 steps"),
    "passes of a huge one": (lambda: jpeg(8000, 8000, 100), "100 steps"),
    "parts one after the other": (lambda: jpeg(15000, 15000, 3, sof=0xC0, parts=1), "more than 64 megapixels"),
    "markers without an end": (lambda: b"\xff\xd8" + b"\xff\xe0\0\2" * 5_000_000, "cut off"),
    "filling without an end": (lambda: b"\xff\xd8" + b"\xff" * 20_000_000, "cut off"),
    "markers without a length": (lambda: b"\xff\xd8\xff\xe0\0\0" * 1000, "cut off"),
    "two sizes": (two_sizes, "damaged"),
    "a second header": (
        lambda: png(8, 8, extra=chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))),
        "damaged",
    ),
    "more than memory": (lambda: png(2**31 - 1, 2**31 - 1), "more than 64 megapixels"),
    "a negative size": (lambda: b"BM" + bytes(16) + struct.pack("<ii", -(2**31), -(2**31)) + bytes(100), "64 mega"),
    "a page": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no JPEG"),
    "a program": (lambda: b"\x7fELF" + bytes(100), "is no JPEG"),
    "an animation": (lambda: b"GIF89a" + bytes(100), "GIF"),
    "a tail only": (lambda: encoded(".jpg")[100:], "is no JPEG"),
    "a head only": (lambda: encoded(".png")[:60], "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_lies_or_grows_is_refused(name: str) -> None:
    make, said = REFUSED[name]
    data = make()
    with bounded(), pytest.raises(PhotoRefused, match=said):
        decode_photo(data, "x.jpg", PERSONA_PIXELS)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_what_unpacks_to_200_megabytes_beside_a_picture_is_left_packed(kind: bytes) -> None:
    packed = zlib.compressobj(9)
    content = b"".join([packed.compress(bytes(1 << 20)) for _ in range(100)]) + packed.flush()
    data = png(8, 8, extra=chunk(kind, b"a\0\0" + content), rows=bytes(25 * 8))
    with bounded():
        assert decode_photo(data, "x").image.shape == (8, 8, 3)


def test_what_follows_the_picture_is_no_part_of_it() -> None:
    """A polyglot: a picture for one program, an archive or a page for another."""
    data = encoded(".jpg")
    image = decode_photo(data, "x").image
    for tail in (b"PK\3\4archive", b"<script>alert(1)</script>", data):
        assert np.array_equal(decode_photo(data + tail, "x").image, image)


def test_sound_pictures_in_steps_are_taken() -> None:
    for options in ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)):
        assert decode_photo(encoded(".jpg", 160, *options), "x").image.shape == (160, 160, 3)


def test_the_size_of_a_sound_stream_is_read() -> None:
    data = encoded(".avif")
    assert set(sizes_in(data)) == {(48, 48)}
    assert decode_photo(data, "x").image.shape == (48, 48, 3)


@pytest.mark.parametrize("cut", [20, 60, 90])
def test_a_stream_that_is_cut_off_has_no_size(cut: int) -> None:
    data = avif((64, 64), sequence(64, 64, still=True))[:cut]
    with pytest.raises(PhotoRefused):
        decode_photo(data, "x")


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
def test_what_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 33)
    before, began = files_below(tmp_path), time.monotonic()
    names = ["pipe", "folder", "endless", "circle", "sparse", "nothing", "x" * 5000, "nul\0", "folder/" * 2000 + "x"]
    for name in names:
        with pytest.raises(PhotoRefused):
            read_photo(tmp_path / name)
        with pytest.raises(PhotoRefused):
            [offer.read() for offer in offers([tmp_path / name])]
    assert time.monotonic() - began < 100
    assert files_below(tmp_path) == before


def test_a_link_to_a_photo_is_a_photo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(".jpg"))
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    assert read_photo(tmp_path / "b.jpg").image.shape == (48, 48, 3)
