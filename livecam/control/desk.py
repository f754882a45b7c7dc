"""Where every order arrives, whichever way it came in, and what is answered."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, assert_never

from livecam.control.grammar import Ask, Order, Step, help_text, parse
from livecam.core.seams import ControlPort
from livecam.core.settings import (
    Command,
    Hold,
    Mode,
    Panic,
    Release,
    Resume,
    SetBlend,
    SetEyes,
    SetLabel,
    SetMode,
    SetOthers,
    SetPersona,
    SetShape,
    SetSteadiness,
    Settings,
)
from livecam.errors import LivecamError

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

SWITCH_S: Final = 30.0
"""How long an order that changes the persona waits for the one before it."""


class Port(ControlPort, Protocol):
    """What a desk orders from. Any thread."""

    def settings(self) -> Settings:
        """In force."""
        ...

    def personas(self) -> Sequence[str]:
        """Names of all, in the order that ``next`` walks; raises `PersonaError`."""
        ...

    def status(self) -> Mapping[str, Json]:
        """How the run goes; empty before it has begun."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to an order.

    Attributes:
        ok: It was followed.
        said: What now holds, or why it was not, in a sentence.
        now: The settings in force.
        status: How the run goes, where that was asked for.
    """

    ok: bool
    said: str
    now: Mapping[str, Json]
    status: Mapping[str, Json] | None = None

    def json(self) -> dict[str, Json]:
        """For the socket."""
        plain: dict[str, Json] = {"ok": self.ok, "said": self.said, "now": self.now}
        return plain if self.status is None else plain | {"status": self.status}


class Desk:
    """Follows orders. Any thread; only orders that change the persona may take long, and wait for each other alone.

    Args:
        port: What is controlled.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._switching = threading.Lock()

    def follow(self, line: str) -> Answer:
        """Do what `line` says. Never raises for what was said or for what a persona's files are like."""
        try:
            return self._done(parse(line))
        except (LivecamError, ValueError, OSError) as error:
            return self.refusal(str(error))

    def refusal(self, why: str) -> Answer:
        """What is said to a line that is not followed."""
        return Answer(False, why, shown(self._port.settings()))

    def _done(self, order: Order) -> Answer:
        match order:
            case Ask.HELP:
                return self._answer(help_text())
            case Ask():
                status = self._port.status()
                return Answer(True, told_status(self._port.settings(), status), shown(self._port.settings()), status)
            case Step() | SetPersona():
                return self._worn(order)
            case _:
                settings = self._port.submit(order).settings
                return Answer(True, told(order, settings), shown(settings))

    def _worn(self, order: Step | SetPersona) -> Answer:
        # One after the other: two quick "next" are two steps, and a persona is made ready by one thread.
        if not self._switching.acquire(timeout=SWITCH_S):
            return self.refusal("Another persona is still being made ready. Try again.")
        try:
            command = self._stepped(order.by) if isinstance(order, Step) else order
            settings = self._port.submit(command).settings
        finally:
            self._switching.release()
        return Answer(True, told(command, settings), shown(settings))

    def _stepped(self, by: int) -> SetPersona:
        names, worn = list(self._port.personas()), self._port.settings().persona
        if worn not in names:
            return SetPersona(names[0])
        return SetPersona(names[(names.index(worn) + by) % len(names)])

    def _answer(self, said: str) -> Answer:
        return Answer(True, said, shown(self._port.settings()))


def shown(settings: Settings) -> dict[str, Json]:
    """The settings for the socket."""
    return {
        "revision": settings.revision,
        "panic": settings.panic,
        "holding": settings.holding,
        "persona": settings.persona,
        "mode": str(settings.mode),
        "others": str(settings.others),
        "eyes": str(settings.eyes),
        "shape": settings.shape,
        "steadiness": settings.steadiness,
        "blend": settings.blend,
        "label": settings.label,
    }


def told(command: Command, settings: Settings) -> str:
    """What holds after `command`, in a sentence. Under panic it says so, whatever was asked for."""
    match command:
        case Panic() | Hold() | Resume() | Release():
            return _told_cover(settings)
        case SetMode():
            said = _told_mode(settings)
        case _:
            said = _told_value(command, settings)
    return f"{said} {_told_cover(settings)}" if settings.panic else said


def _told_cover(settings: Settings) -> str:
    if settings.holding:
        return "The slate is shown until release."
    return "The slate is shown until resume." if settings.panic else _told_mode(settings)


def _told_mode(settings: Settings) -> str:
    if settings.mode is Mode.PASSTHROUGH:
        return "Your own face is sent."
    return f"Wearing {settings.persona}."


def _told_value(
    command: SetPersona | SetOthers | SetLabel | SetEyes | SetShape | SetSteadiness | SetBlend, settings: Settings
) -> str:
    match command:
        case SetPersona():
            worn = f"Wearing {settings.persona}."
            return worn if settings.mode is Mode.SWAP else f"{worn} But: {_told_mode(settings)}"
        case SetOthers():
            return f"Other people: {settings.others}."
        case SetLabel():
            return "The label is shown." if settings.label else "The label is not shown."
        case SetEyes():
            return f"Eyes: {settings.eyes}."
        case SetShape():
            return f"Shape {settings.shape:g}."
        case SetSteadiness():
            return f"Steadiness {settings.steadiness:g}."
        case SetBlend():
            return f"Blend {settings.blend:g}."
        case _:
            assert_never(command)


def told_status(settings: Settings, status: Mapping[str, Json]) -> str:
    """How things stand, in a line."""
    parts = [_told_cover(settings)]
    if status:
        parts.append(
            f"{status['state']}, {status['fps']} fps, age {status['age_p95_ms']} ms, shows {status['showing']}."
        )
        parts += [str(status["note"])] if status["note"] else []
    return " ".join(parts)
