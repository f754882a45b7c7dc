"""What a swapper is given of a persona in this frame: the vector for the angle at which the wearer's head is."""

from typing import Final

from livecam.core.face import Face
from livecam.vision.angles import AngleChoice
from livecam.vision.heading import HeadPose
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.tensor import Floats
from livecam.vision.wearers import Wearers

_MOST: Final = 8
"""Three faces may be followed, and each may wear two personas for a moment."""


class AngleChoices:
    """An `AngleChoice` for each followed face and each persona it wears: while one melts into the next it wears two.

    One thread.
    """

    def __init__(self) -> None:
        self._pose = HeadPose()
        self._choices = Wearers(AngleChoice, _MOST)

    def __call__(self, identity: NeuralIdentity, face: Face, digest: str, now_ns: int) -> Floats:
        """What the network's ``source`` is: `NeuralIdentity.source` itself where a persona has no others.

        Args:
            identity: Of the persona.
            face: The wearer's.
            digest: Of the persona.
            now_ns: The time of the frame.
        """
        if identity.angled is None:
            return identity.source
        return self._choices[face.track_id, digest](identity.angled, self._pose(face), now_ns)

    def clear(self) -> None:
        """Forget every face."""
        self._choices.clear()
