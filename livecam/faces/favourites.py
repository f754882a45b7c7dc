"""Personas on the number keys, kept in one file; those of the configuration go before it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from livecam.errors import ConfigError, PersonaError
from livecam.faces.worn import write_whole

NUMBERS: Final = range(1, 10)
_FILE: Final = "favourites.json"
_LARGEST_BYTES: Final = 4096


def path_of(data: Path) -> Path:
    """Where favourites are kept, in the folder of what must not be lost."""
    return data / _FILE


class Favourites:
    """Which persona is on which number. Read anew each time, since another process may have changed it.

    Args:
        path: The file; made when the first is set.
        fixed: Number and persona, from the configuration: the file does not change those.

    Raises:
        ConfigError: A number of `fixed` is none from 1 to 9, or is there twice.
    """

    def __init__(self, path: Path, fixed: Sequence[tuple[str, str]] = ()) -> None:
        self._path = path
        self._fixed: dict[int, str] = {}
        for digit, name in fixed:
            number = int(digit) if digit.isdecimal() else 0
            if number not in NUMBERS or number in self._fixed:
                raise ConfigError(f"[bank].favourites: {digit!r} must be one digit from 1 to 9, and stand there once.")
            self._fixed[number] = name

    def all(self) -> Mapping[int, str]:
        """Persona by number, in order.

        Raises:
            PersonaError: The file cannot be read or used.
        """
        kept = {
            number: name
            for number, name in self._kept().items()
            if number not in self._fixed and name not in self._fixed.values()
        }
        return dict(sorted({**kept, **self._fixed}.items()))

    def name_of(self, number: int) -> str:
        """The persona on `number`.

        Raises:
            PersonaError: There is none, or as `all`.
        """
        name = self.all().get(number)
        if name is None:
            raise PersonaError(f"No persona is on {number}.", f"Put one there: livecam faces favourite NAME {number}")
        return name

    def set(self, name: str, number: int | None) -> None:
        """Put `name` on `number`, off every other; None takes it off. Whoever was there has no number then.

        Raises:
            PersonaError: It is no number from 1 to 9, the configuration says otherwise, or the disk refused.
        """
        if number is not None and number not in NUMBERS:
            raise PersonaError(f"Favourites have a number from 1 to 9, not {number}.")
        fixed = next((fixed for fixed, other in self._fixed.items() if other == name), None)
        if fixed is not None and fixed != number:
            raise PersonaError(f"The configuration puts {name!r} on {fixed}.", "Change [bank].favourites there.")
        if number is not None and self._fixed.get(number, name) != name:
            raise PersonaError(
                f"The configuration puts {self._fixed[number]!r} on {number}.", "Change [bank].favourites there."
            )
        kept = {other: persona for other, persona in self._kept().items() if persona != name and other != number}
        if number is not None:
            kept[number] = name
        write_whole(self._path, json.dumps({str(other): kept[other] for other in sorted(kept)}, indent=2) + "\n")

    def forget(self, name: str) -> None:
        """Take `name` off the file, if it is there: the persona was removed.

        Raises:
            PersonaError: The disk refused.
        """
        kept = self._kept()
        if name in kept.values():
            left = {str(number): other for number, other in sorted(kept.items()) if other != name}
            write_whole(self._path, json.dumps(left, indent=2) + "\n")

    def _kept(self) -> dict[int, str]:
        try:
            with self._path.open("rb") as file:
                content: object = json.loads(file.read(_LARGEST_BYTES))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise PersonaError(f"{self._path} cannot be read: {error.strerror}.", "Check its permissions.") from None
        except (ValueError, RecursionError):
            content = None
        match content:
            case dict() if all(_is_number(digit) and isinstance(name, str) for digit, name in content.items()):
                return {int(digit): name for digit, name in content.items()}
            case _:
                raise PersonaError(f"{self._path} cannot be used.", "Delete it, and set the favourites again.")


def _is_number(digit: object) -> bool:
    return isinstance(digit, str) and digit in {str(number) for number in NUMBERS}
