"""One face followed by detections: the rules, where it is and where it should be, how flow carries it, who it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from livecam.core.face import Box, Detection, Face, Landmarks, box_of
from livecam.core.frame import Image, Matrix, Points
from livecam.vision.associate import Look, LookRules, Looks, TellApart, is_another, tells, word
from livecam.vision.carry import SparseCarrier
from livecam.vision.predict import Motion, Place
from livecam.vision.smooth import FaceFilter

# What a recogniser's word counts: more than overlap and looks together.
_WORD: Final = 2.0


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


@dataclass(slots=True)
class Seen:
    """A detection and what it is told by.

    Attributes:
        detection: Where it is.
        look: Its small look; None where there is nothing to see.
        person: What the recogniser says of it; None where it was not asked, cannot tell, or is missing.
        asked: Whether it was asked.
    """

    detection: Detection
    look: Look | None
    person: Look | None = None
    asked: bool = False


class Teller:
    """Tells whose a detection is. Keeps nothing between frames.

    Args:
        rules: What looks tell, and the recogniser.
        tell_apart: A recogniser; may be missing. What asks it raises `EngineError` and `ContractError` where it fails.

    Attributes:
        asks: Whether there is one.
    """

    def __init__(self, rules: LookRules, tell_apart: TellApart | None) -> None:
        self._rules = rules
        self._tell_apart = tell_apart
        self.asks = tell_apart is not None

    def ask(self, image: Image, one: Seen) -> None:
        """Ask the recogniser about a detection, once."""
        if self._tell_apart is None or one.asked:
            return
        detection = one.detection
        depth = np.zeros(len(detection.landmarks.points), dtype=np.float32)
        one.person = self._tell_apart(image, Face(detection.box, detection.landmarks, depth, detection.score, 0))
        one.asked = True

    def ask_where_close(
        self, image: Image, tracks: Sequence[Followed], found: Sequence[Seen], overlaps: Sequence[Sequence[bool]]
    ) -> None:
        """Ask the recogniser about faces that may be one's or another's, or are where somebody hidden was.

        Args:
            image: The frame.
            tracks: Who is followed.
            found: What was detected.
            overlaps: For each track and each detection, whether it may be that.
        """
        for column, one in enumerate(found):
            rows = [row for row, overlap in enumerate(overlaps) if overlap[column]]
            owner = max(rows, key=lambda row: tracks[row].looks.like(one.look) or 0.0, default=None)
            if owner is None:
                continue
            rivals = [tracks[row].looks.like(one.look) for row in rows if row != owner]
            others = [other for other, may in zip(found, overlaps[owner], strict=True) if may and other is not one]
            rivals += [tracks[owner].looks.like(other.look) for other in others]
            sure = not rivals or tells(tracks[owner].looks.like(one.look), rivals, self._rules)
            if tracks[owner].hidden or not sure:
                self.ask(image, one)

    def likeness(self, track: Followed, one: Seen) -> float:
        """How alike a detection is to a track, as it counts beside overlap."""
        said = word(track, one.person, self._rules)
        if said is None:
            return track.looks.like(one.look) or 0.0
        return _WORD if said else -_WORD

    def is_other(self, track: Followed, tracks: Sequence[Followed], one: Seen) -> bool:
        """Whether a detection is not known as the track that it overlaps, or looks like another of `tracks`."""
        others = [other for other in tracks if other is not track]
        if is_another(track, others, one.person, self._rules):
            return True
        said = word(track, one.person, self._rules)
        if said is not None:
            return not said
        if not others:
            return False
        like = track.looks.like(one.look) or 0.0
        best = max(other.looks.like(one.look) or 0.0 for other in others)
        unlike = track.hidden and 0 < like < self._rules.doubtful
        return unlike or (like < self._rules.same and best > like + self._rules.margin)

    def introduce_late(self, image: Image, track: Followed, like: float | None) -> None:
        """Ask again about whom the recogniser could not tell when the track began: too small, or turned away.

        Args:
            image: The frame.
            track: Found in it.
            like: How alike it is to what is known of it; None where that cannot be told, and nothing is learnt.
        """
        if self.asks and like is not None and track.persons.empty:
            seen = Seen(track.detection, None)
            self.ask(image, seen)
            track.persons.learn(seen.person)


def moved(detection: Detection, matrix: Matrix) -> Detection:
    """A detection carried by a similarity; its box stays upright."""
    points: Points = (detection.landmarks.points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    x, y = matrix[:, :2] @ detection.box.centre + matrix[:, 2]
    grown = math.hypot(matrix[0, 0], matrix[1, 0]) / 2
    half_width, half_height = detection.box.width * grown, detection.box.height * grown
    box = Box(float(x - half_width), float(y - half_height), float(x + half_width), float(y + half_height))
    return replace(detection, box=box, landmarks=Landmarks(points, detection.landmarks.topology))
