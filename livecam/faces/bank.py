"""The face bank: all personas as they are shown and chosen, and pictures that may become new ones. Any thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from livecam.core.frame import Image
from livecam.core.persona import Basis, Scope
from livecam.errors import LivecamError, PersonaError, PhotoRefused
from livecam.faces.choosing import offered_bytes
from livecam.faces.consent_terms import Terms, utc_now
from livecam.faces.consents import Note, note_consent, unnoted
from livecam.faces.drafts import Draft, Drafts
from livecam.faces.favourites import Favourites
from livecam.faces.library import BUILT_IN, Entry, PersonaLibrary
from livecam.faces.photo import LARGEST_BYTES, PERSONA_PIXELS, Photo, decode_photo
from livecam.faces.portrait import Portrait, thumbnail
from livecam.faces.quality import PhotoJudge, Quality
from livecam.faces.worn import USUAL, WornAs, told_worn

SHOT: Final = "shot.png"
"""What a picture of the camera is called."""


@dataclass(frozen=True, slots=True)
class Card:
    """A persona as it is shown.

    Attributes:
        name: To be worn by.
        built_in: Whether it comes with livecam, and cannot be removed.
        photos: How many it is made of.
        basis: On what ground it may be worn; empty where that is not known.
        subject: Whose face it is.
        scope: For what it may be worn, such as ``live``; empty where that is not known.
        expires: UTC time from which on it may not be, ISO 8601; "" for never.
        revoked: UTC time at which the consent was taken back, ISO 8601; "" where it was not.
        added: UTC time, ISO 8601; empty for the built-in one.
        problem: Why it cannot be worn, in a sentence; empty when it can.
        favourite: Its number, 1 to 9; None for none.
        worn_as: Its own settings.
        quality: Of its best photo; None where nobody has looked at it.
    """

    name: str
    built_in: bool
    photos: int
    basis: str
    subject: str
    scope: tuple[str, ...]
    expires: str
    revoked: str
    added: str
    problem: str
    favourite: int | None
    worn_as: WornAs
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of a persona, and the state of its files then."""

    stamp: tuple[tuple[str, int, int], ...]
    entry: Entry
    portrait: Portrait | None


class FaceBank:
    """All personas. Any thread; one call is answered after the other, so that looking at photos may be waited for.

    Args:
        library: Where they are kept.
        judge: Says how good photos are.
        favourites: Their numbers.
        now_s: Monotonic time.
        note: Told of personas that are added.
    """

    def __init__(
        self,
        library: PersonaLibrary,
        judge: PhotoJudge,
        favourites: Favourites,
        now_s: Callable[[], float] = time.monotonic,
        note: Note = unnoted,
    ) -> None:
        self._note = note
        self._library = library
        self._judge = judge
        self._favourites = favourites
        self._drafts = Drafts(now_s)
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.RLock()

    def cards(self) -> tuple[Card, ...]:
        """All personas, the built-in one first; one that cannot be used says why.

        Raises:
            PersonaError: The folder cannot be read.
        """
        with self._lock:
            numbers = {name: number for number, name in self._favourites.all().items()}
            names = self._library.names()
            self._seen = {name: self._look(name) for name in names}
            return tuple(self._card(self._seen[name], numbers.get(name)) for name in names)

    def thumbnail(self, name: str) -> bytes:
        """JPEG of the persona's face, at most 256 px.

        Raises:
            PersonaError: There is no such persona, or nothing can be shown of it.
        """
        with self._lock:
            seen = self._look(name)
        if seen.portrait is None:
            raise PersonaError(seen.entry.problem or f"There is no picture of {name!r}.")
        return seen.portrait.thumbnail

    def draft(self, data: bytes, filename: str) -> Draft:
        """Look at a picture that may become a persona, and keep it for a while.

        Raises:
            PhotoRefused: It cannot serve; the sentence says why.
            EngineError, ModelError: It cannot be looked at.
        """
        name = Path(filename).name or "picture"
        if len(data) > LARGEST_BYTES:
            raise PhotoRefused(f"{name} is larger than {LARGEST_BYTES // 1_000_000} MB.", "Make it smaller.")
        return self._drafted(decode_photo(data, name, PERSONA_PIXELS))

    def draft_image(self, image: Image) -> Draft:
        """The same of a picture of the camera, (H, W, 3) u8 BGR.

        Raises:
            PhotoRefused, EngineError, ModelError: As for `draft`.
        """
        data = cv2.imencode(".png", image)[1].tobytes()
        return self._drafted(decode_photo(data, SHOT, PERSONA_PIXELS))

    def add(self, name: str, drafts: Sequence[str], basis: Basis, subject: str = "", *, replace: bool = False) -> str:
        """Make a persona of drafts, for what is usual on that ground, and say so.

        Raises:
            PersonaError: As for `add_on`.
        """
        return self.add_on(Terms(basis, subject), name, drafts, replace=replace)

    def add_on(self, terms: Terms, name: str, drafts: Sequence[str], *, replace: bool = False) -> str:
        """Make a persona of drafts on those terms, and say so.

        Raises:
            ConsentRefused: No ground is stated.
            PersonaError: A draft is gone, the name is unfit or taken, or the disk refused; nothing changed.
        """
        with self._lock:
            pictures = self._drafts.take(drafts)
            if not pictures:
                raise PersonaError("A persona is made of at least one picture.", "Add one.")
            added = self._library.add_offered(name, offered_bytes(pictures), terms, replace=replace)
            self._drafts.drop(drafts)
        if added.entry.consent is not None:
            note_consent(self._note, "consent-added", added.entry.name, added.entry.consent)
        count = len(added.entry.photos)
        made = f"Added {added.entry.name}, made from {count} photo{'s' if count != 1 else ''}."
        return " ".join([made, *(f"Left out: {why}" for why in added.skipped)])

    def remove(self, name: str) -> str:
        """Delete a persona, with its photos and its consent record, and say so.

        Raises:
            PersonaError: It does not exist, is the built-in one, or the disk refused.
        """
        with self._lock:
            self._library.remove(name)
            self._favourites.forget(name)
        return f"Removed {name}."

    def worn_as(self, name: str) -> WornAs:
        """The persona's own settings.

        Raises:
            PersonaError: It does not exist, or they cannot be used.
        """
        with self._lock:
            return self._library.worn_as(name)

    def change(self, name: str, worn: WornAs) -> str:
        """Give the persona these settings of its own, in place of all it had, and say so.

        Raises:
            PersonaError: It does not exist, or the disk refused.
        """
        with self._lock:
            self._library.wear_as(name, worn)
        return f"{name} is worn {told_worn(worn)}."

    def favourite(self, name: str, number: int | None) -> str:
        """Put the persona on a number key, or on none, and say so.

        Raises:
            PersonaError: It does not exist, the number is none from 1 to 9, or the configuration says otherwise.
        """
        with self._lock:
            name = self._library.show(name).name
            self._favourites.set(name, number)
        return f"{name} is on {number}." if number is not None else f"{name} is on no number."

    def _drafted(self, photo: Photo) -> Draft:
        with self._lock:
            judged = self._judge(photo.image, photo.name)
            return Draft(self._drafts.keep(photo), judged.quality, thumbnail(photo.image, judged.five))

    def _look(self, name: str) -> _Seen:
        """The persona, read again only where its files have changed: its photos may be a hundred megabytes."""
        stamp = self._library.stamp(name)
        seen = self._seen.get(name)
        if seen is None or seen.stamp != stamp or _has_ended(seen.entry):
            entry, portrait = self._library.listed(name), None
            if not entry.problem:
                entry, portrait = self._portrayed(entry)
            seen = self._seen[name] = _Seen(stamp, entry, portrait)
        return seen

    def _portrayed(self, entry: Entry) -> tuple[Entry, Portrait | None]:
        try:
            return entry, self._library.portrait(entry.name)
        except LivecamError:
            # It may still be worn: what cannot be had is the picture of it.
            return entry, None

    def _card(self, seen: _Seen, favourite: int | None) -> Card:
        entry, portrait = seen.entry, seen.portrait
        return Card(
            name=entry.name,
            built_in=entry.name == BUILT_IN,
            photos=len(entry.photos),
            basis=str(entry.consent.basis) if entry.consent else "",
            subject=entry.consent.subject if entry.consent else "",
            scope=tuple(str(one) for one in Scope if entry.consent and one in entry.consent.scope),
            expires=entry.consent.expires if entry.consent else "",
            revoked=entry.consent.revoked if entry.consent else "",
            added=entry.added,
            problem=entry.problem,
            favourite=favourite,
            worn_as=self._own(entry),
            quality=portrait.qualities[0] if portrait is not None else None,
        )

    def _own(self, entry: Entry) -> WornAs:
        try:
            return self._library.worn_as(entry.name)
        except PersonaError:
            return USUAL


def _has_ended(entry: Entry) -> bool:
    """Whether a consent that held when it was read has come to its end since."""
    return not entry.problem and entry.consent is not None and entry.consent.expired(utc_now())
