"""One persona melts into the next: for a moment both are painted, and the picture lies between them.

The frame is withheld, as always, where either cannot be painted; at no weight does the wearer's own face show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import NS_PER_MS, Image
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Swapper
from livecam.core.settings import Settings
from livecam.errors import FaceUncovered
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.wearers import Wearers

BUDGET_NS: Final = 20 * NS_PER_MS
"""What one swap may take for two of them to fit into a frame."""


@dataclass(slots=True)
class _Wearing:
    """What one followed face wears.

    Attributes:
        persona: Now; None before the first frame.
        before: The one it melts from; None where it does not.
        since_ns: When that began.
        seen_ns: When it was painted last.
        floor: The privacy floor then.
        cost_ns: What one swap took then.
    """

    persona: Persona | None = None
    before: Persona | None = None
    since_ns: int = 0
    seen_ns: int = 0
    floor: int = 0
    cost_ns: int = 0


class FadingSwapper:
    """A `Swapper` over another one, on the processor, that shows both personas while one follows the other. One thread.

    There is no fade where two swaps would not fit into a frame, nor after what tightened privacy: then the new persona
    is there from one frame to the next, as without this.

    Args:
        inner: Paints one persona.
        fade_ns: How long it takes; 0 for not at all.
        now_ns: The time of the frame at hand.
        clock_ns: Measures what a swap takes.
        budget_ns: What one swap may take.
    """

    def __init__(
        self,
        inner: Swapper[Image],
        fade_ns: int,
        now_ns: Callable[[], int],
        clock_ns: Callable[[], int],
        budget_ns: int = BUDGET_NS,
    ) -> None:
        self._inner = inner
        self._fade_ns = fade_ns
        self._now_ns = now_ns
        self._clock_ns = clock_ns
        self._budget_ns = budget_ns
        self._wearers = Wearers(_Wearing)
        self._scratch = Scratch()

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """Paint `persona` over `face`, and a share of the one before while it melts.

        Raises:
            ContractError, EngineError: As the inner swapper. The canvas is as it was.
        """
        wearing, now_ns = self._wearers[face.track_id], self._now_ns()
        self._note(wearing, persona, settings, now_ns)
        before = wearing.before
        if before is None:
            started_ns = self._clock_ns()
            self._inner(canvas, face, persona, settings)
            wearing.cost_ns = self._clock_ns() - started_ns
            return
        share = (now_ns - wearing.since_ns) / self._fade_ns
        self._melted(canvas, face, (before, persona), settings, share)

    def reset(self) -> None:
        """Forget what was worn, and what the inner swapper learnt."""
        self._wearers.clear()
        self._inner.reset()

    def _note(self, wearing: _Wearing, persona: Persona, settings: Settings, now_ns: int) -> None:
        """Begin a fade, go on with it, or end it."""
        worn, tightened = wearing.persona, wearing.floor != settings.privacy_floor
        if worn is not None and worn.digest != persona.digest:
            # A fade that is cut short goes on from what is seen most of.
            early = wearing.before is not None and now_ns - wearing.since_ns < self._fade_ns / 2
            wearing.before = wearing.before if early else worn
            # It began with the last frame of the one before, so that already this one differs from that.
            wearing.since_ns = wearing.seen_ns
        if tightened or now_ns - wearing.since_ns >= self._fade_ns or wearing.cost_ns > self._budget_ns:
            wearing.before = None
        wearing.persona, wearing.seen_ns, wearing.floor = persona, now_ns, settings.privacy_floor

    def _melted(
        self, canvas: Canvas[Image], face: Face, personas: tuple[Persona, Persona], settings: Settings, share: float
    ) -> None:
        """Paint both of `personas`, the second one by `share`, 0..1."""
        frame = canvas.pixels
        bare, old = (self._scratch(name, frame.shape, np.uint8) for name in ("bare", "old"))
        np.copyto(bare, frame)
        try:
            self._inner(canvas, face, personas[0], settings)
            np.copyto(old, frame)
        except FaceUncovered:
            # The one before cannot be painted on this frame: the new one alone is.
            self._inner(canvas, face, personas[1], settings)
            return
        np.copyto(frame, bare)
        self._inner(canvas, face, personas[1], settings)
        cv2.addWeighted(old, 1 - share, frame, share, 0, dst=frame)
