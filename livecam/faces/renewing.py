"""A consent given anew; the folder of an older livecam becomes one of this version by it, and nothing is lost."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from livecam.core.persona import Basis, Consent
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces import entry, worn
from livecam.faces.builtin import BUILT_IN
from livecam.faces.consent import FILE, LARGEST_BYTES
from livecam.faces.consent_terms import STATED, Terms
from livecam.faces.consents import Change, Consents
from livecam.faces.names import checked_name
from livecam.faces.photo import LARGEST_BYTES as LARGEST_PHOTO
from livecam.faces.sealed import Sealer
from livecam.faces.store import read_plain, whole_folder

_AGAIN: Final = "Add the persona again with --replace."


@dataclass(frozen=True, slots=True)
class OldPhoto:
    """A photo as it lay in the folder of an older livecam.

    Attributes:
        suffix: Of its format, such as ``.jpg``.
        data: The file.
        digest: SHA-256 of it, hex.
    """

    suffix: str
    data: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """What came of a renewal.

    Attributes:
        consent: As it is now.
        migrated: Whether the folder was of an older livecam, and was sealed.
    """

    consent: Consent
    migrated: bool


def renew(root: Path, name: str, change: Change, consents: Consents) -> Renewed:
    """Give the consent for `name` anew, for the photos that are there.

    Args:
        root: Folder of the personas.
        name: Of the persona, which is there.
        change: What is said now; of a record that cannot be believed nothing is taken over.
        consents: The records of `root`.

    Raises:
        ConsentRefused: No ground is stated, or no end.
        PersonaError: The photos are not those that were added, or the disk refused.
    """
    name = checked_name(name)
    if name == BUILT_IN:
        raise ConsentRefused(f"{BUILT_IN!r} is drawn: nobody has that face, and nobody has to consent.")
    folder = root / name
    if _is_old(folder):
        return Renewed(_migrate(folder, change, consents), True)
    _, files = entry.read_photos(folder)
    record = entry.Record("", files, Consent(Basis.UNSTATED, "", "", ()))
    # They open only as what they were when they were added.
    entry.photo_bytes(folder, record, Sealer(consents.vault, name))
    consent = consents.renewed(name, _believed(lambda: consents.read(name)), change)
    digests = tuple(digest for _, digest in files)
    if set(consent.photo_digests) != set(digests):
        consent = replace(consent, photo_digests=digests, proven=False)
    consents.keep_renewed(name, consent)
    return Renewed(consent, False)


def _believed(read: Callable[[], Consent]) -> Consent | None:
    try:
        return read()
    except PersonaError:
        return None


def _is_old(folder: Path) -> bool:
    try:
        entry.read_photos(folder, entry.OLD_FORMAT)
    except PersonaError:
        return False
    return True


def _migrate(folder: Path, change: Change, consents: Consents) -> Consent:
    """Seal the photos in the folder of an older livecam, and sign its consent.

    Raises:
        ConsentRefused: No ground was stated, then or now.
        PersonaError: A photo was changed, or the disk refused; the folder is as it was.
    """
    added, files = entry.read_photos(folder, entry.OLD_FORMAT)
    photos = [_old_photo(folder / entry.PHOTOS / file, digest) for file, digest in files]
    consent = consents.renewed(folder.name, None, _stated(folder, change))
    consent = replace(consent, photo_digests=tuple(photo.digest for photo in photos))
    with whole_folder(folder, replace=True) as new:
        entry.write(new, photos, consent, Sealer(consents.vault, folder.name), added)
        worn.copy_worn(folder, new)
    consents.keep_renewed(folder.name, consent)
    return consent


def _old_photo(path: Path, digest: str) -> OldPhoto:
    try:
        data = read_plain(path, LARGEST_PHOTO)
    except OSError as error:
        raise PersonaError(f"The photo {path} cannot be read: {error.strerror}.", _AGAIN) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise PersonaError(f"The photo {path} was changed after it was added.", _AGAIN)
    return OldPhoto(path.suffix, data, digest)


def _stated(folder: Path, change: Change) -> Change:
    """`change`, with what was stated in the record of an older livecam where nothing is stated now."""
    try:
        content: object = json.loads(read_plain(folder / FILE, LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return change
    match content:
        case {"basis": str(basis), "subject": str(subject)} if basis in list(STATED):
            told = subject if change.subject is None else change.subject
            terms = Terms(change.basis or Basis(basis), told)
            return replace(change, basis=terms.basis, subject=terms.subject)
        case _:
            return change
