"""One followed face: where it is, where it is going, what it looks like."""

import math
from typing import NamedTuple

import numpy as np

from livecam.core.ahead import Ahead
from livecam.core.face import Box, Face, Landmarks, Topology, box_of
from livecam.core.frame import Image
from livecam.vision.associate import Look, Looks, small_look
from livecam.vision.flow import FlowCarrier
from livecam.vision.mesh.landmarks import MESH_ROWS, MeshFit, Roi
from livecam.vision.predict import Motion, Place


class Found(NamedTuple):
    """A face that the landmarker sees in this frame: its mesh, its box, and the region it gives for the next frame."""

    roi: Roi
    fit: MeshFit
    box: Box

    @classmethod
    def of(cls, fit: MeshFit) -> "Found":
        """From what the landmarker gave; its points must be finite."""
        box = box_of(fit.points[:MESH_ROWS])
        return cls(Roi.level_with(box, fit.points), fit, box)


class Track:
    """One followed face. `number` is its id; numbers rise, so a smaller one has been followed for longer."""

    def __init__(self, number: int, found: Found, captured_ns: int, ahead: Ahead) -> None:
        self.number = number
        self.begun_ns = captured_ns
        self.looks = Looks()
        self.persons = Looks()
        self.motion = Motion()
        self._carrier = FlowCarrier(ahead=ahead)
        self.look = self._carrier.look
        self.take(found, captured_ns)

    def take(self, found: Found, captured_ns: int) -> None:
        """Go on with what was found in a new frame."""
        self.roi, self.fit, self.box, self.captured_ns = found.roi, found.fit, found.box, captured_ns
        self.motion.learn(Place.of_box(found.box), captured_ns)

    def become(self, other: "Track") -> None:
        """Be who `other` was: this face is theirs, found again."""
        self.number, self.looks, self.persons = other.number, other.looks, other.persons

    def surprise(self, found: Found, captured_ns: int) -> float:
        """How far, in sizes of the face, `found` is from where this face was going."""
        expected = self.motion.at(captured_ns)
        return math.inf if expected is None else expected.distance(Place.of_box(found.box))

    def small_look(self, image: Image) -> Look | None:
        """What it looks like in `image`, in which it was found last."""
        return look_of(image, self.fit)

    def face(self, steadiness: float) -> Face:
        """The face, steadied. Once per frame."""
        points = self._carrier(self.fit.points, self.fit.crop, self.captured_ns, steadiness)
        box = box_of(points[:MESH_ROWS])
        # The next square is cut around steady points: a still square makes the network's own noise smaller.
        self.roi = Roi.level_with(box, points)
        landmarks = Landmarks(np.ascontiguousarray(points[:, :2]), Topology.MESH468)
        depth = np.ascontiguousarray(points[:, 2])
        return Face(box, landmarks, depth, self.fit.presence, self.number)


def look_of(image: Image, fit: MeshFit) -> Look | None:
    """What the face of `fit` looks like in `image`; None where there is nothing to see."""
    return small_look(image, Landmarks(np.ascontiguousarray(fit.points[:, :2]), Topology.MESH468).five)
