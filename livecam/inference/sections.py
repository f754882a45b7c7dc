"""Reads one table of a TOML file, saying which key of which file is wrong and what was probably meant."""

import difflib
from collections.abc import Mapping
from types import TracebackType
from typing import NoReturn, Self, TypeGuard

from livecam.errors import ModelError

_KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "a table"}


class Section:
    """One table: every key is asked for by name and kind; on leaving the `with` block, a key not asked for is an error.

    Args:
        table: What the TOML reader gave.
        place: Where it stands, for messages, such as ``engines/x.toml, [licence]``.
    """

    def __init__(self, table: Mapping[str, object], place: str) -> None:
        self.place = place
        self._table = table
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unknown = sorted(self._table.keys() - self._asked)
        if unknown and kind is None:
            near = difflib.get_close_matches(unknown[0], sorted(self._asked), n=1, cutoff=0)
            raise ModelError(f"{self.place}: unknown key '{unknown[0]}'.", f"Did you mean '{near[0]}'?" if near else "")

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self._get(key, default)
        return value if isinstance(value, str) else self._refuse(key, str)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """A boolean."""
        value = self._get(key, default)
        return value if isinstance(value, bool) else self._refuse(key, bool)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._get(key, default)
        return value if _is_number(value) and isinstance(value, int) else self._refuse(key, int)

    def real(self, key: str, default: float | None = None) -> float:
        """A number."""
        value = self._get(key, default)
        return float(value) if _is_number(value) else self._refuse(key, float)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(item if isinstance(item, str) else self._refuse(key, str) for item in self._list(key))

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        return tuple(item if isinstance(item, int) else self._refuse(key, int) for item in self._list(key))

    def reals(self, key: str) -> tuple[float, ...]:
        """A list of numbers."""
        return tuple(float(item) if _is_number(item) else self._refuse(key, float) for item in self._list(key))

    def names(self) -> tuple[str, ...]:
        """All keys, in the file's order; for tables whose keys are names."""
        return tuple(self._table)

    def section(self, key: str) -> "Section":
        """A table inside this one."""
        value = self._get(key, None)
        return Section(value, f"{self.place} [{key}]") if _is_table(value) else self._refuse(key, dict)

    def sections(self, key: str) -> "tuple[Section, ...]":
        """A list of tables (``[[key]]``)."""
        places = enumerate(self._list(key))
        return tuple(
            Section(item, f"{self.place} [[{key}]] {row + 1}") if _is_table(item) else self._refuse(key, dict)
            for row, item in places
        )

    def _list(self, key: str) -> list[object]:
        value = self._get(key, None)
        return value if isinstance(value, list) else self._refuse(key, list)

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        value = self._table.get(key, default)
        if value is None:
            raise ModelError(f"{self.place}: the key '{key}' is missing.")
        return value

    def _refuse(self, key: str, kind: type) -> NoReturn:
        raise ModelError(f"{self.place}: '{key}' must be {_KINDS[kind]}.")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
