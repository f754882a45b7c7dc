"""Which enhancer runs, and on which frames: what the governor's tiers mean to the chain."""

from collections.abc import Mapping
from typing import NamedTuple

from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.core.ladder import Sharpening, Tier
from livecam.core.seams import Canvas
from livecam.vision.identity_gate import Key
from livecam.vision.recognise import Embedding
from livecam.vision.swap.keeper import Keeper, Look
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
        keeper: Limits how much is shown, where the face would be less the persona's; None for no limit.
    """

    def __init__(self, sharpeners: Mapping[Sharpening, Sharpener], keeper: Keeper | None = None) -> None:
        self._sharpeners = sharpeners
        self._keeper = keeper
        self._kind = Sharpening.FULL
        self._every = 1
        self._rested = 0
        self._whose: Whose | None = None

    @property
    def _current(self) -> Sharpener:
        return self._sharpeners[self._kind]

    def adapt(self, tier: Tier) -> None:
        """See `Adaptable`."""
        chosen = tier.sharpening if tier.sharpening in self._sharpeners else Sharpening.FULL
        if chosen is not self._kind:
            self.reset()
        self._kind, self._every = chosen, tier.sharpen_every

    def reset(self) -> None:
        """Forget the detail of earlier frames."""
        self._whose = None

    def crop(self, canvas: Canvas[Image], matrix: Matrix) -> Image:
        """See `Sharpener.crop`."""
        return self._current.crop(canvas, matrix)

    def __call__(self, swap: Painting, whose: Whose) -> Painting:
        """What was made of the last `crop`, sharpened by what `whose` says or less; see `Sharpener`."""
        if self._keeper is not None:
            whose = whose._replace(blend=self._keeper.allowed(self._key(whose), whose.blend))
        if self._whose == whose and self._rested + 1 < self._every:
            self._rested += 1
            return self._current.carry(swap)
        # Not before it has worked: what failed leaves no detail.
        follows = self._whose == whose
        self._whose, self._rested = None, 0
        painting = self._current(swap, whose.blend, follows)
        self._whose = whose
        return painting

    def look(self, painting: Painting, five: Points, persona: Embedding) -> None:
        """Have the keeper look at what the last call gave, if it is time to and the enhancer was run for it.

        Args:
            painting: What it gave.
            five: Of the face, (5, 2) f32 px of the frame.
            persona: (L,) f32: whom it is to show; (0,) where that is not known.
        """
        keeper, whose = self._keeper, self._whose
        if keeper is None or whose is None or self._rested or not len(persona) or not keeper.due():
            return
        plain, sharp = self._current.compared()
        keeper.look(Look(self._key(whose), whose.blend, plain, sharp, transform(painting.matrix, five), persona))

    def _key(self, whose: Whose) -> Key:
        return Key(whose.persona, self._kind)
