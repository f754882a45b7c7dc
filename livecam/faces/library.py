"""The persona library: one folder for each persona, and the built-in one that is nobody.

A folder holds ``photos/``, ``persona.json``, ``consent.json`` and ``prepared/<swapper>/``. It appears whole or not at
all. What is prepared can always be made again from the photos, and is, when a swapper's version moves on.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from livecam.core.persona import Basis, Consent, Persona
from livecam.errors import PersonaError, PhotoRefused
from livecam.faces import entry
from livecam.faces.consent import record as consent_record
from livecam.faces.names import checked_name, same, unknown
from livecam.faces.photo import Photo, decode_photo, read_photo
from livecam.faces.prepared import Preparer, identity_in, prepare_into
from livecam.faces.store import recover, remove_folder, whole_folder

BUILT_IN: Final = "nobody"
"""Name of the persona that comes with livecam."""

MOST_PHOTOS: Final = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A persona as it is listed.

    Attributes:
        name: To be given to ``--persona``.
        photos: SHA-256 of each photo, hex.
        consent: `None` when the folder cannot be used.
        added: UTC time, ISO 8601; empty for the built-in one.
        folder: Where it is kept; `None` for the built-in one.
        problem: Why it cannot be used, in a sentence; empty when it can.
    """

    name: str
    photos: tuple[str, ...] = ()
    consent: Consent | None = None
    added: str = ""
    folder: Path | None = None
    problem: str = ""


def built_in_photo() -> bytes:
    """The picture of nobody, drawn by the project's own script.

    Raises:
        PersonaError: The installation is incomplete.
    """
    try:
        return resources.files("livecam.vision.portrait").joinpath("assets/persona.jpg").read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise PersonaError(f"The built-in persona's picture is missing: {error}.", "Install livecam again.") from None


class PersonaLibrary:
    """Adds, lists, loads and removes personas. Used by one thread.

    Args:
        root: One folder for each persona; made when the first is added.
        preparers: By swapper name, such as ``mesh``; may be empty where nothing is added or loaded.
        cache: Where the built-in persona's prepared identities are kept.
        picture: Gives the built-in persona's photo.
    """

    def __init__(
        self,
        root: Path,
        preparers: Mapping[str, Preparer],
        cache: Path,
        picture: Callable[[], bytes] = built_in_photo,
    ) -> None:
        self._root = root
        self._preparers = preparers
        self._cache = cache
        self._picture = picture

    def names(self) -> tuple[str, ...]:
        """Names of all personas, the built-in one first."""
        if not self._root.is_dir():
            return (BUILT_IN,)
        try:
            recover(self._root)
            found = [path.name for path in self._root.iterdir() if path.is_dir() and not path.name.startswith(".")]
        except OSError as error:
            raise PersonaError(f"{self._root} cannot be read: {error.strerror}.", "Check its permissions.") from None
        return (BUILT_IN, *sorted(name for name in found if not same(name, BUILT_IN)))

    def entries(self) -> tuple[Entry, ...]:
        """All personas; one that cannot be used is listed with its problem."""
        return tuple(self._listed(name) for name in self.names())

    def _listed(self, name: str) -> Entry:
        try:
            return self.show(name)
        except PersonaError as error:
            return Entry(name, folder=self._root / name, problem=str(error))

    def show(self, name: str) -> Entry:
        """One persona.

        Raises:
            PersonaError: It does not exist or cannot be used.
        """
        folder = self._folder(name)
        if folder is None:
            digest = hashlib.sha256(self._picture()).hexdigest()
            return Entry(BUILT_IN, (digest,), _built_in_consent(digest))
        record = entry.read(folder)
        entry.photo_bytes(folder, record)
        return Entry(folder.name, tuple(digest for _, digest in record.photos), record.consent, record.added, folder)

    def add(
        self, name: str, photos: Sequence[Path], basis: Basis, subject: str = "", *, replace: bool = False
    ) -> Entry:
        """Make a persona from photos of one person; with `replace`, in place of the one of that name.

        Nothing changes when it fails: an old persona of that name stays whole.

        Raises:
            PhotoRefused: A photo cannot be read or does not show one fit face; the sentence names it.
            PersonaError: The name is unfit or taken, or the disk refused.
        """
        name = checked_name(name)
        self._refuse_taken(name, replace=replace)
        pictures = _read_all(photos)
        consent = consent_record(basis, subject, [picture.digest for picture in pictures])
        with whole_folder(self._root / name, replace=replace) as folder:
            for swapper, preparer in self._preparers.items():
                prepared = folder / entry.PREPARED / swapper
                prepared.mkdir(parents=True)
                prepare_into(prepared, preparer, pictures)
            entry.write(folder, pictures, consent)
        return self.show(name)

    def _refuse_taken(self, name: str, *, replace: bool) -> None:
        if same(name, BUILT_IN):
            raise PersonaError(f"{BUILT_IN!r} is the built-in persona and cannot be replaced.", "Choose another name.")
        taken = next((other for other in self.names() if same(name, other)), None)
        if taken is not None and not (replace and taken == name):
            raise PersonaError(
                f"There is already a persona {taken!r}.", "Choose another name, or replace it with --replace."
            )

    def remove(self, name: str) -> None:
        """Delete a persona with its photos and its consent record.

        Raises:
            PersonaError: It does not exist, is the built-in one, or the disk refused.
        """
        folder = self._folder(name)
        if folder is None:
            raise PersonaError(f"{BUILT_IN!r} is the built-in persona and cannot be removed.")
        remove_folder(folder)

    def load(self, name: str) -> Persona:
        """A persona ready to be worn. Its photos are proven unchanged; what is not prepared yet is prepared now.

        Raises:
            PersonaError: It does not exist, or its files cannot be used.
            ModelError, EngineError: From a preparer that had to work.
        """
        folder = self._folder(name)
        if folder is None:
            return self._built_in()
        record = entry.read(folder)
        data = entry.photo_bytes(folder, record)
        digests = tuple(digest for _, digest in record.photos)
        home = folder / entry.PREPARED
        return self._persona(folder.name, home, record.consent, digests, lambda: entry.decode_all(record, data))

    def _built_in(self) -> Persona:
        data = self._picture()
        digest = hashlib.sha256(data).hexdigest()
        home = self._cache / BUILT_IN
        return self._persona(
            BUILT_IN, home, _built_in_consent(digest), (digest,), lambda: [decode_photo(data, "persona.jpg")]
        )

    def _persona(
        self, name: str, home: Path, consent: Consent, digests: tuple[str, ...], photos: Callable[[], list[Photo]]
    ) -> Persona:
        identity: dict[str, object] = {
            swapper: identity_in(home / swapper, preparer, digests, photos)
            for swapper, preparer in self._preparers.items()
        }
        return Persona(name, identity, consent, self._digest(digests))

    def _digest(self, photos: tuple[str, ...]) -> str:
        versions = [f"{name}={preparer.version}" for name, preparer in sorted(self._preparers.items())]
        return hashlib.sha256("\n".join([*photos, *versions]).encode()).hexdigest()

    def _folder(self, name: str) -> Path | None:
        """Where a persona is kept; `None` for the built-in one.

        Raises:
            PersonaError: There is none of that name.
        """
        name = checked_name(name)
        names = self.names()
        if name not in names:
            raise unknown(name, names)
        return None if name == BUILT_IN else self._root / name


def _built_in_consent(digest: str) -> Consent:
    return Consent(Basis.SYNTHETIC, "nobody: drawn by livecam's own script", "2025-01-01T00:00:00+00:00", (digest,))


def _read_all(paths: Sequence[Path]) -> list[Photo]:
    if not 0 < len(paths) <= MOST_PHOTOS:
        raise PersonaError(f"A persona is made of 1 to {MOST_PHOTOS} photos, not {len(paths)}.")
    photos: dict[str, Photo] = {}
    for path in paths:
        photo = read_photo(path)
        if photo.digest in photos:
            raise PhotoRefused(f"{photo.name} is the same photo as {photos[photo.digest].name}.", "Name it once.")
        photos[photo.digest] = photo
    return list(photos.values())
