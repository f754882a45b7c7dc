"""Faces and their landmarks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from livecam.core.frame import Points


class Topology(StrEnum):
    """What the rows of a landmark array mean."""

    FIVE = "five"
    MESH468 = "mesh468"
    FAN68 = "fan68"
    IF106 = "if106"


TOPOLOGY_POINTS = {Topology.FIVE: (5,), Topology.MESH468: (468, 478), Topology.FAN68: (68,), Topology.IF106: (106,)}
"""How many rows each topology may have; the mesh has ten more when irises were found."""

# Corners of the eyes (outer, inner), nose tip and mouth corners in the 468-point mesh, image-left first.
_MESH_FIVE = ((33, 133), (263, 362), (1,), (61,), (291,))
_FAN_FIVE = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47), (30,), (48,), (54,))
_IF106_FIVE = ((38,), (88,), (86,), (52,), (61,))
_MESH_FIRST, _MESH_LAST = (np.array([group[end] for group in _MESH_FIVE]) for end in (0, -1))
_FIVE_FROM = {Topology.MESH468: _MESH_FIVE, Topology.FAN68: _FAN_FIVE, Topology.IF106: _IF106_FIVE}


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Landmarks of one face.

    Attributes:
        points: (N, 2) f32, x and y in px of the frame; N as the topology says.
        topology: What the rows mean.

    Raises:
        ValueError: The array does not fit the topology.
    """

    points: Points
    topology: Topology

    def __post_init__(self) -> None:
        rows = TOPOLOGY_POINTS[self.topology]
        if self.points.ndim != 2 or self.points.shape[1] != 2 or len(self.points) not in rows:
            raise ValueError(f"{self.topology} landmarks have {rows} rows of x, y; got shape {self.points.shape}.")

    @property
    def five(self) -> Points:
        """(5, 2) f32 px: eye centres, nose tip, mouth corners; the image's left before its right."""
        if self.topology is Topology.FIVE:
            return self.points
        groups = _FIVE_FROM[self.topology]
        if self.topology is Topology.MESH468:
            # In every frame, so the quick way: means of two rows, of which some are one and the same.
            five: Points = (self.points[_MESH_FIRST] + self.points[_MESH_LAST]) * np.float32(0.5)
            return five
        return np.stack([self.points[list(group)].mean(axis=0) for group in groups]).astype(np.float32)


class Box(NamedTuple):
    """A box in px of the frame: left, top, right, bottom; it may reach outside the frame."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width in px, never negative."""
        return max(0.0, self.x2 - self.x1)

    @property
    def height(self) -> float:
        """Height in px, never negative."""
        return max(0.0, self.y2 - self.y1)

    @property
    def area(self) -> float:
        """Area in square px."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Middle, as x and y, in px."""
        return ((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)

    def overlap(self, other: "Box") -> float:
        """Area shared with `other`, in square px."""
        shared = Box(max(self.x1, other.x1), max(self.y1, other.y1), min(self.x2, other.x2), min(self.y2, other.y2))
        return shared.area

    def iou(self, other: "Box") -> float:
        """Intersection over union with `other`, 0..1; 0 when both are empty."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def grown(self, share: float) -> "Box":
        """The box with each side moved out by `share` of the box's width or height."""
        dx, dy = self.width * share, self.height * share
        return Box(self.x1 - dx, self.y1 - dy, self.x2 + dx, self.y2 + dy)


def box_of(points: Points) -> Box:
    """The smallest box around (N, >=2) points, px."""
    # By their places: to ask for the values themselves takes twice as long.
    x, y = points[:, 0], points[:, 1]
    return Box(x.item(x.argmin()), y.item(y.argmin()), x.item(x.argmax()), y.item(y.argmax()))


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in one frame, not yet tracked.

    Attributes:
        box: Around the face, px of the frame.
        landmarks: What the detector gives; `five` is derivable.
        score: 0..1.
    """

    box: Box
    landmarks: Landmarks
    score: float


@dataclass(frozen=True, slots=True)
class Face:
    """A tracked face in one frame.

    Attributes:
        box: Around the landmarks, px of the frame.
        landmarks: Smoothed; what is drawn from.
        depth: (N,) f32 px, the landmarks' z towards the scene (smaller is nearer the camera); zeros where the
            landmarker gives none.
        score: 0..1, how sure the landmarker is that there is a face.
        track_id: The same for one person as long as they are followed.
    """

    box: Box
    landmarks: Landmarks
    depth: Points
    score: float
    track_id: int
