"""What a manifest says of a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """What a manifest says.

    Attributes:
        session: Of the invisible mark, 32 bits.
        what: ``recording``, ``snapshot``, ``video`` or ``picture``.
    """

    session: int
    what: str
