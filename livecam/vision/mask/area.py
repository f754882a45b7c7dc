"""Area masks: a part of the face between landmarks (MODELS.md F.3)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.errors import ContractError
from livecam.vision.mask.soft import Softener
from livecam.vision.mesh.scratch import Scratch

_SUBPIXEL_BITS = 4


class Area(StrEnum):
    """A part of the face."""

    UPPER_FACE = "upper-face"
    LOWER_FACE = "lower-face"
    MOUTH = "mouth"


_ROWS: Final = {
    Area.UPPER_FACE: (0, 1, 2, 31, 32, 33, 34, 35, 14, 15, 16, *range(26, 16, -1)),
    Area.LOWER_FACE: (*range(3, 14), *range(35, 30, -1)),
    Area.MOUTH: tuple(range(48, 68)),
}

# The mesh landmark at the place of each of the 68 points, image-left first as in both conventions. Eyes, lips and
# nose have true counterparts. The jaw takes every second or third vertex of the mesh's oval from ear to ear through
# the chin (152), in mirrored pairs; brows take the middle row of the mesh's brow.
MESH_TO_FAN68: Final = (
    *(127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356),  # 0..16 jaw
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # 17..26 brows
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),  # 27..35 bridge and base of the nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # 36..47 eyes
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # 48..59 outer lips
    *(78, 82, 13, 312, 308, 317, 14, 87),  # 60..67 inner lips
)
"""Row i: the row of the 468-point mesh that stands for point i of 68."""


def points68(landmarks: Landmarks) -> Points:
    """(68, 2) f32 px: the 68 points of a face whose landmarks are such points or a mesh.

    Raises:
        ContractError: They are too few.
    """
    if landmarks.topology is Topology.FAN68:
        return landmarks.points
    if landmarks.topology is Topology.MESH468:
        return landmarks.points[list(MESH_TO_FAN68)]
    raise ContractError(
        f"Area masks need 68 landmarks or a mesh, not {landmarks.topology}.", "Choose another landmarker."
    )


class AreaMasker:
    """A `Masker` of parts of the face. It has to be told where they are, in each frame. One thread.

    Args:
        areas: At least one; what lies between two of them belongs to both, as in facefusion.

    Raises:
        ValueError: There is none.
    """

    def __init__(self, areas: Sequence[Area]) -> None:
        if not areas:
            raise ValueError("An area mask needs at least one area.")
        self._rows = sorted({row for area in areas for row in _ROWS[area]})
        self._hull: cv2.typing.MatLike | None = None
        self._scratch = Scratch()
        self._soften = Softener()

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        """Take the face's landmarks, px of the frame, and the matrix from there to the crop.

        Raises:
            ContractError: The landmarks are too few.
        """
        spots = transform(matrix, points68(landmarks)[self._rows])
        fine = np.rint(spots * np.float32(1 << _SUBPIXEL_BITS)).astype(np.int32)
        self._hull = cv2.convexHull(fine)

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`; the areas lie where `place` last said, and without that nowhere: a `ContractError`."""
        if self._hull is None:
            raise ContractError("An area mask was asked for before it was told where the face lies.")
        drawn = self._scratch("drawn", out.shape, np.uint8)
        drawn.fill(0)
        cv2.fillConvexPoly(drawn, self._hull, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        share = self._scratch("share", out.shape, np.float32)
        np.multiply(drawn, np.float32(1 / 255), out=share)
        return self._soften(share, out)
