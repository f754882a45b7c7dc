"""What a face does, told from its mesh: how far mouth and eyes are open, where the head points."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.landmarks import MeshLandmarker, Roi
from livecam.vision.mesh.pose import Angles
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY, Pair, rigid_fitter

OUTER_CORNERS: Final = (33, 263)
"""Outer corners of the eyes, whose distance is the unit of landmark agreement."""

_EYES: Final = np.concatenate(TOPOLOGY.eyes)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Mean distance of two meshes of a face, % of the distance of the outer corners of the eyes.

    Attributes:
        overall: Of all landmarks of the face.
        mouth: Of the lips.
        eyes: Of the rings around the eyes.
    """

    overall: float
    mouth: float
    eyes: float


class Finder:
    """Finds the mesh again in finished pictures, knowing about where it should be. Smooths nothing; one thread.

    Args:
        landmarker: With an engine of its own.
    """

    def __init__(self, landmarker: MeshLandmarker) -> None:
        self._landmarker = landmarker

    def __call__(self, image: Image, about: Points) -> Points:
        """(478, 3) f32 px: the mesh in `image`, (H, W, 3) u8 BGR, of the face `about` these (N, >=2) mesh points."""
        return self._landmarker(image, Roi.from_points(about)).points


def agreement(one: Points, other: Points) -> Agreement:
    """How far `other`, (N, >=2) f32 px, lies from `one`."""
    off = np.linalg.norm(other[:LANDMARKS, :2] - one[:LANDMARKS, :2], axis=1)
    left, right = OUTER_CORNERS
    unit = 100 / max(float(np.linalg.norm(one[left, :2] - one[right, :2])), 1.0)
    return Agreement(*(unit * float(part.mean()) for part in (off, off[TOPOLOGY.lips], off[_EYES])))


def mouth_opening(points: Points) -> float:
    """Mean gap of the inner lips over the distance of the outer corners of the eyes."""
    left, right = OUTER_CORNERS
    return _gap(points, TOPOLOGY.lip_pair) / max(float(np.linalg.norm(points[left, :2] - points[right, :2])), 1.0)


def eye_opening(points: Points) -> float:
    """Mean gap of the lids over the widths of the eyes."""
    widths = [float(np.linalg.norm(points[ring[0], :2] - points[ring[8], :2])) for ring in TOPOLOGY.eyes]
    gaps = [_gap(points, pair) for pair in TOPOLOGY.lid_pairs]
    return sum(gaps) / max(sum(widths), 1.0)


def head_angles(points: Points) -> Angles:
    """Where the head points, degrees, told from what expressions hardly move."""
    return _FITTER(points).angles


def turn_between(one: Points, other: Points) -> float:
    """Degrees of the one turn that takes the head of (N, 3) mesh points to another's."""
    rotation: npt.NDArray[np.float64] = _FITTER(one).rotation.T @ _FITTER(other).rotation
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


_FITTER: Final = rigid_fitter()


def _gap(points: Points, pair: Pair) -> float:
    return float(np.linalg.norm(points[pair.upper, :2] - points[pair.lower, :2], axis=1).mean())
