"""The words of control, read and written: the same for hotkeys, for the socket and for ``livecam ctl``."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar, assert_never

from livecam.config.nearest import nearest
from livecam.config.presets import PresetName
from livecam.control.deeds import (
    ChangePreset,
    ChangeSink,
    ChangeSource,
    Deed,
    Favourite,
    Record,
    Reload,
    Snapshot,
    written_deed,
)
from livecam.core.settings import (
    Command,
    Eyes,
    Hold,
    Mode,
    Others,
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
)
from livecam.core.spec import parse_spec
from livecam.errors import ConfigError

LONGEST: Final = 500
"""Characters of a line that is read; no line that means anything is longer."""

FAVOURITES: Final = frozenset("123456789")
"""What may follow ``favourite``."""

_LONGEST_NAME: Final = 40
_SEE_HELP: Final = "`livecam ctl help` lists what can be said."

E = TypeVar("E", bound=StrEnum)


class NotUnderstood(ConfigError):
    """A line that is no order, or not one that a running livecam can follow."""


@dataclass(frozen=True, slots=True)
class Step:
    """Wear the persona so many places further in the list."""

    by: int


class Ask(StrEnum):
    """What changes nothing."""

    STATUS = "status"
    WATCH = "watch"
    PANEL = "panel"
    HELP = "help"


Order: TypeAlias = Command | Step | Ask | Deed


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the grammar.

    Attributes:
        takes: What follows it, for help; "" for nothing.
        summary: What it does.
        read: Makes the order of what follows it; raises `NotUnderstood`.
    """

    takes: str
    summary: str
    read: Callable[[str], Order]


def parse(line: str) -> Order:
    """The order that `line` says. Case does not count, but in names.

    Raises:
        NotUnderstood: It says none; the sentence names the nearest word, or what may be said.
    """
    if len(line) > LONGEST:
        raise NotUnderstood(f"A line of {len(line)} characters is none that livecam understands.", _SEE_HELP)
    said, _, rest = line.strip().partition(" ")
    if not said:
        raise NotUnderstood("Nothing was said.", _SEE_HELP)
    word = WORDS.get(said.lower())
    if word is None:
        raise NotUnderstood(f"Unknown word {said!r}.", nearest(said.lower(), list(WORDS)))
    return word.read(rest.strip())


def written(order: Order) -> str:
    """The line that `parse` reads as `order`."""
    match order:
        case Ask():
            return str(order)
        case Step(by):
            return "next" if by > 0 else "previous"
        case Panic() | Resume() | Hold() | Release():
            return type(order).__name__.lower()
        case SetMode(mode):
            return f"passthrough {_on(mode is Mode.PASSTHROUGH)}"
        case Record() | Snapshot() | Reload() | ChangePreset() | Favourite() | ChangeSource() | ChangeSink():
            return written_deed(order)
        case _:
            return _written_value(order)


def _written_value(
    order: SetPersona | SetOthers | SetLabel | SetEyes | SetShape | SetSteadiness | SetBlend,
) -> str:
    match order:
        case SetPersona(name):
            return f"persona {name}"
        case SetOthers(others):
            return f"others {others}"
        case SetLabel(shown):
            return f"label {_on(shown)}"
        case SetEyes(eyes):
            return f"eyes {eyes}"
        case SetShape(value) | SetSteadiness(value) | SetBlend(value):
            return f"{type(order).__name__.removeprefix('Set').lower()} {value!r}"
        case _:
            assert_never(order)


def _on(held: bool) -> str:
    return "on" if held else "off"


def may_take_long(order: Order) -> bool:
    """Whether whoever gives `order` may have to wait, and should not do so where a panic must get through."""
    return isinstance(order, Step | SetPersona | Deed)


def help_text() -> str:
    """Every word with what it does, one a line."""
    heads = {name: f"{name} {word.takes}".rstrip() for name, word in WORDS.items()}
    width = max(len(head) for head in heads.values())
    return "\n".join(f"{heads[name]:<{width}}  {word.summary}" for name, word in WORDS.items())


def _alone(name: str, order: Order) -> Callable[[str], Order]:
    def read(rest: str) -> Order:
        if rest:
            raise NotUnderstood(f"Nothing follows {name}, so not {_shown(rest)} either.")
        return order

    return read


def _number(name: str, make: Callable[[float], Order]) -> Callable[[str], Order]:
    def read(rest: str) -> Order:
        try:
            value = float(rest)
        except ValueError:
            value = math.nan
        if not 0.0 <= value <= 1.0:
            raise NotUnderstood(f"{name} takes a number from 0 to 1, such as {name} 0.5, not {_shown(rest)}.")
        return make(abs(value))

    return read


def _choice(name: str, values: Mapping[str, Order]) -> Callable[[str], Order]:
    def read(rest: str) -> Order:
        order = values.get(rest.lower())
        if order is None:
            raise NotUnderstood(f"{name} takes {' or '.join(values)}, not {_shown(rest)}.")
        return order

    return read


def _members(kind: type[E], make: Callable[[E], Order]) -> Mapping[str, Order]:
    return {str(member): make(member) for member in kind}


def _persona(rest: str) -> Order:
    # Whether there is one of that name is known to the library alone.
    if not rest or len(rest) > _LONGEST_NAME or not rest.isprintable() or " " in rest:
        raise NotUnderstood(f"persona takes the name of one, not {_shown(rest)}.", "`livecam faces list` lists them.")
    return SetPersona(rest)


def _preset(rest: str) -> Order:
    names = [str(name) for name in PresetName]
    if rest.lower() not in names:
        raise NotUnderstood(f"There is no preset {_shown(rest)}.", nearest(rest.lower(), names))
    return ChangePreset(PresetName(rest.lower()))


def _favourite(rest: str) -> Order:
    if rest not in FAVOURITES:
        raise NotUnderstood(f"favourite takes a number from 1 to 9, not {_shown(rest)}.")
    return Favourite(int(rest))


def _source(rest: str) -> Order:
    return ChangeSource(_spec("source", rest, "camera:0, file:clip.mp4 or synthetic"))


def _sink(rest: str) -> Order:
    verb, _, what = rest.partition(" ")
    if verb.lower() not in ("add", "remove"):
        raise NotUnderstood(f"sink takes add or remove, such as sink add web, not {_shown(rest)}.")
    return ChangeSink(_spec(f"sink {verb.lower()}", what.strip(), "web or record:call.mp4"), verb.lower() == "add")


def _spec(name: str, text: str, such_as: str) -> str:
    # Whether there is a driver of that kind is known to the app alone.
    try:
        parse_spec(text)
    except ConfigError:
        text = ""
    if not text or not text.isprintable():
        raise NotUnderstood(f"{name} takes something like {such_as}, not {_shown(text)}.")
    return text


def _shown(text: str) -> str:
    return "nothing" if not text else repr(text if len(text) <= 40 else text[:37] + "...")


WORDS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "panic": Word("", "Show the slate at once, until resume.", _alone("panic", Panic())),
        "resume": Word("", "End the panic.", _alone("resume", Resume())),
        "hold": Word("", "Show the slate until release; on a key: while it is held down.", _alone("hold", Hold())),
        "release": Word("", "End a hold; a panic stays.", _alone("release", Release())),
        "persona": Word("NAME", "Wear that persona.", _persona),
        "next": Word("", "Wear the next persona of the list.", _alone("next", Step(1))),
        "previous": Word("", "Wear the one before.", _alone("previous", Step(-1))),
        "passthrough": Word(
            "on|off",
            "Send the camera's picture, with your own face; off swaps again.",
            _choice("passthrough", {"on": SetMode(Mode.PASSTHROUGH), "off": SetMode(Mode.SWAP)}),
        ),
        "others": Word(
            "|".join(Others), "What happens to other people's faces.", _choice("others", _members(Others, SetOthers))
        ),
        "label": Word(
            "on|off",
            "Write on the picture that it was modified by AI.",
            _choice("label", {"on": SetLabel(True), "off": SetLabel(False)}),
        ),
        "eyes": Word("|".join(Eyes), "Whose eyes are shown.", _choice("eyes", _members(Eyes, SetEyes))),
        "shape": Word("0..1", "How far your proportions move to the persona's.", _number("shape", SetShape)),
        "steadiness": Word("0..1", "How much the face is smoothed.", _number("steadiness", SetSteadiness)),
        "blend": Word("0..1", "How much of the enhancer shows.", _number("blend", SetBlend)),
        "preset": Word("NAME", "Swap with other networks, once they are ready.", _preset),
        "favourite": Word("1..9", "Wear the persona of that number.", _favourite),
        "record": Word(
            "start|stop",
            "Record what is sent, in the recordings folder.",
            _choice("record", {"start": Record(True), "stop": Record(False)}),
        ),
        "snapshot": Word(
            "", "Keep the next swapped picture, in the recordings folder.", _alone("snapshot", Snapshot())
        ),
        "source": Word("SPEC", "Take frames from there, such as camera:1.", _source),
        "sink": Word("add SPEC|remove NAME", "Send there too, such as web; or no more.", _sink),
        "reload": Word("", "Read the configuration again.", _alone("reload", Reload())),
        "status": Word("", "How things stand.", _alone("status", Ask.STATUS)),
        "watch": Word(
            "", "The same, a line of JSON every half second: livecam ctl --watch.", _alone("watch", Ask.WATCH)
        ),
        "panel": Word("", "Where the control panel is, with its secret: livecam panel.", _alone("panel", Ask.PANEL)),
        "help": Word("", "This list.", _alone("help", Ask.HELP)),
    }
)
"""All words, in the order of the help."""
