"""Settings of the content gate: what is checked for nudity, and for the age of who is shown."""

from dataclasses import dataclass, field

from livecam.config.compound import Otherwise
from livecam.config.kinds import Number, Text, checked_text, quoted, shown
from livecam.config.setting import about

_NONE = "none"
_ONE = Text(60)
_NO_NUDITY = "Nothing is checked for nudity"


@dataclass(frozen=True, slots=True)
class Names:
    """Names, or the word ``none`` for no name at all. In a flag or variable they are separated by commas."""

    @property
    def allowed(self) -> str:
        """The form."""
        return "NAME, several separated by commas, or none"

    def from_text(self, text: str) -> tuple[str, ...]:
        """As ``nsfw_2,nudenet_320n``, or ``none``."""
        return self._checked([_ONE.from_text(part.strip()) for part in text.split(",")])

    def from_toml(self, value: object) -> tuple[str, ...]:
        """A list of texts, or one text as in a flag."""
        if isinstance(value, list | tuple):
            return self._checked([_ONE.from_text(checked_text(part).strip()) for part in value])
        return self.from_text(checked_text(value))

    def to_toml(self, value: object) -> str:
        """A list, or the word."""
        names = [quoted(str(name)) for name in value] if isinstance(value, tuple) else []
        return f"[{', '.join(names)}]" if names else quoted(_NONE)

    def _checked(self, names: list[str]) -> tuple[str, ...]:
        if names in ([], [_NONE]):
            return ()
        if not all(names) or _NONE in names or len(set(names)) != len(names):
            raise ValueError(f"must name each network once, or be none, not {shown(', '.join(names))}")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class SafetyConfig:
    """What is checked before it may be used or leave. Without networks nothing is."""

    nudity: tuple[str, ...] = field(
        default=(),
        metadata=about(
            Names(),
            "--nudity",
            "Recipes of the networks that look for nudity in the camera's picture, in files and in photos of personas; "
            "of several, half must agree. none: nothing is checked.",
        ),
    )
    minors: str | None = field(
        default=None,
        metadata=about(
            Otherwise(_ONE, _NONE),
            "--minors",
            "Recipe of the network that estimates the age of who a persona's photos show. none: nothing is checked.",
        ),
    )
    minors_age: float = field(
        default=18.0,
        metadata=about(
            Number(18, 40, "years"),
            "--minors-age",
            "Photos of faces judged to be younger are refused. Estimates err by years: 25 is the safer choice.",
        ),
    )
    every_s: float = field(
        default=1.0,
        metadata=about(Number(0.2, 10, "s"), "--safety-every", "How often the camera's picture is looked at."),
    )
    clear_s: float = field(
        default=3.0,
        metadata=about(
            Number(0, 60, "s"),
            "--safety-clear",
            "How long the looks must have been clean before the picture is sent again after one that was not.",
        ),
    )
    nudity_limit: float | None = field(
        default=None,
        metadata=about(
            Otherwise(Number(-100, 100), "recipe"),
            "--nudity-limit",
            "The score above which a picture counts as nudity, in the network's own unit; for a single network only.",
        ),
    )

    @property
    def told(self) -> str:
        """What is checked and what is not, in sentences."""
        if not self.nudity and self.minors is None:
            return f"{_NO_NUDITY}, and no photo for the age of who it shows: no network is configured for it."
        nudity, age = f"{_NO_NUDITY}.", "No photo is checked for the age of who it shows."
        if self.nudity:
            nudity = f"The camera's picture, files and photos are checked for nudity by {' and '.join(self.nudity)}."
        if self.minors is not None:
            age = f"Faces on photos that {self.minors} judges to be under {self.minors_age:g} are refused."
        return f"{nudity} {age}"
