"""The quality ladder: what can be given up under load, best first.

A tier has no words for the gate, the slate, the watch over other people, labels or consent, so that no load can make
the daemon less safe.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final, Protocol


class Sharpening(StrEnum):
    """Which enhancer is used."""

    FULL = "full"
    SMALL = "small"


FULL: Final = "full quality"
"""Name of the tier at the top of every ladder."""

_DEARNESS: Final = {Sharpening.FULL: 1, Sharpening.SMALL: 0}


@dataclass(frozen=True, slots=True)
class Tier:
    """One rung of the ladder: how much is spent on how the picture looks.

    Attributes:
        name: For the log and the status line.
        sharpening: Which enhancer.
        sharpen_every: It runs on every nth frame.
        mask: Whether a network finds what covers the face. Without it the persona is painted over hands and hair too:
            more is covered, never less.
        detect_every: The wearer's detector runs on every nth frame; tracking carries the face between. The watch for
            other faces is not meant, and cannot be.
        input_share: Side of the wearer's detector picture, as a share of the configured one, 0..1.

    Raises:
        ValueError: A number is out of range.
    """

    name: str
    sharpening: Sharpening = Sharpening.FULL
    sharpen_every: int = 1
    mask: bool = True
    detect_every: int = 1
    input_share: float = 1.0

    def __post_init__(self) -> None:
        if self.sharpen_every < 1 or self.detect_every < 1 or not 0 < self.input_share <= 1:
            raise ValueError(f"The tier {self.name!r} has an interval below 1, or an input that is not in 0..1.")

    @property
    def spending(self) -> tuple[float, ...]:
        """What is spent on each thing; larger is dearer."""
        sharpened, detected = 1 / self.sharpen_every, 1 / self.detect_every
        return (_DEARNESS[self.sharpening], sharpened, float(self.mask), detected, self.input_share)


class Adaptable(Protocol):
    """A part that can spend less on how the picture looks, and do its work all the same."""

    def adapt(self, tier: Tier) -> None:
        """From the next frame on spend no more than `tier` allows.

        It touches nothing about safety: what is withheld, blurred and watched over stays what it was, and of a face
        more may be covered, never less.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ladder:
    """Tiers, best first. Each spends less than the one before on one thing at least, and more on none.

    Raises:
        ValueError: There is no tier, a name comes twice, or a tier is not cheaper than the one before.
    """

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        names = {tier.name for tier in self.tiers}
        if not self.tiers or len(names) != len(self.tiers):
            raise ValueError("A ladder needs at least one tier, and each name once.")
        for above, below in pairwise(self.tiers):
            spent = list(zip(above.spending, below.spending, strict=True))
            if any(less > more for more, less in spent) or all(less == more for more, less in spent):
                raise ValueError(f"The tier {below.name!r} is not cheaper than {above.name!r} above it.")

    @property
    def bottom(self) -> int:
        """Index of the last tier."""
        return len(self.tiers) - 1


def ladder_for(
    *, enhancer: bool, small_enhancer: bool, mask: bool, detects: bool = False, shrinks: bool = False
) -> Ladder:
    """The ladder for what is configured: a step that would change nothing is left out, since it would only cost time.

    Args:
        enhancer: An enhancer is configured.
        small_enhancer: A smaller one is there to take its place.
        mask: A mask network is configured.
        detects: The wearer's detector runs on every frame. One that looks only for who is not followed yet does not,
            nor does one whose findings the watch needs.
        shrinks: The wearer's detector can work on a smaller picture. One of a fixed size takes as long as ever.
    """
    sharpening = Sharpening.SMALL if enhancer and small_enhancer else Sharpening.FULL
    every, seldom = 2 if enhancer else 1, 4 if detects else 1
    halved = Tier("enhancer every 2nd frame", sharpen_every=every)
    smaller = Tier("smaller enhancer", sharpening, every)
    bare = Tier("mask off", sharpening, every, mask=not mask)
    rare = Tier("detect every 4th frame", sharpening, every, mask=not mask, detect_every=seldom)
    small = Tier("smaller input", sharpening, every, mask=not mask, detect_every=seldom, input_share=0.5)
    wanted = (
        (enhancer, halved),
        (enhancer and small_enhancer, smaller),
        (mask, bare),
        (detects, rare),
        (shrinks, small),
    )
    return Ladder((Tier(FULL), *(tier for there, tier in wanted if there)))
