"""Key combinations: read from the configuration, and told from what is pressed and let go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from livecam.config.nearest import nearest
from livecam.control.grammar import Ask, NotUnderstood, parse
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.settings import Hold
from livecam.errors import ConfigError

MODIFIERS: Final = ("ctrl", "alt", "alt_gr", "shift", "cmd")
_ALONE: Final = frozenset(
    {*(f"f{n}" for n in range(1, 21)), "pause", "scroll_lock", "insert", "menu"}
    | {"media_play_pause", "media_next", "media_previous"}
)
"""Keys that nobody types text with, so that they may stand without a modifier."""

_NAMED: Final = _ALONE | {
    *("space", "enter", "tab", "esc", "backspace", "delete", "home", "end", "page_up", "page_down"),
    *("up", "down", "left", "right", "caps_lock", "num_lock", "print_screen"),
}

REPEAT_NS: Final = 50 * NS_PER_MS
"""A key that comes back sooner was never let go: X repeats a key that is held down as pairs of up and down."""

MISSED_NS: Final = 2 * NS_PER_S
"""A key that is down and goes down again after so long a silence was let go, and nobody told: repeats come sooner."""


@dataclass(frozen=True, slots=True)
class Chord:
    """One key together with modifiers.

    Attributes:
        modifiers: Names out of `MODIFIERS`, no other may be down.
        key: A character in lower case, or a name such as ``f9``.
    """

    modifiers: frozenset[str]
    key: str

    def __str__(self) -> str:
        names = [name for name in MODIFIERS if name in self.modifiers]
        return "+".join([*(f"<{name}>" for name in names), self.key if len(self.key) == 1 else f"<{self.key}>"])


def chord(text: str) -> Chord:
    """Read one as ``<ctrl>+<alt>+p``.

    Raises:
        ConfigError: A key is not known, there is none or more than one beside the modifiers, or it would fire while
            text is typed.
    """
    modifiers: set[str] = set()
    keys: list[str] = []
    for part in _parts(text):
        name = _name(part, text)
        if name in MODIFIERS:
            modifiers.add(name)
        else:
            keys.append(name)
    if len(keys) != 1:
        raise ConfigError(f"The hotkey {text!r} needs one key beside <ctrl>, <alt>, <shift>, <cmd>.", _SUCH_AS)
    if not modifiers - {"shift", "alt_gr"} and keys[0] not in _ALONE:
        raise ConfigError(f"The hotkey {text!r} would fire while you type.", f"Add <ctrl> or <alt>. {_SUCH_AS}")
    return Chord(frozenset(modifiers), keys[0])


_SUCH_AS: Final = "Write it like <ctrl>+<alt>+p or <f9>."


def _parts(text: str) -> list[str]:
    # The plus sign itself is a key too: <ctrl>++.
    return [*text[:-2].split("+"), "+"] if text.endswith("++") else text.split("+")


def _name(part: str, text: str) -> str:
    part = part.strip().lower()
    if len(part) == 1 and part.isprintable() and not part.isspace():
        return part
    name = part[1:-1] if part.startswith("<") and part.endswith(">") else part
    known = (*MODIFIERS, *sorted(_NAMED))
    if name not in known:
        raise ConfigError(f"The hotkey {text!r} has an unknown key {part!r}.", nearest(name, known))
    if name == part:
        raise ConfigError(f"The hotkey {text!r} has {part!r} without brackets.", f"Write <{part}>.")
    return name


def bindings(pairs: Sequence[tuple[str, str]], usual: Sequence[tuple[str, str]] = ()) -> Mapping[Chord, str]:
    """What each combination says: `pairs`, and those of `usual` that they leave; what says nothing is left out.

    Raises:
        ConfigError: A combination or a line cannot be read, or two are the same combination.
    """
    found: dict[Chord, str] = {}
    for keys, line in pairs:
        one = chord(keys)
        if one in found:
            raise ConfigError(f"The hotkey {one} is there twice: {found[one]!r} and {line!r}.", "Keep one of them.")
        found[one] = line.strip()
        if found[one]:
            _check(one, line)
    left = {one: line for keys, line in usual if (one := chord(keys)) not in found}
    return {one: line for one, line in (left | found).items() if line}


def _check(one: Chord, line: str) -> None:
    try:
        order = parse(line)
    except NotUnderstood as error:
        raise ConfigError(f"The hotkey {one} says {line!r}. {error}") from None
    if isinstance(order, Ask):
        raise ConfigError(f"The hotkey {one} says {line!r}, which changes nothing.", "A key has nowhere to print to.")


class Keyboard:
    """Which keys are down, and what follows from it. One thread at a time.

    A desktop that tells whole combinations, and not keys, tells each as one key: by the name that `Chord` has as text.

    Args:
        bound: From `bindings`.
    """

    def __init__(self, bound: Mapping[Chord, str]) -> None:
        self._bound = bound
        self._whole = {str(one): one for one in bound}
        self._held = frozenset(one for one, line in bound.items() if isinstance(parse(line), Hold))
        self._down: dict[str, int] = {}
        self._up_ns: dict[str, int] = {}
        self._holding: frozenset[str] = frozenset()

    @property
    def unsettled(self) -> bool:
        """Whether a key is up that may be down again in a moment."""
        return bool(self._up_ns)

    def press(self, key: str, now_ns: int) -> list[str]:
        """Lines that follow from `key` going down, by the names of `Chord`."""
        lines = self.settle(now_ns)
        self._up_ns.pop(key, None)
        before_ns = self._down.get(key)
        self._down[key] = now_ns
        if before_ns is not None and now_ns - before_ns < MISSED_NS:
            return lines
        modifiers = frozenset(self._down.keys() & set(MODIFIERS) - self._up_ns.keys())
        one = self._whole.get(key, Chord(modifiers, key))
        line = self._bound.get(one)
        if line is None:
            return lines
        if one in self._held:
            self._holding = frozenset({key}) if key in self._whole else one.modifiers | {key}
        return [*lines, line]

    def release(self, key: str, now_ns: int) -> list[str]:
        """Lines that follow from `key` going up; its own effect comes when it has stayed up, by `settle`."""
        lines = self.settle(now_ns)
        if key in self._down:
            self._up_ns[key] = now_ns
        return lines

    def settle(self, now_ns: int) -> list[str]:
        """Lines that follow from keys that have stayed up."""
        gone = {key for key, up_ns in self._up_ns.items() if now_ns - up_ns >= REPEAT_NS}
        for key in gone:
            del self._up_ns[key]
            self._down.pop(key, None)
        if gone & set(MODIFIERS) and not self._down.keys() & set(MODIFIERS):
            # What went down as "!" may have come up as "1": nothing is left behind once the modifiers are up.
            stay = self._up_ns.keys() | self._whole.keys() | self._holding
            self._down = {key: at_ns for key, at_ns in self._down.items() if key in stay}
        if gone & self._holding:
            self._holding = frozenset()
            return ["release"]
        return []
