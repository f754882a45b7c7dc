"""Erasing a persona: every file made of it, with a receipt that says what is gone, and what cannot be promised."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from livecam.errors import PersonaError
from livecam.faces import entry, latest
from livecam.faces.builtin import BUILT_IN
from livecam.faces.favourites import Favourites
from livecam.faces.names import checked_name, same, unknown
from livecam.faces.store import remove_folder, unwritable, write_plain
from livecam.faces.vault import open_vault, system_ring

PROMISE: Final = (
    "The files are deleted, not overwritten: the disk, a snapshot of it or a backup may keep copies. Copies of photos "
    "and prepared data are encrypted, and of no use without the key of this installation; what an older livecam kept "
    "was not. Recordings, snapshots and converted files are not part of this, nor is an enrolment: that is ended by "
    "livecam enroll --forget NAME. When it was erased stays noted under a keyed digest of its name, so that no older "
    "copy of its consent counts."
)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Gone:
    """One file that was removed.

    Attributes:
        file: Its path.
        bytes: Its size.
        sha256: Of it as it lay on the disk, which is encrypted for photos and prepared data; "" for what was no file.
    """

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased.

    Attributes:
        persona: Its name.
        erased: UTC time, ISO 8601.
        photos: SHA-256 of each photo as it was added; empty where its record could not be read.
        files: What was removed.
        favourite: Whether it was taken off a number key.
        left: Parts that could not be removed, and why: a sentence each.
        promise: What is not promised.
    """

    persona: str
    erased: str
    photos: tuple[str, ...]
    files: tuple[Gone, ...]
    favourite: bool
    left: tuple[str, ...] = ()
    promise: str = PROMISE

    @property
    def told(self) -> str:
        """In a sentence."""
        size = sum(gone.bytes for gone in self.files)
        return f"Erased {self.persona!r}: {len(self.files)} files, {size} bytes, on {self.erased}."

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            PersonaError: The disk refused.
        """
        try:
            write_plain(path, (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode())
        except OSError as error:
            raise unwritable(path, error) from None


def erase(root: Path, name: str, favourites: Favourites, now: Callable[[], datetime] | None = None) -> Receipt:
    """Remove every file of the persona `name`, also of one that cannot be used, and what an attempt to add it left.

    Args:
        root: Folder of the personas.
        name: Of the persona.
        favourites: Who is on which number.
        now: The time.

    Raises:
        PersonaError: There is nothing of that name, or it is the built-in one.
    """
    name = checked_name(name)
    if same(name, BUILT_IN):
        raise PersonaError(f"{BUILT_IN!r} is the built-in persona: nobody has that face, and it cannot be erased.")
    folders = _folders(root, name)
    if not folders:
        raise unknown(name, _names(root))
    photos = _photos(root / name)
    files, left = [], []
    for folder in folders:
        there = [_gone(path) for path in _files(folder)]
        try:
            _remove(folder)
        except PersonaError as error:
            left.append(str(error))
        else:
            files += there
    latest.bury(lambda: open_vault(root.parent, system_ring()), root / name)
    was = name in favourites.all().values()
    favourites.forget(name)
    moment = now() if now is not None else datetime.now(UTC)
    return Receipt(name, moment.isoformat(timespec="seconds"), photos, tuple(files), was, tuple(left))


def _names(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name[0] != "."] if root.is_dir() else []


def _folders(root: Path, name: str) -> list[Path]:
    """The folder of the persona, and those that were begun for it or moved aside."""
    # As `livecam.faces.store` names them; of a persona "ann-lee" the pattern of "ann" takes none.
    aside = re.compile(rf"\.{re.escape(name)}(\.old|-[a-z0-9_]{{8}})")
    there = sorted(root.iterdir()) if root.is_dir() else []
    return [path for path in there if path.name == name or aside.fullmatch(path.name)]


def _files(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is no folder; links are not followed."""
    if folder.is_symlink() or not folder.is_dir():
        yield folder
        return
    for place, _, names in os.walk(folder, followlinks=False):
        yield from (Path(place) / name for name in sorted(names))


def _gone(path: Path) -> Gone:
    if path.is_symlink() or not path.is_file():
        return Gone(str(path), 0, "")
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError:
        return Gone(str(path), size, "")
    return Gone(str(path), size, digest.hexdigest())


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        remove_folder(folder)
        return
    try:
        folder.unlink()
    except OSError as error:
        raise unwritable(folder, error) from None


def _photos(folder: Path) -> tuple[str, ...]:
    for form in (entry.FORMAT, entry.OLD_FORMAT):
        try:
            return tuple(digest for _, digest in entry.read_photos(folder, form)[1])
        except PersonaError:
            continue
    return ()
