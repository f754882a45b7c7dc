"""What every landmarker gives."""

from dataclasses import dataclass
from typing import Protocol

from livecam.core.face import Box, Landmarks
from livecam.core.frame import Image, Points


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkFit:
    """What a landmarker found.

    Attributes:
        landmarks: px of the frame.
        score: 0..1, how sure the network is; 1 where it does not say.
    """

    landmarks: Landmarks
    score: float


class Landmarker(Protocol):
    """Finds a face's landmarks. Stateless but for its memory; used by one thread."""

    def __call__(self, image: Image, detection_box: Box, five: Points | None) -> LandmarkFit:
        """The landmarks of the face in `detection_box` of `image`, (H, W, 3) u8 BGR.

        Args:
            image: Only read.
            detection_box: As a detector gives it, px.
            five: The detector's five points, (5, 2) f32 px, where there are any.

        Raises:
            ContractError: There is nothing to look at, or the network gave rubbish.
            EngineError: The backend failed.
        """
        ...
