"""Every way in which a file can fail to be a photo."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.errors import PhotoRefused
from livecam.faces import photo as photos
from livecam.faces.photo import decode_photo, read_photo, size_of
from tests.faces.doubles import encoded, photo


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_formats_are_known_by_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "anything.txt"
    path.write_bytes(encoded(suffix))
    read = read_photo(path)
    assert read.suffix == suffix
    assert size_of(read) == (40, 30)
    assert read.image.dtype == np.uint8
    assert read.image.flags.c_contiguous
    assert read.name == str(path)


def test_lossless_webp_and_alpha_and_grey_and_deep_png() -> None:
    rgba = np.zeros((10, 20, 4), np.uint8)
    lossless = cv2.imencode(".webp", rgba, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    pngs = [cv2.imencode(".png", image)[1].tobytes() for image in (rgba, rgba[..., 0], rgba[..., 0].astype(np.uint16))]
    for data in (lossless, *pngs):
        assert decode_photo(data, "x").image.shape == (10, 20, 3)


def test_exif_orientation_is_applied() -> None:
    plain = encoded(".jpg", width=40, height=20)
    # A little-endian EXIF block with one entry: orientation (0x0112) = 6, turn by 90 degrees.
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    block = b"Exif\0\0" + tiff
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    assert decode_photo(turned, "x").image.shape == (40, 20, 3)


def test_animations_are_refused() -> None:
    with pytest.raises(PhotoRefused, match="a GIF"):
        decode_photo(b"GIF89a" + bytes(50), "x.gif")
    png = encoded(".png")
    chunk = b"acTL" + struct.pack(">II", 2, 0)
    animated = png[:33] + struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    with pytest.raises(PhotoRefused, match=r"x\.png is animated"):
        decode_photo(animated, "x.png")
    header = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\x27\0\0" + b"\x1d\0\0"
    with pytest.raises(PhotoRefused, match="is animated"):
        decode_photo(b"RIFF" + bytes(4) + b"WEBP" + header + bytes(20), "x.webp")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 30_000, 30_000) + bytes(5),
        b"\xff\xd8\xff\xc0" + struct.pack(">HBHH", 17, 8, 60_000, 60_000),
        b"BM" + bytes(16) + struct.pack("<ii", -20_000, 20_000),
        b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\x0f\xff\xff\x0f",
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + struct.pack("<I", 0x0FFFFFFF),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 16_000, 16_000),
    ],
)
def test_huge_pictures_are_refused_before_decoding(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PhotoRefused, match="more than 64 megapixels"):
        decode_photo(data, "huge")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("length", [4, 14, 20])
def test_cut_files_are_refused(suffix: str, length: int) -> None:
    with pytest.raises(PhotoRefused, match="cut"):
        decode_photo(encoded(suffix)[:length], "cut")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_half_a_photo_is_refused(suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    with pytest.raises(PhotoRefused, match=r"x is damaged and cannot be decoded\. Use another copy"):
        decode_photo(data[: len(data) // 2], "x")


def test_padding_between_jpeg_markers_is_skipped() -> None:
    plain = encoded(".jpg")
    assert decode_photo(plain[:2] + b"\xff\xff\xff" + plain[3:], "x").image.shape == (30, 40, 3)
    with pytest.raises(PhotoRefused, match="header is cut off"):
        decode_photo(plain[:2] + b"\xff\xe0\0\x02" + bytes(20), "x")


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF0000WEBP"]))
def test_rubbish_is_refused(data: bytes, magic: bytes) -> None:
    with pytest.raises(PhotoRefused, match="rubbish"):
        decode_photo(magic + data, "rubbish")


def test_doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PhotoRefused, match="There is no file"):
        read_photo(tmp_path / "absent.jpg")
    with pytest.raises(PhotoRefused, match="is a folder"):
        read_photo(tmp_path)
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(PhotoRefused, match="is no JPEG, PNG, WebP or BMP"):
        read_photo(tmp_path / "text.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoRefused, match="is no JPEG"):
        read_photo(tmp_path / "empty.jpg")
    monkeypatch.setattr(photos, "LARGEST_BYTES", 10)
    with pytest.raises(PhotoRefused, match="larger than 50 MB"):
        read_photo(photo(tmp_path))


def test_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PhotoRefused, match="no ordinary file"):
        read_photo(tmp_path / "pipe")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = photo(tmp_path)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PhotoRefused, match="cannot be read: Permission denied"):
        read_photo(path)
