"""A persona as it is listed, and what became of photos that were offered."""

from dataclasses import dataclass
from pathlib import Path

from livecam.core.persona import Consent


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
