"""Hands before the face in the neural swap, where no occlusion network is configured."""

import cv2

from livecam.core.face import Face, Landmarks
from livecam.core.frame import Image, Matrix
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Swapper
from livecam.core.settings import Settings
from livecam.vision.occlude import Occluder, Shade


class OccluderMasker:
    """A `PlacedMasker` of what an `Occluder` finds, once it has been told to begin. One thread.

    Args:
        occluder: Begun by a `LookingSwapper` on the same frame.
    """

    def __init__(self, occluder: Occluder) -> None:
        self._occluder = occluder
        self._placed: tuple[Shade, Matrix] | None = None

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        """Take the matrix from the frame to the crop.

        Raises:
            ContractError: Too much of the face seems to be covered.
            EngineError: A network failed.
        """
        shade = self._occluder.finish()
        self._placed = None if shade is None else (shade, matrix)

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`; 255 everywhere but where something stands before the face."""
        if self._placed is None:
            out.fill(255)
            return out
        shade, matrix = self._placed
        return cv2.bitwise_not(shade.into(matrix, out), dst=out)  # type: ignore[return-value]


class LookingSwapper:
    """A `Swapper` that has an `Occluder` look at the frame before another one swaps.

    Args:
        swapper: What swaps; its masks hold an `OccluderMasker` of the same occluder.
        occluder: What looks.
    """

    def __init__(self, swapper: Swapper[Image], occluder: Occluder) -> None:
        self._swapper = swapper
        self._occluder = occluder

    def __call__(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        """See `Swapper`."""
        self._occluder.begin(canvas.pixels, face)
        self._swapper(canvas, face, persona, settings)

    def reset(self) -> None:
        """See `Swapper`."""
        self._swapper.reset()
        self._occluder.reset()
