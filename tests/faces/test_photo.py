"""Every way in which a file can fail to be a photo."""

import base64
import os
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Image
from livecam.errors import ExtraMissing, PhotoRefused
from livecam.faces import photo as photos
from livecam.faces.formats import header_of
from livecam.faces.orientation import orientation_in
from livecam.faces.photo import decode_photo, read_photo
from tests.faces.doubles import encoded, photo


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".bmp"])
def test_formats_are_known_by_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "anything.txt"
    path.write_bytes(encoded(suffix))
    read = read_photo(path)
    assert read.suffix == suffix
    assert read.image.shape == (30, 40, 3)
    assert read.image.dtype == np.uint8
    assert read.image.flags.c_contiguous
    assert read.name == str(path)


def test_lossless_webp_and_alpha_and_grey_and_deep_png() -> None:
    rgba = np.zeros((10, 20, 4), np.uint8)
    lossless = cv2.imencode(".webp", rgba, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    pngs = [cv2.imencode(".png", image)[1].tobytes() for image in (rgba, rgba[..., 0], rgba[..., 0].astype(np.uint16))]
    for data in (lossless, *pngs):
        assert decode_photo(data, "x").image.shape == (10, 20, 3)


QUARTERS = np.zeros((32, 48, 3), np.uint8)
QUARTERS[:16, :24], QUARTERS[16:, 24:], QUARTERS[16:, :24] = (0, 0, 255), (255, 0, 0), (0, 255, 0)
"""Red, black, green, blue: no two of the eight orientations look the same."""

STORED: Mapping[int, Callable[[Image], Image]] = {
    1: lambda shown: shown,
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda shown: shown[::-1, ::-1].transpose(1, 0, 2),
    8: lambda shown: np.rot90(shown, -1),
}
"""How a picture lies in the file, by its orientation: Exif 2.32, 4.6.4.A, read backwards."""


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF structure with an entry before the orientation."""
    entries = [struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in ((0x010F, 7), (0x0112, orientation))]
    mark = {"<": b"II", ">": b"MM"}[order]
    return mark + struct.pack(f"{order}HIH", 42, 8, 2) + b"".join(entries) + bytes(4)


def noted(suffix: str, image: Image, orientation: int) -> bytes:
    """A file that says so."""
    block = np.frombuffer(exif(orientation), np.uint8)
    best = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_WEBP_QUALITY, 101]
    return cv2.imencodeWithMetadata(suffix, image, [cv2.IMAGE_METADATA_EXIF], [block], best)[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(suffix: str, orientation: int) -> None:
    lying = np.ascontiguousarray(STORED[orientation](QUARTERS))
    read = decode_photo(noted(suffix, lying, orientation), "x").image
    assert read.shape == QUARTERS.shape
    assert np.abs(read.astype(int) - QUARTERS).mean() < 8
    if suffix != ".jpg":
        layered = np.dstack([lying, np.full(lying.shape[:2], 255, np.uint8)])
        assert (decode_photo(noted(suffix, layered, orientation), "x").image == QUARTERS).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_both_byte_orders(order: str) -> None:
    assert orientation_in(exif(6, order)) == 6
    assert orientation_in(exif(9, order)) == 1


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0", b"MM\0*", exif(6)[:20]]))
def test_rubbish_has_no_orientation(data: bytes, start: bytes) -> None:
    assert 1 <= orientation_in(start + data) <= 8


def boxed(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


@pytest.mark.parametrize(
    ("turn", "mirror", "orientation"),
    [(None, None, 1), (None, 1, 2), (2, None, 3), (None, 0, 4), (1, 0, 5), (3, None, 6), (3, 0, 7), (1, None, 8)],
)
def test_orientation_of_a_container(turn: int | None, mirror: int | None, orientation: int) -> None:
    """What Pillow's encoder writes for each of the eight; its files were decoded and compared by hand."""
    plain = cv2.imencode(".avif", np.ascontiguousarray(STORED[orientation](QUARTERS)))[1].tobytes()
    turns = boxed(b"irot", bytes([turn])) if turn is not None else b""
    mirrors = boxed(b"imir", bytes([mirror])) if mirror is not None else b""
    read = decode_photo(plain + boxed(b"free", turns + mirrors), "x").image
    assert read.shape == QUARTERS.shape
    assert np.abs(read.astype(int) - QUARTERS).mean() < 12


HEIC = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA
    AAAERAAAIAAQAAAAAB7AABAAAAAAAAAH8AAgAAAAACawABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp
    bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE
    ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkA
    AAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAADAAAAABAAAAIAAAAAH////wAAAAAv///+AAAAACAAAAEH
    BpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAKttZGF0AAAA
    eygBrwngxxk1Lf/u2f/+/W8h7CKmN3z/5/Iu35D/5fUhmtyteT19v6uUCxeZuAHMQhdQi6WKv/nFT/saq/4cTLwiFDgBT+jMTtGubzZM6lT9lk
    6warp2hUHN9luWzNNr7xSWmJ4PSK4zP4Ew7h6Lt+/0Dn/TU05uKiZKWAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA==
    """
)
"""32x48 px upright, from a 48x32 picture with orientation 6: red at the upper right, blue at the lower left."""


def test_heic_is_known_and_asks_for_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    header = header_of(HEIC, "x")
    assert (header.suffix, header.animated) == (".heic", False)
    assert header.pixels <= 64 * 64
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ExtraMissing, match=r"x is a HEIC.*livecam\[heic\]"):
        decode_photo(HEIC, "x")


def test_heic_is_read_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []

    def open_heif(data: bytes, **how: bool) -> Image:
        opened.append(data)
        assert how == {"convert_hdr_to_8bit": True, "bgr_mode": True}
        if len(opened) > 1:
            raise ValueError("Invalid input")
        return np.zeros((4, 6), np.uint8)

    monkeypatch.setitem(sys.modules, "pi_heif", SimpleNamespace(open_heif=open_heif))
    assert decode_photo(HEIC, "x").image.shape == (4, 6, 3)
    with pytest.raises(PhotoRefused, match="x is damaged and cannot be decoded: Invalid input"):
        decode_photo(HEIC, "x")


def test_real_heic() -> None:
    pytest.importorskip("pi_heif", reason="the package of the extra heic is not installed")
    read = decode_photo(HEIC, "x")
    assert read.image.shape == (48, 32, 3)
    assert read.image[6, 26].argmax() == 2
    assert read.image[42, 6].argmax() == 0


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif"])
def test_what_is_see_through_shows_grey(suffix: str) -> None:
    rgba = np.full((30, 40, 4), 255, np.uint8)
    rgba[:, :20, 3], rgba[:, 20:, :3] = 0, 40
    image = decode_photo(cv2.imencode(suffix, rgba)[1].tobytes(), "x").image
    assert np.abs(image[:, :16].astype(int) - 128).max() <= 2
    assert np.abs(image[:, 24:].astype(int) - 40).max() <= 4


def test_deep_pictures_become_shallow() -> None:
    deep = cv2.imencode(".png", np.full((4, 6, 3), 65535, np.uint16))[1].tobytes()
    assert (decode_photo(deep, "x").image == 255).all()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_large_pictures_are_shrunk_by_whole_factors(suffix: str) -> None:
    data = encoded(suffix, width=80, height=60)
    assert decode_photo(data, "x", 80 * 60).image.shape == (60, 80, 3)
    assert decode_photo(data, "x", 80 * 60 - 1).image.shape == (30, 40, 3)
    assert decode_photo(data, "x", 300).image.shape == (15, 20, 3)
    assert decode_photo(data, "x", 1).image.shape in {(7, 10, 3), (8, 10, 3)}


def test_more_pixels_are_taken_where_the_decoder_shrinks() -> None:
    def header(marker: int) -> bytes:
        return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">HBHH", 17, 8, 10_000, 10_000) + bytes(12)

    with pytest.raises(PhotoRefused, match="damaged and cannot be decoded"):
        decode_photo(header(0xC0), "x", 12_000_000)
    with pytest.raises(PhotoRefused, match="more than 64 megapixels"):
        decode_photo(header(0xC0), "x")
    with pytest.raises(PhotoRefused, match="more than 64 megapixels"):
        decode_photo(header(0xC2), "x", 12_000_000)


def test_animations_are_refused() -> None:
    with pytest.raises(PhotoRefused, match="a GIF"):
        decode_photo(b"GIF89a" + bytes(50), "x.gif")
    png = encoded(".png")
    chunk = b"acTL" + struct.pack(">II", 2, 0)
    animated = png[:33] + struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    with pytest.raises(PhotoRefused, match=r"x\.png is animated"):
        decode_photo(animated, "x.png")
    for brand in (b"avis", b"hevc"):
        size = boxed(b"ispe", struct.pack(">III", 0, 9, 9))
        with pytest.raises(PhotoRefused, match="is animated"):
            decode_photo(boxed(b"ftyp", brand + bytes(4) + b"mif1") + boxed(b"meta", size), "x.heic")
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
        boxed(b"ftyp", b"avif\0\0\0\0") + boxed(b"meta", boxed(b"ispe", struct.pack(">III", 0, 9_000, 9_000))),
        boxed(b"ftyp", b"heic\0\0\0\0") + boxed(b"meta", boxed(b"ispe", struct.pack(">III", 0, 9_000, 9_000))),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 16_000, 16_000),
    ],
)
def test_huge_pictures_are_refused_before_decoding(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PhotoRefused, match="more than 64 megapixels"):
        decode_photo(data, "huge")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".bmp"])
@pytest.mark.parametrize("length", [4, 14, 20])
def test_cut_files_are_refused(suffix: str, length: int) -> None:
    with pytest.raises(PhotoRefused, match="cut"):
        decode_photo(encoded(suffix)[:length], "cut")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".bmp"])
def test_half_a_photo_is_refused(suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    with pytest.raises(PhotoRefused, match=r"x is damaged.*Use another copy"):
        decode_photo(data[: len(data) // 2], "x")


def test_padding_between_jpeg_markers_is_skipped() -> None:
    plain = encoded(".jpg")
    assert decode_photo(plain[:2] + b"\xff\xff\xff" + plain[3:], "x").image.shape == (30, 40, 3)
    with pytest.raises(PhotoRefused, match="header is cut off"):
        decode_photo(plain[:2] + b"\xff\xe0\0\x02" + bytes(20), "x")


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF0000WEBP", b"\0\0\0\x10ftypavif"]),
)
def test_rubbish_is_refused(data: bytes, magic: bytes) -> None:
    with pytest.raises(PhotoRefused, match="rubbish"):
        decode_photo(magic + data, "rubbish")


def test_doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PhotoRefused, match="There is no file"):
        read_photo(tmp_path / "absent.jpg")
    with pytest.raises(PhotoRefused, match="is a folder"):
        read_photo(tmp_path)
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(PhotoRefused, match="is no JPEG, PNG, WebP, AVIF, HEIC or BMP"):
        read_photo(tmp_path / "text.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoRefused, match=r"empty\.jpg is empty"):
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
