"""What can be ordered besides settings: deeds, which the daemon does and answers with a sentence of their own."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from livecam.config.presets import PresetName


@dataclass(frozen=True, slots=True)
class Record:
    """Begin a recording of what is sent, or end it."""

    on: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Keep the next picture that is sent."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again."""


@dataclass(frozen=True, slots=True)
class ChangePreset:
    """Have other networks swap."""

    name: PresetName


@dataclass(frozen=True, slots=True)
class Favourite:
    """Wear the persona of that number, 1..9."""

    number: int


@dataclass(frozen=True, slots=True)
class ChangeSource:
    """Take frames from elsewhere."""

    spec: str


@dataclass(frozen=True, slots=True)
class ChangeSink:
    """Send to one more place, or to one less.

    Attributes:
        spec: Of the new one; of the old one its spec, its name, or its kind where there is one of that kind.
        on: Whether it is a new one.
    """

    spec: str
    on: bool


Deed: TypeAlias = Record | Snapshot | Reload | ChangePreset | Favourite | ChangeSource | ChangeSink


def written_deed(deed: Deed) -> str:
    """The line that says `deed`."""
    match deed:
        case Record(on):
            return f"record {'start' if on else 'stop'}"
        case Snapshot() | Reload():
            return type(deed).__name__.lower()
        case ChangePreset(name):
            return f"preset {name}"
        case Favourite(number):
            return f"favourite {number}"
        case ChangeSource(spec):
            return f"source {spec}"
        case ChangeSink(spec, on):
            return f"sink {'add' if on else 'remove'} {spec}"
        case _:
            assert_never(deed)
