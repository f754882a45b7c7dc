"""What is known about a setting besides its name and type."""

from collections.abc import Mapping
from dataclasses import dataclass

from livecam.config.kinds import Kind

META = "setting"
"""Key of a field's `Setting`, or of a section's help text, in its metadata."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about a field besides its name and type.

    Attributes:
        kind: Reads, writes and checks values.
        help: One or two sentences for a user.
        flag: Of ``livecam run``, with its dashes.
    """

    kind: Kind
    help: str
    flag: str


def about(kind: Kind, flag: str, help_text: str) -> Mapping[str, Setting]:
    """The metadata of a field."""
    return {META: Setting(kind, help_text, flag)}
