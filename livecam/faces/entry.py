"""The record of one stored persona: its folder, read strictly."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from livecam.core.persona import Basis, Consent
from livecam.errors import PersonaError
from livecam.faces import consent as consent_records
from livecam.faces.photo import PERSONA_PIXELS, Photo, decode_photo

PHOTOS: Final = "photos"
PREPARED: Final = "prepared"
_RECORD: Final = "persona.json"
_CONSENT: Final = "consent.json"
_FORMAT: Final = 1
_FILE = re.compile(r"\d\d\.(jpg|png|webp|bmp|avif|heic)")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Record:
    """What is stored about a persona besides its pictures.

    Attributes:
        added: UTC time, ISO 8601.
        photos: File name and SHA-256 of each photo, in order.
        consent: The consent record; it covers every photo.
    """

    added: str
    photos: tuple[tuple[str, str], ...]
    consent: Consent


def write(folder: Path, photos: list[Photo], consent: Consent) -> None:
    """Write photos, consent and record into the empty `folder`.

    The photos are kept byte for byte, so that a signed consent can name their digests.

    Raises:
        OSError: The disk refused.
    """
    (folder / PHOTOS).mkdir()
    files = [f"{number:02}{photo.suffix}" for number, photo in enumerate(photos, start=1)]
    for file, photo in zip(files, photos, strict=True):
        (folder / PHOTOS / file).write_bytes(photo.data)
    content = {
        "format": _FORMAT,
        "added": datetime.now(UTC).isoformat(timespec="seconds"),
        "photos": [{"file": file, "sha256": photo.digest} for file, photo in zip(files, photos, strict=True)],
    }
    (folder / _RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / _CONSENT).write_text(consent_records.to_json(consent), encoding="utf-8")


def read(folder: Path) -> Record:
    """Read the record of the persona in `folder`.

    Raises:
        PersonaError: A file is missing or unusable, or the consent does not cover the photos.
    """
    place = folder / _RECORD
    added, photos = _record(_text(place), place)
    consent = consent_records.from_json(_text(folder / _CONSENT), str(folder / _CONSENT))
    if set(consent.photo_digests) != {digest for _, digest in photos}:
        raise PersonaError(f"The consent record in {folder} covers other photos.", _ADD_AGAIN)
    return Record(added, photos, consent)


_ADD_AGAIN: Final = "Add the persona again with --replace, or remove it."


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PersonaError(f"{path} cannot be read: {error}.", _ADD_AGAIN) from None


def _record(text: str, place: Path) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"format": 1, "added": str(added), "photos": [_, *_] as photos}:
            return added, tuple(_photo(photo, place) for photo in photos)
        case _:
            raise PersonaError(f"{place} is not a persona record of this version.", _ADD_AGAIN)


def _photo(content: object, place: Path) -> tuple[str, str]:
    match content:
        # The pattern for file names also keeps a forged record from pointing outside the folder.
        case {"file": str(file), "sha256": str(digest)} if _FILE.fullmatch(file) and _DIGEST.fullmatch(digest):
            return file, digest
        case _:
            raise PersonaError(f"{place} names a photo in a way that livecam never writes.", _ADD_AGAIN)


def photo_bytes(folder: Path, record: Record) -> list[bytes]:
    """The stored photos, proven unchanged.

    Raises:
        PersonaError: One is missing, unreadable or changed.
    """
    return [_verified(folder / PHOTOS / file, digest) for file, digest in record.photos]


def _verified(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PersonaError(f"The photo {path} cannot be read: {error.strerror}.", _ADD_AGAIN) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise PersonaError(f"The photo {path} was changed after it was added.", _ADD_AGAIN)
    return data


def decode_all(record: Record, data: list[bytes]) -> list[Photo]:
    """Decode verified photos.

    Raises:
        PhotoRefused: One cannot be decoded any more.
    """
    return [decode_photo(one, file, PERSONA_PIXELS) for one, (file, _) in zip(data, record.photos, strict=True)]


@dataclass(frozen=True, slots=True)
class Files:
    """Where everything of a persona is.

    Attributes:
        name: Its name.
        home: Where its prepared identities are.
        record: What is stored about it.
        read: Its photos, proven unchanged; raises `PersonaError`.
    """

    name: str
    home: Path
    record: Record
    read: Callable[[], list[bytes]]

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each photo, hex."""
        return tuple(digest for _, digest in self.record.photos)

    def decoded(self, data: list[bytes]) -> list[Photo]:
        """Its photos, of what `read` gave."""
        return decode_all(self.record, data)


def built_in_record(digest: str) -> Record:
    """The record of the built-in persona, whose only photo has that SHA-256."""
    drawn = Consent(Basis.SYNTHETIC, "nobody: drawn by livecam's own script", "2025-01-01T00:00:00+00:00", (digest,))
    return Record("", (("persona.jpg", digest),), drawn)
