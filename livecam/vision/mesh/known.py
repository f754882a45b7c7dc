"""What the mesh swap learns about one followed face."""

from livecam.vision.grain import Grain
from livecam.vision.mesh.relight import Relighter
from livecam.vision.mesh.shape import Neutral
from livecam.vision.seam import Seam

# How far the height of a face may stray before sizes that are rounded to it (of textures, of soft edges) are chosen
# anew: at the border between two of them, they would change with every frame's noise.
_STRAY = 0.03
# Degrees. A face turned further away is no longer the persona's and is not painted; to be painted again it has to turn
# back a little more, so that the picture does not come and go at the border.
_AWAY, _BACK = 52.0, 47.0


class Known:
    """One followed face: its proportions, its light, its seam, its grain, and how it was last seen. One thread.

    Args:
        grain: The face's own.
    """

    def __init__(self, grain: Grain) -> None:
        self.neutral = Neutral()
        self.relighter = Relighter()
        self.seam = Seam()
        self.grain = grain
        self.persona = ""
        self._height = 0.0
        self._away = False

    def looks_away(self, turn: float) -> bool:
        """Whether a face turned by so many degrees is turned too far; it is for longer once it was."""
        self._away = turn > (_BACK if self._away else _AWAY)
        return self._away

    def height(self, height: float) -> float:
        """About the `height` of the face, px: the same for as long as it hardly changes."""
        if abs(height - self._height) > _STRAY * self._height:
            self._height = height
        return self._height

    def wears(self, digest: str) -> None:
        """Note the persona; light, seam and grain of another one are found anew, the wearer's own shape is not."""
        if digest != self.persona:
            self.persona, self.relighter = digest, Relighter()
            self.seam.reset()
            self.grain.reset()
