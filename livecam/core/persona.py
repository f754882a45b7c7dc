"""A persona: a named source identity, prepared ahead, with the consent of the person it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Basis(StrEnum):
    """On what ground a face may be worn."""

    SELF = "self"
    WRITTEN = "written"
    LICENSED = "licensed"
    SYNTHETIC = "synthetic"
    UNSTATED = "unstated"


class Scope(StrEnum):
    """For what a face may be worn."""

    LIVE = "live"
    RECORDING = "recording"
    STILL = "still"


EVERY_SCOPE: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Consent:
    """The record that belongs to every persona.

    Attributes:
        basis: On what ground.
        subject: Whose face it is; empty when unstated.
        recorded: UTC time of the record, ISO 8601.
        photo_digests: SHA-256 of each photo it covers, hex.
        scope: For what it may be worn.
        expires: UTC time from which on it may not be, ISO 8601; "" for never.
        proven: Whether the photos were compared with the enrolled wearer, and found to show them.
        revoked: UTC time at which it was taken back, ISO 8601; "" where it was not.
    """

    basis: Basis
    subject: str
    recorded: str
    photo_digests: tuple[str, ...]
    scope: frozenset[Scope] = EVERY_SCOPE
    expires: str = ""
    proven: bool = False
    revoked: str = ""

    @property
    def changed(self) -> str:
        """UTC time of its last change, ISO 8601."""
        return max(self.recorded, self.revoked)

    def expired(self, now: datetime) -> bool:
        """Whether it has come to its end by `now`, which has a time zone."""
        return bool(self.expires) and now >= datetime.fromisoformat(self.expires)


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona ready to be worn: nothing has to be computed when it is switched to.

    Attributes:
        name: Unique; letters, digits, dash and underscore.
        identity: Prepared data by swapper name, such as ``mesh``; each swapper knows its own type.
        consent: The record.
        digest: SHA-256 over photos and preparation version, hex.
    """

    name: str
    identity: Mapping[str, object]
    consent: Consent
    digest: str
