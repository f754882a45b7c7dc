"""What the user wants right now: one frozen value, replaced whole, read once per frame."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from typing import TypeAlias, assert_never


class Mode(StrEnum):
    """What the daemon does with a face."""

    SWAP = "swap"
    PASSTHROUGH = "passthrough"


class Others(StrEnum):
    """What happens to people who are not the wearer."""

    WITHHOLD = "withhold"
    BLUR = "blur"
    LEAVE = "leave"


class Eyes(StrEnum):
    """Whose eyes the swapped face shows."""

    SOURCE = "source"
    TARGET = "target"
    AUTO = "auto"


BLEND_LIMIT = 0.85
"""An enhancer at full strength turns a face to plastic; more than this is refused unless forced."""

_STRICTNESS = {Others.LEAVE: 0, Others.BLUR: 1, Others.WITHHOLD: 2}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a frame needs to know about the user's wishes.

    Attributes:
        revision: Rises by one with every accepted command.
        privacy_floor: Pictures made under an older revision may not leave.
        panic: While true, only the slate leaves.
        holding: The panic is that of a key held down: letting go ends it.
        persona: Name of the persona in use.
        mode: Swap, or openly pass the camera through.
        others: Policy for people who are not the wearer.
        shape: 0..1, how far the wearer's proportions move towards the persona's.
        eyes: Whose eyes are shown.
        steadiness: 0..1, 0 follows every measurement, 1 smooths most.
        blend: 0..`blend_limit`, how much of the enhancer shows; the mesh swap has none.
        blend_limit: The largest `blend` that is taken.
        label: Whether swapped pictures say that they are modified.
    """

    revision: int = 0
    privacy_floor: int = 0
    panic: bool = False
    holding: bool = False
    persona: str = ""
    mode: Mode = Mode.SWAP
    others: Others = Others.BLUR
    shape: float = 0.54
    eyes: Eyes = Eyes.SOURCE
    steadiness: float = 0.5
    blend: float = 0.7
    blend_limit: float = BLEND_LIMIT
    label: bool = True

    def __post_init__(self) -> None:
        for name, value in (("shape", self.shape), ("steadiness", self.steadiness), ("blend", self.blend)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {value}.")
        if self.blend > self.blend_limit:
            raise ValueError(
                f"A blend above {self.blend_limit:g} turns the face to plastic; {self.blend:g} needs --force-blend."
            )


@dataclass(frozen=True, slots=True)
class Panic:
    """Show the slate at once."""


@dataclass(frozen=True, slots=True)
class Resume:
    """End the panic, of whichever kind."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Show the slate at once, until `Release`: a key is held down."""


@dataclass(frozen=True, slots=True)
class Release:
    """End a `Hold`; a `Panic` stays."""


@dataclass(frozen=True, slots=True)
class SetMode:
    """Swap, or pass through."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class SetPersona:
    """Wear another persona, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class SetOthers:
    """Change the policy for other people."""

    others: Others


@dataclass(frozen=True, slots=True)
class SetShape:
    """Change how far the face's proportions move, 0..1."""

    value: float


@dataclass(frozen=True, slots=True)
class SetEyes:
    """Change whose eyes are shown."""

    eyes: Eyes


@dataclass(frozen=True, slots=True)
class SetSteadiness:
    """Change how much the face is smoothed, 0..1."""

    value: float


@dataclass(frozen=True, slots=True)
class SetBlend:
    """Change how much of the enhancer shows, 0..1."""

    value: float


@dataclass(frozen=True, slots=True)
class SetLabel:
    """Show or hide the label that says that the picture is modified."""

    shown: bool


Tuning: TypeAlias = SetPersona | SetShape | SetEyes | SetSteadiness | SetBlend
Covering: TypeAlias = Panic | Resume | Hold | Release
Command: TypeAlias = Covering | SetMode | SetOthers | SetLabel | Tuning


def apply(settings: Settings, command: Command) -> Settings:
    """The settings after `command`. Pure. Whatever tightens privacy lifts the floor to the new revision.

    Raises:
        ValueError: A value is out of range.
    """
    revision = settings.revision + 1
    match command:
        case Panic() | Resume() | Hold() | Release():
            return _covered(settings, command, revision)
        case SetMode(mode):
            tighter = settings.mode is Mode.PASSTHROUGH and mode is Mode.SWAP
            floor = revision if tighter else settings.privacy_floor
            return replace(settings, revision=revision, privacy_floor=floor, mode=mode)
        case SetOthers(others):
            tighter = _STRICTNESS[others] > _STRICTNESS[settings.others]
            floor = revision if tighter else settings.privacy_floor
            return replace(settings, revision=revision, privacy_floor=floor, others=others)
        case SetLabel(shown):
            floor = revision if shown and not settings.label else settings.privacy_floor
            return replace(settings, revision=revision, privacy_floor=floor, label=shown)
        case _:
            return _tuned(settings, command, revision)


def _covered(settings: Settings, command: Covering, revision: int) -> Settings:
    panic, holding = settings.panic, settings.holding
    match command:
        case Panic():
            panic, holding = True, False
        case Resume():
            panic, holding = False, False
        case Hold():
            panic, holding = True, holding or not panic
        case Release():
            if not settings.holding:
                return replace(settings, revision=revision)
            panic, holding = False, False
        case _:
            assert_never(command)
    # The floor is lifted by the end of a panic too: what was made before or during it never leaves.
    return replace(settings, revision=revision, privacy_floor=revision, panic=panic, holding=holding)


def _tuned(settings: Settings, command: Tuning, revision: int) -> Settings:
    match command:
        case SetPersona(name):
            return replace(settings, revision=revision, persona=name)
        case SetShape(value):
            return replace(settings, revision=revision, shape=value)
        case SetEyes(eyes):
            return replace(settings, revision=revision, eyes=eyes)
        case SetSteadiness(value):
            return replace(settings, revision=revision, steadiness=value)
        case SetBlend(value):
            return replace(settings, revision=revision, blend=value)
        case _:
            assert_never(command)


@dataclass(frozen=True, slots=True)
class Reply:
    """What holds after a command.

    Attributes:
        revision: Now in force.
        settings: Now in force.
    """

    revision: int
    settings: Settings


class SettingsCell:
    """Holds the settings in force. Reading is one reference and never waits; writers take turns.

    Attributes:
        current: In force.
        changed: Told of the settings before and after every `submit`, in their order. It must not wait.
    """

    __slots__ = ("_lock", "changed", "current")

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self.current = settings
        self.changed: Callable[[Settings, Settings], None] = lambda before, after: None

    def submit(self, *commands: Command) -> Reply:
        """Apply `commands`, all at once for whoever reads, and say what now holds. Any thread.

        Raises:
            ValueError: A value is out of range; nothing changed.
        """
        with self._lock:
            before, self.current = self.current, reduce(apply, commands, self.current)
            self.changed(before, self.current)
            return Reply(self.current.revision, self.current)

    def tighten(self) -> None:
        """Lift the floor: nothing that was made until now leaves any more, not even as a held picture. Any thread."""
        with self._lock:
            revision = self.current.revision + 1
            self.current = replace(self.current, revision=revision, privacy_floor=revision)
