"""Specs: how a source or sink is named on the command line and in livecam.toml, such as ``file:clip.mp4?loop=0``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from livecam.core.frame import Size
from livecam.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed spec.

    Attributes:
        kind: Registry name, such as ``camera``.
        target: Index, name, path or address; empty when none was given.
        params: What stood after ``?``, such as ``{"loop": "0"}``. A stream's own query stays in its target.
        text: As written.
    """

    kind: str
    target: str
    params: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def flag(self, name: str, default: bool) -> bool:
        """A 0/1 parameter.

        Raises:
            ConfigError: It is neither.
        """
        value = self.params.get(name)
        if value is None:
            return default
        if value not in ("0", "1"):
            raise ConfigError(f"{name}={value!r} in {self.text!r} must be 0 or 1.")
        return value == "1"

    def number(self, name: str, default: float) -> float:
        """A numeric parameter.

        Raises:
            ConfigError: It is no number.
        """
        value = self.params.get(name)
        if value is None:
            return default
        try:
            return float(value)
        except ValueError:
            raise ConfigError(f"{name}={value!r} in {self.text!r} must be a number.") from None

    def known(self, *names: str) -> None:
        """Refuse parameters the driver does not know.

        Raises:
            ConfigError: There is one.
        """
        for name in self.params:
            if name not in names:
                allowed = ", ".join(names) or "none"
                raise ConfigError(f"{self.kind} knows no parameter {name!r} (in {self.text!r}); known: {allowed}.")


_OWN_QUERY = ("stream",)


def parse_spec(text: str) -> Spec:
    """Read ``kind``, ``kind:target`` or ``kind:target?name=value&name=value``.

    A stream's target is an address and keeps its own query.

    Raises:
        ConfigError: The text is empty or has no kind.
    """
    kind, _, target = text.strip().partition(":")
    if not kind:
        raise ConfigError(f"{text!r} is no spec.", "Write something like camera:0, file:clip.mp4 or synthetic.")
    if kind in _OWN_QUERY:
        return Spec(kind, target, {}, text)
    kind, _, kind_query = kind.partition("?")
    target, _, query = target.partition("?")
    return Spec(kind, target, dict(parse_qsl(query or kind_query, keep_blank_values=True)), text)


@dataclass(frozen=True, slots=True)
class SourceWish:
    """What a source is asked for; what it gives is read back in its `SourceInfo`.

    Attributes:
        size: Preferred size.
        fps: Preferred rate.
        timeout_s: Longest wait for a frame before the source counts as lost.
    """

    size: Size
    fps: float
    timeout_s: float = 1.0


@dataclass(frozen=True, slots=True)
class SinkWish:
    """What a sink is told besides its spec.

    Attributes:
        token: Secret of this run, for sinks that serve.
        finished: Told of every file that is whole, from any thread, and whether any picture in it was swapped.
    """

    token: str = ""
    finished: Callable[[Path, bool], None] | None = None
