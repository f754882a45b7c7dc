"""Mouth keep: an open mouth shows the wearer's own teeth and tongue, which no swapper draws as well."""

from typing import Final

import cv2
import numpy as np

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.errors import ContractError
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY

# Rows around the mouth's opening, and the pairs of rows that lie across from one another near its middle.
_RINGS: Final = {Topology.MESH468: tuple(TOPOLOGY.mouth.tolist()), Topology.FAN68: tuple(range(60, 68))}
_ACROSS: Final = {Topology.MESH468: ((82, 13, 312), (87, 14, 317)), Topology.FAN68: ((61, 62, 63), (67, 66, 65))}
# Openness at which the wearer's mouth begins to show, and from which it shows fully. Seen with mesh landmarks in
# clips of five people: closed lips below 0.003, speech and smiles 0.05 to 0.3, wide open 0.6.
_FROM, _FULL = 0.04, 0.12
# Of the mouth's width: sigma of the blur. The edge is about twice as wide, and lies inside the lips.
_FEATHER, _LEAST_SIGMA = 0.02, 0.5
_SUBPIXEL_BITS = 4


def openness(landmarks: Landmarks) -> float:
    """How far the mouth is open: the gap between the inner lips over the distance from the eyes to the mouth.

    Measured along the face's length, so that turning the head to a side does not open the mouth.

    Raises:
        ContractError: The landmarks do not show the inner lips.
    """
    _rings_of(landmarks)
    upper, lower = (landmarks.points[list(rows)] for rows in _ACROSS[landmarks.topology])
    five = landmarks.five
    length = float(np.linalg.norm(five[3:].mean(axis=0) - five[:2].mean(axis=0)))
    return float(np.linalg.norm(lower - upper, axis=1).mean()) / max(length, 1.0)


class MouthKeeper:
    """A `Masker` that leaves an open mouth to the wearer. It has to be told where it is, in each frame. One thread.

    The frame's own pixels show through, at the frame's resolution. The opening fades in as the mouth opens: nothing
    pops when somebody begins to speak.
    """

    def __init__(self) -> None:
        self._ring: Points | None = None
        self._share = 0.0
        self._scratch = Scratch()

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        """Take the face's landmarks, px of the frame, and the matrix from there to the crop.

        Raises:
            ContractError: The landmarks do not show the inner lips.
        """
        rows = _rings_of(landmarks)
        self._share = _smooth((openness(landmarks) - _FROM) / (_FULL - _FROM))
        self._ring = transform(matrix, landmarks.points[list(rows)])

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`; 255 but for the opening, and 255 everywhere before `place` was called."""
        out.fill(255)
        if self._ring is None or self._share == 0.0:
            return out
        left, top = np.maximum(np.floor(self._ring.min(axis=0)).astype(int) - 2, 0)
        right, bottom = np.ceil(self._ring.max(axis=0)).astype(int) + 3
        view = out[top:bottom, left:right]
        if view.size:
            self._cut(view, self._ring - np.array((left, top), dtype=np.float32))
        return out

    def _cut(self, view: Image, ring: Points) -> None:
        """Write ``255 (1 - share * soft)`` into `view`, soft being the inside of `ring`, softened inwards."""
        hole = self._scratch("hole", view.shape, np.uint8)
        hole.fill(0)
        fine = np.rint(ring * np.float32(1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(hole, [fine], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        blurred = self._scratch("blurred", view.shape, np.uint8)
        width = float(np.linalg.norm(ring[len(ring) // 2] - ring[0]))
        cv2.GaussianBlur(hole, (0, 0), max(_FEATHER * width, _LEAST_SIGMA), dst=blurred)
        cv2.addWeighted(blurred, 2.0, blurred, 0.0, -255.0, dst=blurred)
        cv2.min(blurred, hole, dst=blurred)
        cv2.addWeighted(blurred, -self._share, blurred, 0.0, 255.0, dst=blurred)
        np.copyto(view, blurred)


def _rings_of(landmarks: Landmarks) -> tuple[int, ...]:
    """Rows around the mouth's opening.

    Raises:
        ContractError: The landmarks do not show the inner lips.
    """
    rows = _RINGS.get(landmarks.topology)
    if rows is None:
        raise ContractError(
            f"Keeping the mouth needs 68 landmarks or a mesh, not {landmarks.topology}.", "Choose another landmarker."
        )
    return rows


def _smooth(share: float) -> float:
    """`share` cut to 0..1, with a smooth start and end."""
    cut = min(max(share, 0.0), 1.0)
    return cut * cut * (3 - 2 * cut)
