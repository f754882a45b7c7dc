"""What looks at a camera's picture have told, and whether that suffices to send it. No clock and no threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livecam.config import Config, Paths, SafetyConfig
from livecam.core.cleared import Withheld
from livecam.core.frame import NS_PER_S, Image

if TYPE_CHECKING:
    from livecam.vision.safety import Verdict

STALE_AFTER = 3
"""An answer counts for so many intervals between looks."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How often is looked, and how long an answer counts.

    Attributes:
        every_ns: Between two looks.
        clear_ns: How long looks must have been clean before pictures leave again after one that was not.
    """

    every_ns: int
    clear_ns: int

    @property
    def stale_ns(self) -> int:
        """An answer about an older frame counts no more."""
        return STALE_AFTER * self.every_ns


@dataclass(frozen=True, slots=True)
class Looks:
    """What a look is made of.

    Attributes:
        copy: Makes the small copy of a frame, (H, W, 3) u8 BGR, that is looked at; valid until the next call.
        judge: Says what it shows; the looking thread's alone.
    """

    copy: Callable[[Image], Image]
    judge: "Callable[[Image], Verdict]"


class Verdicts:
    """Remembers what looks told. Not safe for several threads at once.

    Args:
        terms: How long an answer counts.

    Attributes:
        scene: Number of the scene at hand: what is told of an earlier one says nothing good about it.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.scene = 0
        self._clean_ns: int | None = None
        self._hit = False
        self._clean_since_ns: int | None = None

    def seen(self, hit: bool, taken_ns: int, scene: int) -> None:
        """A look ended: whether it saw what may not leave in a frame of `scene`, taken at `taken_ns`."""
        if hit:
            self._hit, self._clean_since_ns = True, None
        elif scene == self.scene:
            self._clean(taken_ns)

    def _clean(self, taken_ns: int) -> None:
        before_ns, self._clean_ns = self._clean_ns, taken_ns
        if not self._hit:
            return
        gap = before_ns is None or taken_ns - before_ns > self._terms.stale_ns
        if gap or self._clean_since_ns is None:
            self._clean_since_ns = taken_ns
        if taken_ns - self._clean_since_ns >= self._terms.clear_ns:
            self._hit, self._clean_since_ns = False, None

    def failed(self) -> None:
        """A look failed: nothing is known about the picture any more."""
        self._clean_ns = None

    def forget(self) -> None:
        """From now on it is another scene. A hit stays until the new one has been clean for long enough."""
        self.failed()
        self.scene += 1

    def withheld(self, now_ns: int) -> Withheld | None:
        """Why nothing may leave at `now_ns`; None if pictures may."""
        if self._hit:
            return Withheld.CONTENT
        if self._clean_ns is None or not 0 <= now_ns - self._clean_ns <= self._terms.stale_ns:
            return Withheld.UNCHECKED
        return None


def terms_of(safety: SafetyConfig) -> Terms:
    """Of section ``safety``."""
    return Terms(round(safety.every_s * NS_PER_S), round(safety.clear_s * NS_PER_S))


def looks_of(config: Config, paths: Paths) -> Looks:
    """What looks at pictures, with networks of its own. Takes a moment to import.

    Raises:
        ConfigError: A network was named for what it does not do.
        ModelError: One is not here, or is not what its recipe says.
    """
    from livecam.app.safety_networks import jury_of
    from livecam.vision.safety import Shrinker

    return Looks(Shrinker(), jury_of(config, paths))
