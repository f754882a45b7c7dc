"""Names of personas: safe as folder names everywhere, and unambiguous."""

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Final

from livecam.errors import PersonaError

LONGEST_NAME: Final = 40
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)


def checked_name(name: str) -> str:
    """`name` in Unicode's composed form, so that one name is one folder.

    Letters and digits of any script, dash and underscore; the first is a letter or a digit. Paths, hidden files,
    control and direction characters are thereby impossible.

    Raises:
        PersonaError: It breaks the rule.
    """
    composed = unicodedata.normalize("NFC", name)
    fits = 0 < len(composed) <= LONGEST_NAME and composed[0].isalnum() and all(_is_allowed(c) for c in composed)
    if not fits or composed.casefold() in _WINDOWS_DEVICES:
        raise PersonaError(
            f"{name!r} cannot be a persona's name.",
            f"Use 1 to {LONGEST_NAME} letters, digits, dashes and underscores, starting with a letter or a digit.",
        )
    return composed


def _is_allowed(character: str) -> bool:
    # Identifier characters are letters, marks, digits and the underscore, in every script; since Python 3.13 also two
    # invisible joiners, which would make two names look alike.
    invisible = unicodedata.category(character) == "Cf"
    return character == "-" or (f"a{character}".isidentifier() and not invisible)


def same(one: str, other: str) -> bool:
    """Whether two names would be one folder where case does not count."""
    return one.casefold() == other.casefold()


def unknown(name: str, known: Iterable[str]) -> PersonaError:
    """The error for a name that is not there; it names the nearest one."""
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    hint = f"Did you mean {close[0]!r}?" if close else "`livecam faces list` lists what there is."
    return PersonaError(f"There is no persona {name!r}.", hint)
