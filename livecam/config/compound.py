"""Kinds of values with a form of their own: sizes, specs, paths, and a kind with a way out."""

from dataclasses import dataclass
from pathlib import Path

from livecam.config.kinds import Kind, checked_text, quoted, shown
from livecam.core.frame import Size
from livecam.core.spec import Spec, parse_spec
from livecam.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SizeKind:
    """A picture size."""

    @property
    def allowed(self) -> str:
        """The form."""
        return "WIDTHxHEIGHT, even, 64 to 8192"

    def from_text(self, text: str) -> Size:
        """As ``1280x720``."""
        try:
            return Size.parse(text)
        except ValueError:
            raise ValueError(f"must be a size like 1280x720, even sides of 64 to 8192, not {shown(text)}") from None

    def from_toml(self, value: object) -> Size:
        """As ``"1280x720"``."""
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """In quotes."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class SpecKind:
    """A source or a sink."""

    @property
    def allowed(self) -> str:
        """The form."""
        return "KIND or KIND:TARGET or KIND:TARGET?NAME=VALUE"

    def from_text(self, text: str) -> Spec:
        """By `parse_spec`."""
        try:
            return parse_spec(text)
        except ConfigError as error:
            raise ValueError(
                f"must name a source or sink, such as camera:0 or record:call.mp4, not {text!r}"
            ) from error

    def from_toml(self, value: object) -> Spec:
        """By `parse_spec`."""
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """As it was written."""
        return quoted(value.text if isinstance(value, Spec) else str(value))


@dataclass(frozen=True, slots=True)
class SpecList:
    """One or more sinks. In a variable they are separated by ``;``."""

    one: SpecKind = SpecKind()

    @property
    def allowed(self) -> str:
        """The form."""
        return "a list of KIND:TARGET"

    def from_text(self, text: str) -> tuple[Spec, ...]:
        """Separated by ``;``."""
        return self._checked(tuple(self.one.from_text(part) for part in text.split(";") if part.strip()))

    def from_toml(self, value: object) -> tuple[Spec, ...]:
        """A list, or one text."""
        parts = value if isinstance(value, list | tuple) else [value]
        return self._checked(tuple(self.one.from_toml(part) for part in parts))

    def to_toml(self, value: object) -> str:
        """A list."""
        specs = value if isinstance(value, tuple) else (value,)
        return "[" + ", ".join(self.one.to_toml(spec) for spec in specs) + "]"

    def _checked(self, specs: tuple[Spec, ...]) -> tuple[Spec, ...]:
        if not specs:
            raise ValueError("must name at least one; use null for none")
        return specs


@dataclass(frozen=True, slots=True)
class PathKind:
    """A file or a folder; ``~`` stands for the home folder."""

    @property
    def allowed(self) -> str:
        """The form."""
        return "a path"

    def from_text(self, text: str) -> Path:
        """With ``~`` resolved."""
        if not text.strip() or "\0" in text:
            raise ValueError(f"must be a path, not {shown(text)}")
        try:
            return Path(text).expanduser()
        except RuntimeError:
            raise ValueError(f"names an unknown home folder: {shown(text)}") from None

    def from_toml(self, value: object) -> Path:
        """With ``~`` resolved."""
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """In quotes."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Another kind, or a `word` that leaves the choice to livecam and is `None` in the configuration."""

    kind: Kind
    word: str

    @property
    def allowed(self) -> str:
        """Both."""
        return f"{self.kind.allowed}, or {self.word}"

    def from_text(self, text: str) -> object:
        """The word, or the other kind."""
        return None if text == self.word else self.kind.from_text(text)

    def from_toml(self, value: object) -> object:
        """The word, or the other kind."""
        return None if value == self.word else self.kind.from_toml(value)

    def to_toml(self, value: object) -> str:
        """The word, or the other kind."""
        return quoted(self.word) if value is None else self.kind.to_toml(value)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names of the user's own choosing, each with a text. In the file they are a section of their own.

    Attributes:
        name: What stands on the left, for help texts.
        value: What stands on the right.
    """

    name: str
    value: str

    @property
    def allowed(self) -> str:
        """The form."""
        return f"{self.name}={self.value}, several separated by ;"

    def from_text(self, text: str) -> tuple[tuple[str, str], ...]:
        """As ``ann=grace;bob=``."""
        parts = [part.partition("=") for part in text.split(";") if part.strip()]
        if not all(sign for _, sign, _ in parts):
            raise ValueError(f"must be {self.allowed}, not {shown(text)}")
        return self._checked([(name.strip(), value.strip()) for name, _, value in parts])

    def from_toml(self, value: object) -> tuple[tuple[str, str], ...]:
        """A table of texts."""
        if isinstance(value, tuple):
            return self._checked([(str(name), str(text)) for name, text in value])
        if not isinstance(value, dict):
            raise ValueError(f'must be lines of {self.name} = "{self.value}", not {shown(value)}')
        return self._checked([(str(name), checked_text(text)) for name, text in value.items()])

    def to_toml(self, value: object) -> str:
        """An inline table."""
        pairs = value if isinstance(value, tuple) else ()
        return "{" + ", ".join(f"{quoted(name)} = {quoted(text)}" for name, text in pairs) + "}"

    def _checked(self, pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        names = [name for name, _ in pairs]
        if not all(names) or len(set(names)) != len(names):
            raise ValueError(f"must name each {self.name} once")
        return tuple(pairs)
