"""Which enhancer runs, and on which frames: what the governor's tiers mean to the chain."""

from collections.abc import Mapping
from typing import NamedTuple

from livecam.core.frame import Image, Matrix
from livecam.core.ladder import Sharpening, Tier
from livecam.core.seams import Canvas
from livecam.vision.swap.sharpen import Painting, Sharpener


class Whose(NamedTuple):
    """What must be the same from frame to frame for one frame's detail to be right on the next.

    Attributes:
        track_id: Of the followed face.
        persona: Digest of what it wears.
        blend: 0..1, how much of the sharpened face is shown.
    """

    track_id: int
    persona: str
    blend: float


class PacedSharpener:
    """Runs the tier's enhancer on every nth frame; between, each swap gets the detail that was found last.

    So sharpness does not come and go fifteen times a second, as it would if the frames between were shown unsharpened;
    and what is shown is always this frame's swap, never an earlier face. One thread.

    Args:
        sharpeners: By the tier's word; `Sharpening.FULL` is there, and stands in for what is not.
    """

    def __init__(self, sharpeners: Mapping[Sharpening, Sharpener]) -> None:
        self._sharpeners = sharpeners
        self._current = sharpeners[Sharpening.FULL]
        self._every = 1
        self._rested = 0
        self._whose: Whose | None = None

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`."""
        chosen = self._sharpeners.get(tier.sharpening, self._sharpeners[Sharpening.FULL])
        if chosen is not self._current:
            self.reset()
        self._current, self._every = chosen, tier.sharpen_every

    def reset(self) -> None:
        """Forget the detail of earlier frames."""
        self._whose = None

    def crop(self, canvas: Canvas[Image], matrix: Matrix) -> Image:
        """See `Sharpener.crop`."""
        return self._current.crop(canvas, matrix)

    def __call__(self, swap: Painting, whose: Whose) -> Painting:
        """What was made of the last `crop`, sharpened; see `Sharpener`."""
        if self._whose == whose and self._rested + 1 < self._every:
            self._rested += 1
            return self._current.carry(swap)
        # Not before it has worked: what failed leaves no detail.
        follows = self._whose == whose
        self._whose, self._rested = None, 0
        painting = self._current(swap, whose.blend, follows)
        self._whose = whose
        return painting
