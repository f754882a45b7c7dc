"""The persona library: one folder for each persona, and the built-in one that is nobody.

A folder holds ``photos/``, ``persona.json``, ``consent.json`` and ``prepared/``. It appears whole or not at all; photos
and what is prepared are sealed with the key of the installation. What is prepared can always be made again from the
photos, and is, when a swapper's version moves on.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as changed
from functools import cached_property, partial
from pathlib import Path

from livecam.core.persona import Basis, Consent, Persona, Scope
from livecam.errors import ConsentRefused, PersonaError, PhotoRefused
from livecam.faces import entry, latest, worn
from livecam.faces.builtin import BUILT_IN, built_in_photo, built_in_record
from livecam.faces.choosing import Candidate, Offer, choose, offers, sifted
from livecam.faces.consent import Signer
from livecam.faces.consent_terms import Terms, holds_now
from livecam.faces.consent_terms import record as consent_record
from livecam.faces.listed import Added, Entry
from livecam.faces.names import checked_name, same, unknown
from livecam.faces.pack_store import identity_of
from livecam.faces.photo import Photo
from livecam.faces.portrait import KEY, VERSION, Portrait, PortraitPreparer, load_portrait, portrait_of
from livecam.faces.prepared import Home, Preparer
from livecam.faces.quality import PhotoJudge
from livecam.faces.sealed import Sealer, public_vault
from livecam.faces.store import recover, remove_folder, stamp_of, whole_folder
from livecam.faces.vault import Vault, open_vault, system_ring

__all__ = ["BUILT_IN", "Added", "Entry", "PersonaLibrary", "built_in_photo"]


class PersonaLibrary:
    """Adds, lists, loads and removes personas. Used by one thread.

    Args:
        root: One folder for each persona; made when the first is added.
        preparers: By swapper name, such as ``mesh``; may be empty where nothing is added or loaded.
        cache: Where the built-in persona's prepared identities are kept.
        picture: Gives the built-in persona's photo.
        judge: Says how good photos are; without one they are taken as they come, and nothing new is shown of them.
        vault: Opens what seals them, when first needed; that of the folder which `root` is in, unless given.
        admits: Refuses to load a persona with such a consent, by raising `ConsentRefused`; those that do not hold now,
            unless given.
    """

    def __init__(
        self,
        root: Path,
        preparers: Mapping[str, Preparer],
        cache: Path,
        picture: Callable[[], bytes] = built_in_photo,
        judge: PhotoJudge | None = None,
        vault: Callable[[], Vault] | None = None,
        admits: Callable[[str, Consent], None] | None = None,
    ) -> None:
        self._admits = admits or holds_now
        self._open_vault = vault or (lambda: open_vault(root.parent, system_ring()))
        self._judge = judge
        self._root = root
        self._preparers = preparers
        self._cache = cache
        self._picture = picture

    @cached_property
    def _vault(self) -> Vault:
        return self._open_vault()

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._vault)

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
        """One persona; if its consent does not hold now, with that as its problem.

        Raises:
            PersonaError: It does not exist or cannot be used.
        """
        folder = self._folder(name)
        files = self.files(name)
        files.read()
        record, problem = files.record, ""
        try:
            self._admits(files.name, record.consent)
        except ConsentRefused as refusal:
            problem = str(refusal)
        return Entry(files.name, files.digests, record.consent, record.added, folder, problem)

    def add(
        self,
        name: str,
        photos: Sequence[Path],
        basis: Basis,
        subject: str = "",
        *,
        scope: frozenset[Scope] | None = None,
        expires: str = "",
        replace: bool = False,
    ) -> Added:
        """Make a persona from photos of one person; with `replace`, in place of the one of that name.

        Photos that cannot be used are skipped, and all but the best `MOST_PHOTOS`. Nothing changes when it fails: an
        old persona of that name stays whole.

        Args:
            name: Its name.
            photos: Files, and folders of files.
            basis: On what ground it may be worn.
            subject: Whose face it is.
            scope: For what it may be worn; what is usual on that ground unless given.
            expires: UTC time from which on it may not be, as `livecam.faces.consent_terms` writes it; "" for never.
            replace: Whether it may take the place of the one of that name, whose settings it keeps.

        Raises:
            PhotoRefused: No photo can be read and shows one fit face; the sentence says why.
            ConsentRefused: No ground is stated.
            PersonaError: The name is unfit or taken, or the disk refused.
        """
        return self.add_offered(name, offers(photos), Terms(basis, subject, scope, expires), replace=replace)

    def add_offered(self, name: str, offered: Sequence[Offer], terms: Terms, *, replace: bool = False) -> Added:
        """The same from photos that lie elsewhere.

        Raises:
            PhotoRefused, PersonaError: As for `add`.
        """
        name = checked_name(name)
        self._refuse_taken(name, replace=replace)
        consent = consent_record(terms, (), latest.after(self._vault, self._root / name))
        choice = choose(offered, self._judge)
        try:
            self._write(name, choice.best, consent, replace=replace)
        except PhotoRefused as refusal:
            # The judge knows the mesh; another swapper may refuse what it takes.
            choice = sifted(choice, self._preparers.values(), refusal)
            self._write(name, choice.best, consent, replace=replace)
        return Added(self.show(name), choice.skipped)

    def _write(self, name: str, chosen: Sequence[Candidate], consent: Consent, *, replace: bool) -> None:
        """Make the folder of the persona.

        Raises:
            PhotoRefused: A swapper refuses a photo.
            PersonaError: The disk refused.
        """
        pictures = [candidate.photo() for candidate in chosen]
        digests, sealer = [picture.digest for picture in pictures], Sealer(self._vault, name)
        with whole_folder(self._root / name, replace=replace) as folder:
            home = Home(folder / entry.PREPARED, sealer, digests)
            for swapper, preparer in self._preparers.items():
                home.prepare(swapper, preparer, pictures)
            if self._judge is not None:
                home.keep(KEY, VERSION, portrait_of(pictures[0].image, [candidate.judged for candidate in chosen]))
            entry.write(folder, pictures, changed(consent, photo_digests=tuple(digests)), sealer)
            worn.copy_worn(self._root / name, folder)
        latest.keep(self._vault, self._root / name, consent.changed)

    def _refuse_taken(self, name: str, *, replace: bool) -> None:
        if same(name, BUILT_IN):
            raise PersonaError(f"{BUILT_IN!r} is the built-in persona and cannot be replaced.", "Choose another name.")
        taken = next((other for other in self.names() if same(name, other)), None)
        if taken is not None and not (replace and taken == name):
            raise PersonaError(f"There is already a persona {taken!r}.", "Choose another name, or say --replace.")

    def remove(self, name: str) -> None:
        """Delete a persona with its photos and its consent record.

        Raises:
            PersonaError: It does not exist, is the built-in one, or the disk refused.
        """
        folder = self._folder(name)
        if folder is None:
            raise PersonaError(f"{BUILT_IN!r} is the built-in persona and cannot be removed.")
        remove_folder(folder)
        latest.bury(lambda: self._vault, folder)

    def load(self, name: str) -> Persona:
        """A persona ready to be worn. What is not prepared yet of its photos is prepared now.

        What is prepared is sealed together with the digests of the photos, so that these need not be read again.

        Raises:
            ConsentRefused: Its consent does not hold, or cannot be proven.
            PersonaError: It does not exist, or its files cannot be used.
            ModelError, EngineError: From a preparer that had to work.
        """
        files = self.files(name)
        self._admits(files.name, files.record.consent)
        files.demand()
        identity: dict[str, object] = {
            swapper: identity_of(files, swapper, preparer) for swapper, preparer in self._preparers.items()
        }
        return Persona(files.name, identity, files.record.consent, self._digest(files.digests))

    def photos(self, name: str) -> list[Photo]:
        """The photos of a persona, decoded.

        Raises:
            PersonaError: It does not exist, or they cannot be read.
        """
        return self.files(name).decoded()

    def portrait(self, name: str) -> Portrait | None:
        """What is shown of a persona; None where nothing is kept and there is no judge to look at its photos.

        Raises:
            PersonaError: It does not exist, or its files cannot be used.
            ModelError, EngineError: From the judge.
        """
        files = self.files(name)
        if self._judge is None:
            return files.home.kept(KEY, VERSION, load_portrait)
        return files.home.identity(KEY, PortraitPreparer(self._judge), files.decoded)

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

    def files(self, name: str) -> entry.Files:
        """Where everything of a persona is.

        Raises:
            PersonaError: It does not exist, or its record cannot be used.
        """
        folder = self._folder(name)
        if folder is None:
            data = self._picture()
            digest = hashlib.sha256(data).hexdigest()
            home = Home(self._cache / BUILT_IN, Sealer(public_vault(), BUILT_IN), [digest], parents=True)
            return entry.Files(BUILT_IN, home, built_in_record(digest), lambda: None, lambda: [data])
        record, sealer = entry.read(folder, self._signer), Sealer(self._vault, folder.name)
        home = Home(folder / entry.PREPARED, sealer, [digest for _, digest in record.photos])
        demand, read = partial(entry.demand_photos, folder, record), partial(entry.photo_bytes, folder, record, sealer)
        return entry.Files(folder.name, home, record, demand, read)

    def _digest(self, photos: tuple[str, ...]) -> str:
        versions = [f"{name}={preparer.version}" for name, preparer in sorted(self._preparers.items())]
        return hashlib.sha256("\n".join([*photos, *versions]).encode()).hexdigest()

    def _folder(self, name: str) -> Path | None:
        """Where a persona is kept; `None` for the built-in one.

        Raises:
            PersonaError: There is none of that name, or it lies elsewhere.
        """
        name = checked_name(name)
        names = self.names()
        if name not in names:
            raise unknown(name, names)
        if name != BUILT_IN and (self._root / name).is_symlink():
            raise PersonaError(f"{self._root / name} is a link, not a folder.", "Remove it, or move the folder there.")
        return None if name == BUILT_IN else self._root / name
