"""The consent records of the stored personas: read, renewed, taken back. Any process.

What only looks at records imports no codec, so that a run may look at them ten times a second.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from livecam.core.persona import Basis, Consent, Scope
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces import latest
from livecam.faces.consent import FILE, LARGEST_BYTES, Signer, from_json, to_json
from livecam.faces.consent_terms import STATED, Terms, record, refuse_unfit_subject, stamped, usual_scope, utc_now
from livecam.faces.names import checked_name
from livecam.faces.store import read_plain, unwritable, write_plain
from livecam.faces.vault import Vault, open_vault, system_ring

_NEXT: Final = timedelta(milliseconds=1)


class Note(Protocol):
    """Takes an event for the audit log."""

    def __call__(self, event: str, **facts: str | int | float | bool | None) -> None:
        """Note `event`, a word, with its facts."""
        ...


def unnoted(event: str, **facts: str | int | float | bool | None) -> None:
    """Where there is no log."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is said when a consent is renewed; None leaves a thing as it was.

    Attributes:
        basis: On what ground.
        subject: Whose face it is.
        scope: For what.
        expires: UTC time of its end, as `livecam.faces.consent_terms` writes it; "" for never.

    Raises:
        PersonaError: The subject is no short line of text.
    """

    basis: Basis | None = None
    subject: str | None = None
    scope: frozenset[Scope] | None = None
    expires: str | None = None

    def __post_init__(self) -> None:
        refuse_unfit_subject(self.subject or "")


class Consents:
    """The records of the personas in one folder.

    Args:
        root: Folder of the personas.
        vault: Has the key that signs; that of the folder which `root` is in, unless given.
        note: Told of what changes.
        now: The time.
    """

    def __init__(
        self,
        root: Path,
        vault: Callable[[], Vault] | None = None,
        note: Note = unnoted,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._root = root
        self._open_vault = vault or (lambda: open_vault(root.parent, system_ring()))
        self._note = note
        self._now = now

    @cached_property
    def vault(self) -> Vault:
        """Of the installation."""
        return self._open_vault()

    @cached_property
    def signer(self) -> Signer:
        """Signs the records."""
        return Signer(self.vault)

    def read(self, name: str) -> Consent:
        """The record of `name`, proven to be signed here. Whether it holds is for others to judge.

        Raises:
            ConsentRefused: It cannot be used, is not signed here, or an older one that was put back.
            PersonaError: It cannot be read.
        """
        name = checked_name(name)
        path = self._path(name)
        try:
            text = read_plain(path, LARGEST_BYTES)
        except OSError as error:
            raise PersonaError(
                f"The consent record of {name!r} cannot be read: {error.strerror}.",
                f"`livecam faces show {name}` says what is there.",
            ) from None
        consent = from_json(text, name, self.signer)
        latest.refuse_older(self.vault, path.parent, consent)
        return consent

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """Changes whenever the record of `name` does, whoever changed it; None where there is none. Costs one look."""
        try:
            found = self._path(name).lstat()
        except (OSError, ValueError, PersonaError):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def revoke(self, name: str) -> Consent:
        """Take the consent for `name` back. Running livecams follow within a second.

        Raises:
            ConsentRefused: There is no record that could be taken back.
            PersonaError: The disk refused.
        """
        before = self.read(name)
        if before.revoked:
            latest.keep(self.vault, self._path(name).parent, before.changed)
            return before
        consent = replace(before, revoked=self._after(before))
        self._keep(name, consent)
        self._noted("consent-revoked", name, consent)
        return consent

    def renewed(self, name: str, before: Consent | None, change: Change) -> Consent:
        """What the record of `name` becomes by `change`; nothing is kept.

        Args:
            name: Of the persona.
            before: The record so far; None where there is none that could be believed.
            change: What is said now.

        Raises:
            ConsentRefused: No ground is stated, or no end where the one so far has passed.
        """
        if before is None:
            return self._given(name, change, ())
        basis = change.basis or before.basis
        if basis is Basis.UNSTATED:
            return self._given(name, change, before.photo_digests)
        expires = change.expires
        if expires is None:
            expires = before.expires
            if before.expired(self._now()):
                raise ConsentRefused(
                    f"The consent for {name!r} had an end, which has passed: a new one must be said.",
                    "Say --expires 30d, a day such as 2027-01-01, or never.",
                )
        kept = before.scope if basis is before.basis else usual_scope(basis)
        return replace(
            before,
            basis=basis,
            subject=before.subject if change.subject is None else change.subject,
            scope=kept if change.scope is None else change.scope,
            recorded=self._after(before),
            expires=expires,
            proven=before.proven and basis is Basis.SELF,
            revoked="",
        )

    def keep_renewed(self, name: str, consent: Consent) -> None:
        """Keep a record that was renewed.

        Raises:
            PersonaError: The disk refused.
        """
        self._keep(name, consent)
        self._noted("consent-renewed", name, consent)

    def keep_proven(self, name: str, before: Consent) -> Consent:
        """Note in the record of `name`, which was `before`, that the photos show the enrolled wearer.

        Raises:
            PersonaError: The disk refused.
        """
        consent = replace(before, proven=True, recorded=self._after(before))
        self._keep(name, consent)
        self._noted("consent-proven", name, consent)
        return consent

    def _given(self, name: str, change: Change, digests: tuple[str, ...]) -> Consent:
        if change.basis is None:
            raise ConsentRefused(
                f"It is not known on what ground {name!r} may be worn.", f"State it: --basis {'|'.join(STATED)}"
            )
        terms = Terms(change.basis, change.subject or "", change.scope, change.expires or "")
        return record(terms, digests, latest.after(self.vault, self._path(name).parent, self._now()))

    def _after(self, before: Consent) -> str:
        """Now, or the moment after the last change where the clock was set back: the newer record is the later one."""
        later = datetime.fromisoformat(before.changed).astimezone(UTC) + _NEXT
        return stamped(max(self._now(), later))

    def _keep(self, name: str, consent: Consent) -> None:
        path = self._path(name)
        try:
            write_plain(path, to_json(consent, checked_name(name), self.signer))
        except OSError as error:
            raise unwritable(path, error) from None
        latest.keep(self.vault, path.parent, consent.changed)

    def _noted(self, event: str, name: str, consent: Consent) -> None:
        note_consent(self._note, event, name, consent)

    def _path(self, name: str) -> Path:
        folder = self._root / checked_name(name)
        if folder.is_symlink():
            raise PersonaError(f"{folder} is a link, not a folder.", "Remove it, or move the folder there.")
        return folder / FILE


def note_consent(note: Note, event: str, name: str, consent: Consent) -> None:
    """Note what holds for the persona `name`: no photo, no digest of one, and not whose face it is."""
    note(
        event,
        persona=name,
        basis=str(consent.basis),
        scope=",".join(one for one in Scope if one in consent.scope),
        expires=consent.expires,
        proven=consent.proven,
        revoked=consent.revoked,
    )
