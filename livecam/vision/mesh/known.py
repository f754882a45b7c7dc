"""What the mesh swap learns about one followed face."""

from livecam.vision.focus import Focus
from livecam.vision.grain import Grain
from livecam.vision.mesh.relight import Relighter
from livecam.vision.mesh.shape import Neutral
from livecam.vision.mesh.whites import Whites
from livecam.vision.seam import Seam
from livecam.vision.step import STEP, StepClock
from livecam.vision.turned import BY_MESH, Turned

# How far the height of a face may stray before sizes that are rounded to it (of textures, of soft edges) are chosen
# anew: at the border between two of them, they would change with every frame's noise.
_STRAY = 0.03


class Known:
    """One followed face: its proportions, light, focus, seam and grain, and how it was last seen. One thread.

    Args:
        grain: The face's own.
    """

    def __init__(self, grain: Grain) -> None:
        self.neutral = Neutral()
        self.relighter = Relighter()
        self.whites = Whites()
        self.focus = Focus()
        self.seam = Seam()
        self.grain = grain
        self.looks_away = Turned(BY_MESH)
        self.persona = ""
        self._height = 0.0
        self.step, self._clock = STEP, StepClock()

    def tick(self, captured_ns: int | None, steadiness: float) -> None:
        """Note that it is painted in a frame captured then, None where nobody knows; for `step`."""
        self.step = self._clock(captured_ns, steadiness)

    def height(self, height: float) -> float:
        """About the `height` of the face, px: the same for as long as it hardly changes."""
        if abs(height - self._height) > _STRAY * self._height:
            self._height = height
        return self._height

    def wears(self, digest: str) -> None:
        """Note the persona; for another one, all is found anew but the wearer's own shape."""
        if digest == self.persona:
            return
        if self.persona:
            self.relighter, self.whites = Relighter(), Whites()
            self.focus.renew()
            self.seam.reset()
            self.grain.renew()
        self.persona = digest
