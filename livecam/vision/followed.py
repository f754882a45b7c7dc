"""One face followed by detections: the rules, where it is and where it should be, and how it is carried by flow."""

import math
from dataclasses import dataclass, replace

import numpy as np

from livecam.core.face import Box, Detection, Face, Landmarks, box_of
from livecam.core.frame import Matrix, Points
from livecam.vision.associate import Looks
from livecam.vision.carry import SparseCarrier
from livecam.vision.predict import Motion, Place
from livecam.vision.smooth import FaceFilter


@dataclass(frozen=True, slots=True)
class FollowRules:
    """When a face counts as found, and when as lost.

    Attributes:
        detect_every: Frames from one detection to the next; 1 where the detector costs little.
        score: A detection counts from here for somebody who is not followed yet.
        known_score: And from here for somebody who is.
        trust: Below this share of points that agree, a face carried by flow counts as lost.
        jump: In sizes of the face: farther than this it has not been carried from one frame to the next.
        overlap: Intersection over union from which a detection may be a followed face; below nobody is anybody.
        patience_s: A face is given up when no detection has confirmed it for this long.
        memory_s: A face found again within this time, about where it was lost, is the same one.
        absence_s: One that looks the same is, within this time, wherever it is; and for so long nobody takes the place
            of somebody who was lost from sight behind another face.
    """

    detect_every: int = 5
    score: float = 0.5
    known_score: float = 0.35
    trust: float = 0.4
    jump: float = 0.35
    overlap: float = 0.3
    patience_s: float = 0.25
    memory_s: float = 0.3
    absence_s: float = 2.0


class Followed:
    """One followed face. `number` is its id; numbers rise, so a smaller one has been followed for longer."""

    def __init__(self, number: int, begun_ns: int) -> None:
        self.number = number
        self.begun_ns = begun_ns
        self.looks = Looks()
        self.persons = Looks()
        self.motion = Motion()
        self.carrier = SparseCarrier()
        self.hidden = False
        self._filter = FaceFilter()

    def take(self, detection: Detection, captured_ns: int, confirmed: bool) -> None:
        """Go on with what was found in a new frame, by the detector or by the flow."""
        self.detection, self.captured_ns = detection, captured_ns
        if confirmed:
            self.confirmed_ns = captured_ns
        self.hidden = False
        self.motion.learn(Place.of_box(detection.box), captured_ns)

    def become(self, other: "Followed") -> None:
        """Be who `other` was: this face is theirs, found again."""
        self.number, self.looks, self.persons = other.number, other.looks, other.persons

    def expected(self, ns: int) -> Box:
        """Where it should be by now: its last box, moved and sized as its motion says; as it was while hidden."""
        place, box = self.motion.at(ns), self.detection.box
        if place is None or self.hidden:
            return box
        grown = place.size / max(box.width, box.height, 1.0)
        half_width, half_height = box.width * grown / 2, box.height * grown / 2
        return Box(place.x - half_width, place.y - half_height, place.x + half_width, place.y + half_height)

    def face(self, steadiness: float, horizon_s: float) -> Face:
        """The face, smoothed. Once per frame."""
        detection = self.detection
        box, points = detection.box, detection.landmarks.points
        corners = np.array([[box.x1, box.y1], [box.x2, box.y2]], dtype=np.float32)
        five = detection.landmarks.five
        rows = self._filter(np.vstack([points, corners]), five, self.captured_ns, steadiness, horizon_s)
        landmarks = Landmarks(np.ascontiguousarray(rows[:-2]), detection.landmarks.topology)
        depth = np.zeros(len(points), dtype=np.float32)
        return Face(box_of(rows[-2:]), landmarks, depth, detection.score, self.number)


def moved(detection: Detection, matrix: Matrix) -> Detection:
    """A detection carried by a similarity; its box stays upright."""
    points: Points = (detection.landmarks.points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    x, y = matrix[:, :2] @ detection.box.centre + matrix[:, 2]
    grown = math.hypot(matrix[0, 0], matrix[1, 0]) / 2
    half_width, half_height = detection.box.width * grown, detection.box.height * grown
    box = Box(float(x - half_width), float(y - half_height), float(x + half_width), float(y + half_height))
    return replace(detection, box=box, landmarks=Landmarks(points, detection.landmarks.topology))
