"""How a persona is to be worn, where that differs from how the others are, kept in its folder."""

import json
import math
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from livecam.config.presets import PresetName
from livecam.core.settings import BLEND_LIMIT
from livecam.errors import PersonaError
from livecam.faces.store import make_home, unwritable

FILE: Final = "worn.json"
_LARGEST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class WornAs:
    """A persona's own settings; None leaves one as it is for all.

    Attributes:
        preset: The networks that swap.
        blend: 0..0.85, how much of the enhancer shows.
        colour: 0..1, how far it takes on the wearer's colours.
        shape: 0..1, how far the wearer's proportions move towards the persona's.

    Raises:
        PersonaError: A number is out of its range.
    """

    preset: PresetName | None = None
    blend: float | None = None
    colour: float | None = None
    shape: float | None = None

    def __post_init__(self) -> None:
        for name, value, most in (
            ("blend", self.blend, BLEND_LIMIT),
            ("colour", self.colour, 1.0),
            ("shape", self.shape, 1.0),
        ):
            if value is not None and not 0.0 <= value <= most:
                raise PersonaError(f"A persona's {name} lies in 0..{most:g}, not {value:g}.")


USUAL: Final = WornAs()
"""Of personas without settings of their own."""


def told_worn(worn: WornAs) -> str:
    """The settings in words, such as ``with blend 0.6``; "as all others are" for none."""
    own = [f"preset {worn.preset}"] if worn.preset is not None else []
    shares = (("blend", worn.blend), ("colour", worn.colour), ("shape", worn.shape))
    own += [f"{key} {value:g}" for key, value in shares if value is not None]
    return f"with {', '.join(own)}" if own else "as all others are"


def read_worn(folder: Path) -> WornAs:
    """The settings kept in `folder`; `USUAL` where there are none.

    Raises:
        PersonaError: They cannot be read, or are not what `keep_worn` writes.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            content: object = json.loads(file.read(_LARGEST_BYTES))
    except FileNotFoundError:
        return USUAL
    except OSError as error:
        raise PersonaError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except (ValueError, RecursionError):
        raise _unusable(path) from None
    if not isinstance(content, dict) or not set(content) <= {field.name for field in fields(WornAs)}:
        raise _unusable(path)
    return _worn(content, path)


def keep_worn(folder: Path, worn: WornAs) -> None:
    """Keep `worn` in `folder`, whole or not at all.

    Raises:
        PersonaError: The disk refused.
    """
    content = {name: value for name, value in asdict(worn).items() if value is not None}
    write_whole(folder / FILE, json.dumps(content, indent=2) + "\n")


def copy_worn(old: Path, new: Path) -> None:
    """Let the persona in the folder `new` be worn as the one it replaces, in `old`; settings that are damaged are left.

    Raises:
        OSError: The disk refused.
    """
    if (old / FILE).is_file() and (old / FILE).stat().st_size <= _LARGEST_BYTES:
        (new / FILE).write_bytes((old / FILE).read_bytes())


def write_whole(path: Path, text: str) -> None:
    """Write a small file for the owner alone; whoever reads it finds the old text or the new one.

    Raises:
        PersonaError: The disk refused; the old text is still there.
    """
    make_home(path.parent)
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None


def _worn(content: dict[str, object], path: Path) -> WornAs:
    try:
        preset = content.get("preset")
        numbers = {name: _number(content.get(name)) for name in ("blend", "colour", "shape")}
        return WornAs(None if preset is None else PresetName(str(preset)), **numbers)
    except (ValueError, PersonaError):
        raise _unusable(path) from None


def _number(value: object) -> float | None:
    """`value` as a number; bools are none.

    Raises:
        ValueError: It is none.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _unusable(path: Path) -> PersonaError:
    return PersonaError(f"{path} cannot be used.", "Delete it, and set the persona's settings again.")
