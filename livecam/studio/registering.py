"""Registers what a user brings for a backend: looked at, agreed to, read once, locked. Nothing is fetched or copied."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from livecam.config.paths import Paths
from livecam.errors import StudioError
from livecam.inference.licences import terms_of
from livecam.inference.progress import Progress
from livecam.inference.recipe import Licence
from livecam.studio.backends import caps_of
from livecam.studio.configs import INDEX, check_base, check_file, check_folder
from livecam.studio.digests import Digests
from livecam.studio.folders import folder_at, plain_file, plain_files
from livecam.studio.layouts import BASE, Layout, Part
from livecam.studio.locks import File, Lock, Locked, digests_path, register_command, write_lock
from livecam.studio.published import layout_of
from livecam.studio.terms import Slot

ACCEPTED: Final = "--accept-licence"
ASKED: Final = "asked"
SHOWN: Final = "shown"
"""How terms were agreed to; those that were only shown bind nobody to more than the free licences ask for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part is, and which of its files are read.

    Attributes:
        path: Of the file or folder, absolute.
        names: Of the files in the folder, with ``/``; "" for a file by itself.
        needs: Names of extras that it does not work without; empty where nobody looked into it.
    """

    path: Path
    names: tuple[str, ...]
    needs: tuple[str, ...] = ()

    def paths(self) -> Mapping[str, Path]:
        """Where each file is."""
        return {name: self.path / name if name else self.path for name in self.names}


@dataclass(frozen=True, slots=True)
class Found:
    """What a user brings, after it was looked at.

    Attributes:
        layout: Of the backend.
        places: By the part's name.
    """

    layout: Layout
    places: Mapping[str, Place]

    @property
    def terms(self) -> str:
        """What is to be agreed to, as it is shown."""
        return terms_told(self.layout, self.places)

    @property
    def size(self) -> int:
        """Bytes, of all files."""
        return sum(path.stat().st_size for place in self.places.values() for path in place.paths().values())


def look(name: str, given: Mapping[str, Path]) -> Found:
    """See whether the files in `given` are what the backend `name` takes, by what they say of themselves.

    Args:
        name: Of the backend.
        given: File or folder by the part's name: `BASE`, a slot, or an extra.

    Raises:
        StudioError: There is no such backend or part, one is missing, or a file is not what it must be; the sentence
            names it.
    """
    layout = layout_of(name)
    parts = [layout.part(part) for part in given]
    _check_whom(layout, given)
    places = {part.name: place_of(layout, part, given[part.name], checked=True) for part in parts}
    for part in parts:
        _check_needs(layout, part, places[part.name], given)
    return Found(layout, places)


def place_of(layout: Layout, part: Part, path: Path, *, checked: bool = False) -> Place:
    """Where `part` is, and which of its files are read.

    Args:
        layout: Of the backend.
        part: Which.
        path: Of its file or folder.
        checked: Whether its files are looked into.

    Raises:
        StudioError: They may not be read, or are not what they must be.
    """
    if part.name == BASE:
        root = folder_at(path)
        names = plain_files(root, [component.folder for component in layout.components], [INDEX])
        if checked:
            check_base(layout, root)
        return Place(root, names)
    if part.folder is not None:
        root = folder_at(path)
        names = plain_files(root, [""])
        return Place(root, names, check_folder(part.folder, root) if checked else ())
    file = plain_file(path)
    return Place(file, ("",), check_file(part.forms, file) if checked else ())


def register(found: Found, paths: Paths, how: str, progress: Progress | None = None, *, fresh: bool = False) -> Lock:
    """Read all files and lock them. What was registered for the backend before is replaced.

    Args:
        found: What `look` found.
        paths: Of this user.
        how: In what way the terms were agreed to: `ACCEPTED`, `ASKED`, or `SHOWN` where nothing has to be.
        progress: Told how many bytes were read.
        fresh: Whether files are read that look as they did when they were last read.

    Raises:
        StudioError: The terms have to be agreed to and were not, or a file cannot be read, or the lock not written.
    """
    layout = found.layout
    if layout.opt_in and how == SHOWN:
        raise StudioError(
            f"The terms of {layout.name} have to be accepted.",
            f"Read them, then: {register_command(layout.name)} {ACCEPTED}",
        )
    with reading():
        parts = dict(_locked(found, Digests(digests_path(paths), fresh=fresh), progress))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    lock = Lock(layout.name, terms_digest(layout, found.places), now, how, parts)
    write_lock(lock, paths)
    return lock


def terms_told(layout: Layout, names: Iterable[str]) -> str:
    """The terms of the parts `names`, as they are shown: each licence once, with all that it is of."""
    groups: dict[Licence, list[str]] = {}
    for part in layout.of(frozenset(names)):
        groups.setdefault(part.licence, []).append(part.what)
    return "\n\n".join(f"{', '.join(what)}\n{terms_of(licence)}" for licence, what in groups.items())


def terms_digest(layout: Layout, names: Iterable[str]) -> str:
    """SHA-256 of `terms_told`."""
    return sha256(terms_told(layout, names).encode()).hexdigest()


@contextmanager
def reading() -> Iterator[None]:
    """Turn what the disk refuses into a sentence.

    Raises:
        StudioError: An `OSError` was raised within.
    """
    try:
        yield
    except OSError as error:
        name = error.filename or "A file"
        raise StudioError(f"{name} cannot be read: {error.strerror or error}.", "Check its permissions.") from error


def _check_whom(layout: Layout, given: Mapping[str, Path]) -> None:
    slots = caps_of(layout.name).slots
    if BASE not in given:
        raise StudioError(f"The base of {layout.name} was not named.", f"Run: {register_command(layout.name)} ...")
    if slots and not slots & {Slot(part) for part in given if part in tuple(Slot)}:
        flags = " or ".join(f"--{slot}" for slot in Slot if slot in slots)
        raise StudioError(f"Without an adapter, {layout.name} does not know whom to show.", f"Add {flags}.")


def _check_needs(layout: Layout, part: Part, place: Place, given: Mapping[str, Path]) -> None:
    lacking = [layout.part(name) for name in place.needs if name not in given]
    if lacking:
        told = " ".join(part for part in (lacking[0].source, lacking[0].file) if part)
        raise StudioError(
            f"{part.what} does not work without {lacking[0].what} ({told}).",
            f"Add --extra {lacking[0].name}={'FOLDER' if lacking[0].folder else 'FILE'}.",
        )


def _locked(found: Found, digests: Digests, progress: Progress | None) -> Iterator[tuple[str, Locked]]:
    everything = {
        f"{part}:{name}": path for part, place in found.places.items() for name, path in place.paths().items()
    }
    read = digests.of(everything, progress)
    for part, place in found.places.items():
        files = {name: File(path.stat().st_size, read[f"{part}:{name}"]) for name, path in place.paths().items()}
        yield part, Locked(str(place.path), found.layout.part(part).licence.name, files)
