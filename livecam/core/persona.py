"""A persona: a named source identity, prepared ahead, with the consent of the person it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """On what ground a face may be worn."""

    SELF = "self"
    WRITTEN = "written"
    LICENSED = "licensed"
    SYNTHETIC = "synthetic"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Consent:
    """The record that belongs to every persona.

    Attributes:
        basis: On what ground.
        subject: Whose face it is; empty when unstated.
        recorded: UTC time of the record, ISO 8601.
        photo_digests: SHA-256 of each photo it covers, hex.
    """

    basis: Basis
    subject: str
    recorded: str
    photo_digests: tuple[str, ...]


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
