"""Photos read safely: kind, size and animation are known from the header before anything is decoded."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.errors import PhotoRefused
from livecam.faces.formats import Header, header_of
from livecam.faces.heic import decode_heic
from livecam.faces.orientation import orientation_in, upright

LARGEST_BYTES: Final = 50 * 1_000_000
LARGEST_PIXELS: Final = 64_000_000
LARGEST_SHRUNK: Final = 256_000_000
"""Pixels of a picture that is shrunk while it is decoded."""

LARGEST_WORK: Final = 1_500_000_000
"""Pixels times the passes over them: what is sent in steps, sharper and sharper, has 10 of them, and may have any."""

PERSONA_PIXELS: Final = 12_000_000
"""A photo of a persona is shrunk to this, by whole factors; a live face has fewer by far."""

_GREY: Final = 128
"""What shows through a see-through photo."""

_REDUCED: Final = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


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


def read_photo(path: Path, within: int = LARGEST_PIXELS) -> Photo:
    """Read and decode a photo.

    Args:
        path: The file.
        within: Pixels; a picture with more is shrunk, by whole factors.

    Raises:
        PhotoRefused: It cannot be read, is no JPEG, PNG, WebP, AVIF, HEIC or BMP, is animated, too large or damaged.
        ExtraMissing: It is a HEIC, and the package for them is not installed.
    """
    return decode_photo(_bytes(path), str(path), within)


def pixels_of(path: Path) -> int:
    """How many pixels a photo has, by its header.

    Raises:
        PhotoRefused: It cannot be read, or is no picture of a kind that can be.
    """
    return header_of(_bytes(path), str(path)).pixels


def decode_photo(data: bytes, name: str, within: int = LARGEST_PIXELS) -> Photo:
    """Decode a photo from memory; `name` is for messages, `within` as for `read_photo`.

    Raises:
        PhotoRefused, ExtraMissing: As for `read_photo`.
    """
    header = header_of(data, name)
    if header.animated:
        raise PhotoRefused(f"{name} is animated.", "Save one picture of it as JPEG or PNG.")
    most = _most(header, within)
    if header.pixels > most:
        width, height = header.size
        if most < LARGEST_PIXELS and header.passes > 1:
            raise PhotoRefused(
                f"{name} is stored in {header.passes} steps, which takes too long.", "Save it anew as plain JPEG."
            )
        raise PhotoRefused(
            f"{name} has {width}x{height} pixels, more than {most // 1_000_000} megapixels.", "Make it smaller."
        )
    image = _decoded(data, name, header, _factor(header.pixels, within))
    return Photo(name, header.suffix, data, image, hashlib.sha256(data).hexdigest())


def _most(header: Header, within: int) -> int:
    """Pixels that a picture may have, for what decoding it takes."""
    if header.shrinks and within < LARGEST_PIXELS:
        return LARGEST_SHRUNK
    return min(LARGEST_PIXELS // (4 if header.deep else 1), LARGEST_WORK // max(header.passes, 1))


def _factor(pixels: int, within: int) -> int:
    """By how much width and height are divided."""
    return next((factor for factor in _REDUCED if pixels <= within * factor**2), max(_REDUCED))


def _decoded(data: bytes, name: str, header: Header, factor: int) -> Image:
    """(H, W, 3) u8 BGR, upright.

    Raises:
        PhotoRefused: It is damaged.
        ExtraMissing: See `decode_heic`.
    """
    if header.suffix == ".heic":
        image = decode_heic(data, name)
    elif header.suffix in {".jpg", ".bmp"}:
        return _opaque(data, name, factor)
    else:
        image = _layered(data, name, header.orientation)
    if factor > 1:
        shrunk = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        image = np.asarray(shrunk, np.uint8)
    return _on_grey(image)


def _opaque(data: bytes, name: str, factor: int) -> Image:
    """A picture of a kind that has no transparency, upright and shrunk by the decoder."""
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), _REDUCED[factor])
    except cv2.error:
        image = None
    if image is None:
        raise _damaged(name)
    return np.ascontiguousarray(image, dtype=np.uint8)


def _layered(data: bytes, name: str, orientation: int) -> Image:
    """(H, W, 3) or (H, W, 4) u8, upright: with its transparency, which OpenCV gives only of pictures as they lie."""
    try:
        found, kinds, blobs = cv2.imdecodeWithMetadata(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        raise _damaged(name) from None
    if found is None:
        raise _damaged(name)
    image = np.asarray(found // 257 if found.dtype == np.uint16 else found, np.uint8)
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    noted = {int(kind): blob for kind, blob in zip(kinds, blobs, strict=True)}
    exif = noted.get(cv2.IMAGE_METADATA_EXIF)
    return upright(image, orientation or (1 if exif is None else orientation_in(np.asarray(exif).tobytes())))


def _on_grey(image: Image) -> Image:
    """(H, W, 3) u8 BGR: what is see-through in (H, W, 4) shows a neutral grey."""
    if image.shape[2] == 3:
        return np.ascontiguousarray(image)
    alpha = image[:, :, 3:].astype(np.uint16)
    mixed = (image[:, :, :3] * alpha + _GREY * (255 - alpha) + 127) // 255
    return np.ascontiguousarray(mixed, dtype=np.uint8)


def _damaged(name: str) -> PhotoRefused:
    return PhotoRefused(f"{name} is damaged and cannot be decoded.", "Use another copy of the photo.")


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise PhotoRefused(f"{path} is a folder, not a photo.", "Name the photos inside it.")
        if path.exists() and not path.is_file():
            # A pipe or a device would make us wait for ever.
            raise PhotoRefused(f"{path} is no ordinary file.", "Name a photo.")
        with path.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise PhotoRefused(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise PhotoRefused(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from None
    except ValueError:
        raise PhotoRefused(f"{str(path)!r} can be no file's name.", "Check the path.") from None
    if len(data) > LARGEST_BYTES:
        raise PhotoRefused(f"{path} is larger than 50 MB.", "Make it smaller.")
    return data
