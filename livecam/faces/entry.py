"""The record of one stored persona: its folder, written whole and read strictly. Photos are sealed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from livecam.core.persona import Consent
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces import consent as consent_records
from livecam.faces import latest
from livecam.faces.consent import Signer
from livecam.faces.photo import LARGEST_BYTES, PERSONA_PIXELS, Photo, decode_photo
from livecam.faces.prepared import Home
from livecam.faces.sealed import SUFFIX, Sealer
from livecam.faces.store import read_plain

PHOTOS: Final = "photos"
PREPARED: Final = "prepared"
RECORD: Final = "persona.json"
FORMAT: Final = 2
OLD_FORMAT: Final = 1
_LARGEST_RECORD: Final = 1 << 16
_FILE = re.compile(r"\d\d\.(jpg|png|webp|bmp|avif|heic)")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PhotoFile(Protocol):
    """A photo as it is stored."""

    @property
    def suffix(self) -> str:
        """Of its format, such as ``.jpg``."""
        ...

    @property
    def data(self) -> bytes:
        """The file."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hex."""
        ...


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


def write(folder: Path, photos: Sequence[PhotoFile], consent: Consent, sealer: Sealer, added: str = "") -> None:
    """Write photos, consent and record into the empty `folder`.

    The photos are kept byte for byte, sealed, so that a signed consent can name their digests.

    Args:
        folder: Of the persona.
        photos: In order.
        consent: Covers every one of them.
        sealer: Seals the photos; its vault has the key that signs the consent.
        added: UTC time, ISO 8601; now unless given.

    Raises:
        OSError: The disk refused.
    """
    (folder / PHOTOS).mkdir()
    files = [f"{number:02}{photo.suffix}" for number, photo in enumerate(photos, start=1)]
    for file, photo in zip(files, photos, strict=True):
        sealer.keep(_place(folder, file), photo.data, _role(file, photo.digest))
    content = {
        "format": FORMAT,
        "added": added or datetime.now(UTC).isoformat(timespec="seconds"),
        "photos": [{"file": file, "sha256": photo.digest} for file, photo in zip(files, photos, strict=True)],
    }
    (folder / RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    signed = consent_records.to_json(consent, sealer.persona, Signer(sealer.vault))
    (folder / consent_records.FILE).write_bytes(signed)


def read(folder: Path, signer: Signer) -> Record:
    """Read the record of the persona in `folder`. Whether its consent holds is for others to judge.

    Raises:
        ConsentRefused: The consent cannot be used, is not signed here, is not the last one, or does not cover the
            photos.
        PersonaError: A file is missing or unusable, or of an older livecam.
    """
    added, photos = read_photos(folder)
    consent = consent_of(folder, signer)
    latest.refuse_older(signer.vault, folder, consent)
    if set(consent.photo_digests) != {digest for _, digest in photos}:
        raise ConsentRefused(f"The consent record of {folder.name!r} covers other photos.", _ADD_AGAIN)
    return Record(added, photos, consent)


def read_photos(folder: Path, form: int = FORMAT) -> tuple[str, tuple[tuple[str, str], ...]]:
    """When the persona in `folder` was added, and file name and SHA-256 of each photo.

    Args:
        folder: Of the persona.
        form: Number of the format that it must be in.

    Raises:
        PersonaError: The record is missing or unusable, or of another format.
    """
    place = folder / RECORD
    try:
        content: object = json.loads(_text(place, _LARGEST_RECORD))
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"format": int(number), "added": str(added), "photos": [_, *_] as photos} if number == form:
            return added, tuple(_photo(photo, place) for photo in photos)
        case {"format": 1} if form != OLD_FORMAT:
            raise PersonaError(
                f"{folder.name!r} was kept by an older livecam: its photos are not encrypted, its consent not signed.",
                f"Keep it: livecam faces consent {folder.name} --renew. Or add it again with --replace.",
            )
        case _:
            raise PersonaError(f"{place} is not a persona record of this version.", _ADD_AGAIN)


def consent_of(folder: Path, signer: Signer) -> Consent:
    """The signed consent record of the persona in `folder`.

    Raises:
        ConsentRefused: It cannot be used, or is not signed here.
        PersonaError: It cannot be read.
    """
    text = _text(folder / consent_records.FILE, consent_records.LARGEST_BYTES)
    return consent_records.from_json(text, folder.name, signer)


_ADD_AGAIN: Final = "Add the persona again with --replace, or remove it."


def _text(path: Path, most: int) -> bytes:
    try:
        return read_plain(path, most)
    except OSError as error:
        raise PersonaError(f"{path} cannot be read: {error.strerror}.", _ADD_AGAIN) from None


def _photo(content: object, place: Path) -> tuple[str, str]:
    match content:
        # The pattern for file names also keeps a forged record from pointing outside the folder.
        case {"file": str(file), "sha256": str(digest)} if _FILE.fullmatch(file) and _DIGEST.fullmatch(digest):
            return file, digest
        case _:
            raise PersonaError(f"{place} names a photo in a way that livecam never writes.", _ADD_AGAIN)


def photo_bytes(folder: Path, record: Record, sealer: Sealer) -> list[bytes]:
    """The stored photos, proven unchanged by their seals, which name their digests.

    Raises:
        PersonaError: One is missing, unreadable or changed.
    """
    return [_verified(_place(folder, file), _role(file, digest), sealer) for file, digest in record.photos]


def demand_photos(folder: Path, record: Record) -> None:
    """Make sure that the stored photos are there; they are not read.

    Raises:
        PersonaError: One is missing.
    """
    for file, _ in record.photos:
        if not _place(folder, file).is_file():
            raise PersonaError(f"The photo {_place(folder, file)} cannot be read: it is not there.", _ADD_AGAIN)


def _place(folder: Path, file: str) -> Path:
    return folder / PHOTOS / f"{file}{SUFFIX}"


def _role(file: str, digest: str) -> str:
    return f"photo {file} {digest}"


def _verified(path: Path, role: str, sealer: Sealer) -> bytes:
    try:
        return sealer.read(path, role, LARGEST_BYTES)
    except OSError as error:
        raise PersonaError(f"The photo {path} cannot be read: {error.strerror}.", _ADD_AGAIN) from None
    except PersonaError:
        raise PersonaError(
            f"The photo {path} was changed after it was added, or sealed by another installation.", _ADD_AGAIN
        ) from None


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
        demand: Makes sure that its photos are there; raises `PersonaError`.
        read: Its photos, proven unchanged; raises `PersonaError`.
    """

    name: str
    home: Home
    record: Record
    demand: Callable[[], None]
    read: Callable[[], list[bytes]]

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each photo, hex."""
        return tuple(digest for _, digest in self.record.photos)

    def decoded(self) -> list[Photo]:
        """Its photos.

        Raises:
            PersonaError: One cannot be read any more.
        """
        return decode_all(self.record, self.read())
