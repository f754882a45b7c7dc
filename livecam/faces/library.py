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
from livecam.faces import entry, worn
from livecam.faces.choosing import Candidate, Offer, choose, offers, sifted
from livecam.faces.consent import record as consent_record
from livecam.faces.names import checked_name, same, unknown
from livecam.faces.portrait import KEY, VERSION, Portrait, PortraitPreparer, load_portrait, portrait_of
from livecam.faces.prepared import Preparer, identity_in, keep_into, kept_in, prepare_into
from livecam.faces.quality import PhotoJudge
from livecam.faces.store import recover, remove_folder, stamp_of, whole_folder

BUILT_IN: Final = "nobody"
"""Name of the persona that comes with livecam."""


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


@dataclass(frozen=True, slots=True)
class Added:
    """What became of photos.

    Attributes:
        entry: The persona.
        skipped: Which photos were left out, and why: a sentence each.
    """

    entry: Entry
    skipped: tuple[str, ...]


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
        judge: Says how good photos are; without one they are taken as they come, and nothing new is shown of them.
    """

    def __init__(
        self,
        root: Path,
        preparers: Mapping[str, Preparer],
        cache: Path,
        picture: Callable[[], bytes] = built_in_photo,
        judge: PhotoJudge | None = None,
    ) -> None:
        self._judge = judge
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
        return tuple(self.listed(name) for name in self.names())

    def listed(self, name: str) -> Entry:
        """One persona of `names`; if it cannot be used, with its problem."""
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
        files = self._files(name)
        files.read()
        return Entry(files.name, files.digests, files.record.consent, files.record.added, folder)

    def add(
        self, name: str, photos: Sequence[Path], basis: Basis, subject: str = "", *, replace: bool = False
    ) -> Added:
        """Make a persona from photos of one person; with `replace`, in place of the one of that name.

        Photos that cannot be used are skipped, and all but the best `MOST_PHOTOS`. Nothing changes when it fails: an
        old persona of that name stays whole.

        Args:
            name: Its name.
            photos: Files, and folders of files.
            basis: On what ground it may be worn.
            subject: Whose face it is.
            replace: Whether it may take the place of the one of that name, whose settings it keeps.

        Raises:
            PhotoRefused: No photo can be read and shows one fit face; the sentence says why.
            PersonaError: The name is unfit or taken, or the disk refused.
        """
        return self.add_offered(name, offers(photos), basis, subject, replace=replace)

    def add_offered(
        self, name: str, offered: Sequence[Offer], basis: Basis, subject: str = "", *, replace: bool = False
    ) -> Added:
        """The same from photos that lie elsewhere.

        Raises:
            PhotoRefused, PersonaError: As for `add`.
        """
        name = checked_name(name)
        self._refuse_taken(name, replace=replace)
        choice = choose(offered, self._judge)
        try:
            self._write(name, choice.best, basis, subject, replace=replace)
        except PhotoRefused as refusal:
            # The judge knows the mesh; another swapper may refuse what it takes.
            choice = sifted(choice, self._preparers.values(), refusal)
            self._write(name, choice.best, basis, subject, replace=replace)
        return Added(self.show(name), choice.skipped)

    def _write(self, name: str, chosen: Sequence[Candidate], basis: Basis, subject: str, *, replace: bool) -> None:
        """Make the folder of the persona.

        Raises:
            PhotoRefused: A swapper refuses a photo.
            PersonaError: The disk refused.
        """
        pictures = [candidate.photo() for candidate in chosen]
        digests = [picture.digest for picture in pictures]
        consent = consent_record(basis, subject, digests)
        with whole_folder(self._root / name, replace=replace) as folder:
            for swapper, preparer in self._preparers.items():
                prepare_into(_made(folder / entry.PREPARED / swapper), preparer, pictures)
            if self._judge is not None:
                portrait = portrait_of(pictures[0].image, [candidate.judged for candidate in chosen])
                keep_into(_made(folder / entry.PREPARED / KEY), VERSION, portrait, digests)
            entry.write(folder, pictures, consent)
            worn.copy_worn(self._root / name, folder)

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
        files = self._files(name)
        data, digests = files.read(), files.digests
        identity: dict[str, object] = {
            swapper: identity_in(files.home / swapper, preparer, digests, lambda: files.decoded(data))
            for swapper, preparer in self._preparers.items()
        }
        return Persona(files.name, identity, files.record.consent, self._digest(digests))

    def portrait(self, name: str) -> Portrait | None:
        """What is shown of a persona; None where nothing is kept and there is no judge to look at its photos.

        Raises:
            PersonaError: It does not exist, or its files cannot be used.
            ModelError, EngineError: From the judge.
        """
        files = self._files(name)
        home = files.home / KEY
        if self._judge is None:
            return kept_in(home, VERSION, files.digests, load_portrait)
        return identity_in(home, PortraitPreparer(self._judge), files.digests, lambda: files.decoded(files.read()))

    def stamp(self, name: str) -> tuple[tuple[str, int, int], ...]:
        """Changes whenever a file of the persona does: of each the name, size and time. Empty for the built-in one.

        Raises:
            PersonaError: There is none of that name, or its folder cannot be read.
        """
        names = self.names()
        if name not in names:
            raise unknown(name, names)
        return () if name == BUILT_IN else stamp_of(self._root / name)

    def worn_as(self, name: str) -> worn.WornAs:
        """How a persona is to be worn.

        Raises:
            PersonaError: It does not exist, or its settings cannot be used.
        """
        return worn.read_worn(self._folder(name) or self._root / BUILT_IN)

    def wear_as(self, name: str, settings: worn.WornAs) -> None:
        """Keep how a persona is to be worn.

        Raises:
            PersonaError: It does not exist, or the disk refused.
        """
        worn.keep_worn(self._folder(name) or self._root / BUILT_IN, settings)

    def _files(self, name: str) -> entry.Files:
        """Where everything of a persona is.

        Raises:
            PersonaError: It does not exist, or its record cannot be used.
        """
        folder = self._folder(name)
        if folder is None:
            data = self._picture()
            record = entry.built_in_record(hashlib.sha256(data).hexdigest())
            return entry.Files(BUILT_IN, self._cache / BUILT_IN, record, lambda: [data])
        record = entry.read(folder)
        return entry.Files(folder.name, folder / entry.PREPARED, record, lambda: entry.photo_bytes(folder, record))

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


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
