"""Kinds of values: how each is read from a flag or variable, read from TOML, written as TOML, and described.

A `ValueError` raised here carries the end of a sentence, such as ``must be 0 or 1, not 2``; the caller puts the
name and the place in front.
"""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(Protocol):
    """A kind of value. All methods are pure."""

    @property
    def allowed(self) -> str:
        """What may be written, for help texts."""
        ...

    def from_text(self, text: str) -> object:
        """Read the text of a flag or of an environment variable.

        Raises:
            ValueError: It cannot be read, or is out of range.
        """
        ...

    def from_toml(self, value: object) -> object:
        """Read a TOML value.

        Raises:
            ValueError: It has another type, or is out of range.
        """
        ...

    def to_toml(self, value: object) -> str:
        """Write `value` as a TOML literal that `from_toml` reads back as the same value."""
        ...


def checked_text(value: object) -> str:
    """`value` when it is text.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, not {shown(value)}")
    return value


def shown(value: object) -> str:
    """`value` for an error message, cut when it is long."""
    try:
        words = repr(value)
    except RecursionError:
        words = "something nested too deeply"
    return words if len(words) <= 60 else words[:57] + "..."


def quoted(text: str) -> str:
    """A TOML basic string."""
    # JSON's escapes are a subset of TOML's basic strings, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text of at most `longest` characters."""

    longest: int = 200

    @property
    def allowed(self) -> str:
        """What may be written."""
        return f"text, at most {self.longest} characters"

    def from_text(self, text: str) -> str:
        """The text itself."""
        if len(text) > self.longest or not text.isprintable():
            raise ValueError(f"must be one line of at most {self.longest} printable characters, not {shown(text)}")
        return text

    def from_toml(self, value: object) -> str:
        """The text itself."""
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """In quotes."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class Number:
    """A number in `low`..`high`, in `unit`."""

    low: float
    high: float
    unit: str = ""

    @property
    def allowed(self) -> str:
        """The range and the unit."""
        return f"{self.low:.10g} to {self.high:.10g} {self.unit}".rstrip()

    def from_text(self, text: str) -> float:
        """Decimal notation."""
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"must be a number, not {shown(text)}") from None
        return self._checked(value)

    def from_toml(self, value: object) -> float:
        """An integer or a float."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, not {shown(value)}")
        return self._checked(value)

    def to_toml(self, value: object) -> str:
        """Without a trailing ``.0``."""
        return f"{value:.10g}" if isinstance(value, int | float) else str(value)

    def _checked(self, value: float) -> float:
        # NaN fails every comparison, and a huge integer must not reach float().
        if not self.low <= value <= self.high or not math.isfinite(value):
            raise ValueError(f"must lie in {self.allowed}, not {shown(value)}")
        return float(value)


_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    @property
    def allowed(self) -> str:
        """Both values."""
        return "true or false"

    def from_text(self, text: str) -> bool:
        """``1 true yes on`` or ``0 false no off``."""
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise ValueError(f"must be true or false, not {shown(text)}")
        return word in _TRUE

    def from_toml(self, value: object) -> bool:
        """``true`` or ``false``, without quotes."""
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false without quotes, not {shown(value)}")
        return value

    def to_toml(self, value: object) -> str:
        """``true`` or ``false``."""
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Choice:
    """One member of an enumeration."""

    members: type[StrEnum]

    @property
    def allowed(self) -> str:
        """All members."""
        return ", ".join(self.members)

    def from_text(self, text: str) -> StrEnum:
        """By value."""
        try:
            return self.members(text)
        except ValueError:
            raise ValueError(f"must be one of {self.allowed}, not {shown(text)}") from None

    def from_toml(self, value: object) -> StrEnum:
        """By value."""
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """In quotes."""
        return quoted(str(value))
