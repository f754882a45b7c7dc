"""Which enhancer sharpens which frames: what the governor's tiers mean to the chain on the card."""

from collections.abc import Set

from livecam.core.ladder import Sharpening, Tier
from livecam.vision.swap.paced import Whose


class Pace:
    """The tier's enhancer on every nth frame, its detail carried between; see `livecam.vision.swap.paced`. One thread.

    Args:
        there: The enhancers that there are; `Sharpening.FULL` is one, and stands in for what is not.

    Attributes:
        sharpening: The enhancer of the tier.
    """

    def __init__(self, there: Set[Sharpening]) -> None:
        self._there = there
        self.sharpening = Sharpening.FULL
        self._every = 1
        self._rested = 0
        self._whose: Whose | None = None

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`."""
        chosen = tier.sharpening if tier.sharpening in self._there else Sharpening.FULL
        if chosen is not self.sharpening:
            self.reset()
        self.sharpening, self._every = chosen, tier.sharpen_every

    def reset(self) -> None:
        """Forget the detail of earlier frames."""
        self._whose = None

    def carries(self, whose: Whose) -> bool:
        """Whether this frame gets the detail of an earlier one."""
        return self._whose == whose and self._rested + 1 < self._every

    def done(self, whose: Whose, *, carried: bool) -> None:
        """A frame was sharpened, or got an earlier one's detail, and is sound."""
        self._whose, self._rested = whose, self._rested + 1 if carried else 0
