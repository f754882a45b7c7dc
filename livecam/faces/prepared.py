"""Prepared identities: what a swapper makes of photos once, kept beside a seal that says when it is still good."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from livecam.core.frame import Image
from livecam.errors import PersonaError
from livecam.faces.photo import Photo
from livecam.faces.store import whole_folder

log = logging.getLogger(__name__)

_SEAL = "seal.json"


class Identity(Protocol):
    """What a preparer makes; its own swapper alone knows what is inside."""

    def save(self, folder: Path) -> None:
        """Write it into the empty `folder`.

        Raises:
            OSError: The disk refused.
        """
        ...


Kept = TypeVar("Kept", bound=Identity)
Made_co = TypeVar("Made_co", bound=Identity, covariant=True)


class Makes(Protocol[Made_co]):
    """Makes one kind of identity of photos."""

    @property
    def version(self) -> str:
        """Changes whenever the same photos would give another identity, or be saved in another form."""
        ...

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> Made_co:
        """Make an identity of upright (H, W, 3) u8 BGR photos of one person; `names` are for messages.

        Raises:
            PhotoRefused: A photo has no face, several, or none that is fit; the sentence names it.
        """
        ...

    def load(self, folder: Path) -> Made_co:
        """Read what `save` wrote.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is not what `save` writes.
            KeyError: A file lacks a part.
            PersonaError: The same, told by the preparer.
        """
        ...


Preparer: TypeAlias = Makes[Identity]
"""Makes identities for one swapper."""


def prepare_into(folder: Path, preparer: Preparer, photos: Sequence[Photo]) -> None:
    """Prepare `photos`, save the identity into the empty `folder` and seal it.

    Raises:
        PhotoRefused: From the preparer.
        OSError: The disk refused.
    """
    keep_into(folder, preparer.version, _prepare(preparer, photos), [photo.digest for photo in photos])


def identity_in(
    folder: Path, preparer: Makes[Kept], digests: Sequence[str], photos: Callable[[], Sequence[Photo]]
) -> Kept:
    """The identity kept in `folder`, or a new one when it is not there, older, or damaged.

    Args:
        folder: Where it is kept. A disk that refuses to keep a new one costs time at the next start, nothing else.
        preparer: Makes and reads it.
        digests: Of the photos it must be made of.
        photos: Decodes them, when needed.

    Raises:
        PhotoRefused: From the preparer or from `photos`.
    """
    kept = kept_in(folder, preparer.version, digests, preparer.load)
    if kept is not None:
        return kept
    identity = _prepare(preparer, photos())
    try:
        with whole_folder(folder, replace=True) as new:
            keep_into(new, preparer.version, identity, digests)
    except PersonaError as error:
        log.warning("The prepared persona could not be kept, so the next start takes longer: %s", error)
    return identity


def kept_in(folder: Path, version: str, digests: Sequence[str], load: Callable[[Path], Kept]) -> Kept | None:
    """What is kept in `folder`; None where it is not there, older, of other photos, or damaged.

    Args:
        folder: Where it is kept.
        version: Of the preparer.
        digests: Of the photos it must be made of.
        load: Reads it.
    """
    if not _is_sealed(folder, version, digests):
        return None
    try:
        return load(folder)
    except (OSError, ValueError, KeyError, PersonaError) as error:
        log.warning("What is prepared in %s is damaged and is made again: %s", folder, error)
        return None


def _prepare(preparer: Makes[Kept], photos: Sequence[Photo]) -> Kept:
    return preparer.prepare([photo.image for photo in photos], [photo.name for photo in photos])


def keep_into(folder: Path, version: str, identity: Identity, digests: Sequence[str]) -> None:
    """Save `identity`, made by a preparer of `version` of photos with those digests, into the empty `folder`; seal it.

    Raises:
        OSError: The disk refused.
    """
    identity.save(folder)
    seal = {"version": version, "photos": list(digests), "files": _file_digests(folder)}
    (folder / _SEAL).write_text(json.dumps(seal, indent=2), encoding="utf-8")


def _is_sealed(folder: Path, version: str, digests: Sequence[str]) -> bool:
    """Whether `folder` holds, unchanged, what that version made of those photos."""
    try:
        seal: object = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return seal == {"version": version, "photos": list(digests), "files": _file_digests(folder)}
    except (OSError, ValueError, RecursionError):
        return False


def _file_digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _SEAL
    }
