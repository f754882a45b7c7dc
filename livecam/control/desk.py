"""Where every order arrives, whichever way it came in, and what is answered."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, assert_never

from livecam.config.presets import PresetName
from livecam.control.deeds import (
    ChangePreset,
    ChangeSink,
    ChangeSource,
    Favourite,
    Record,
    Reload,
    Snapshot,
)
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


class Doing(Protocol):
    """What a daemon can be told to do, besides its settings. Any thread.

    Each returns the sentence of what now holds, and raises `LivecamError` where nothing changed.
    """

    def record(self, on: bool) -> str:
        """Begin a recording of what is sent, or end it."""
        ...

    def snapshot(self) -> str:
        """Keep the next picture that is cleared and not the slate; waits for it a moment."""
        ...

    def reload(self) -> str:
        """Read the configuration again, and do what can be done while running."""
        ...

    def preset(self, name: PresetName) -> str:
        """Have other networks swap; may return while they are still being made ready."""
        ...

    def favourite(self, number: int) -> str:
        """The name of the persona of that number, 1..9."""
        ...

    def source(self, spec: str) -> str:
        """Take frames from elsewhere."""
        ...

    def sink(self, spec: str, on: bool) -> str:
        """Send to one more place, or to one less."""
        ...


class Port(ControlPort, Doing, Protocol):
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

    def panel(self) -> str:
        """Where the control panel is, with its secret; raises `LivecamError` where there is none."""
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
            case Ask.PANEL:
                return self._answer(self._port.panel())
            case Ask():
                status = self._port.status()
                return Answer(True, told_status(self._port.settings(), status), shown(self._port.settings()), status)
            case Step() | SetPersona() | Favourite():
                return self._worn(order)
            case Record() | Snapshot() | Reload() | ChangePreset() | ChangeSource() | ChangeSink():
                return self._answer(self._deed(order))
            case _:
                settings = self._port.submit(order).settings
                return Answer(True, told(order, settings), shown(settings))

    def _deed(self, deed: Record | Snapshot | Reload | ChangePreset | ChangeSource | ChangeSink) -> str:
        match deed:
            case Record(on):
                return self._port.record(on)
            case Snapshot():
                return self._port.snapshot()
            case Reload():
                return self._port.reload()
            case ChangePreset(name):
                return self._port.preset(name)
            case ChangeSource(spec):
                return self._port.source(spec)
            case ChangeSink(spec, on):
                return self._port.sink(spec, on)
            case _:
                assert_never(deed)

    def _worn(self, order: Step | SetPersona | Favourite) -> Answer:
        # One after the other: two quick "next" are two steps, and a persona is made ready by one thread.
        if not self._switching.acquire(timeout=SWITCH_S):
            return self.refusal("Another persona is still being made ready. Try again.")
        try:
            command = self._named(order)
            settings = self._port.submit(command).settings
        finally:
            self._switching.release()
        return Answer(True, told(command, settings), shown(settings))

    def _named(self, order: Step | SetPersona | Favourite) -> SetPersona:
        match order:
            case Step(by):
                return self._stepped(by)
            case Favourite(number):
                return SetPersona(self._port.favourite(number))
            case SetPersona():
                return order
            case _:
                assert_never(order)

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
        case SetLabel():
            said = "The label is shown." if settings.label else "The label is not shown."
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
    command: SetPersona | SetOthers | SetEyes | SetShape | SetSteadiness | SetBlend, settings: Settings
) -> str:
    match command:
        case SetPersona():
            worn = f"Wearing {settings.persona}."
            return worn if settings.mode is Mode.SWAP else f"{worn} But: {_told_mode(settings)}"
        case SetOthers():
            return f"Other people: {settings.others}."
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
        parts += (
            [f"Sound should be {late:.0f} ms late."]
            if isinstance(late := status.get("delay_ms"), float) and late > 0 and status["fps"]
            else []
        )
        parts += [str(status["note"])] if status["note"] else []
    return " ".join(parts)
