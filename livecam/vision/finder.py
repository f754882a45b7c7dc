"""Finding faces that nobody follows yet, and the rules by which a face counts as found or lost."""

from dataclasses import dataclass

from livecam.core.face import Detection
from livecam.core.frame import Image
from livecam.core.seams import Detector


@dataclass(frozen=True, slots=True)
class TrackRules:
    """When a face counts as found, and when as lost.

    Attributes:
        score: A detection counts from here.
        firm: The near detector is believed from here; below, the far one must see the same face, as the near one takes
            blurred walls for faces at up to 0.56 (measured).
        far_score: What the far detector must give the face it is asked about.
        presence: The landmarker must be surer than this that it sees a face.
        jump: A region may move this share of the face's size from one frame to the next.
        far: What has gone further than this from one frame to the next is looked at a second time, in a square around
            it: found at the edge of one, the mesh is off by up to 4 % of the face's height.
        growth: A region may grow or shrink by this factor from one frame to the next.
        memory_s: A face found again within this time, about where it was lost, is the same one.
        absence_s: One that looks the same is the same one within this time, wherever it is; and for so long nobody
            takes the place of somebody who was lost from sight behind another face.
        same_place: What "about where it was" means: intersection over union of the boxes.
        small: Below this share of the frame's longer side the far detector has its say. The short-range one sees
            nothing smaller than a tenth (measured: 1280x720, faces of 130 px).
        far_every: While nobody is there, this many looks to one of the far detector, which costs twice as much.
        join_every: While there is room for more faces, this many frames to one look for them.
        hidden_every: The same while somebody who was followed is out of sight.
    """

    score: float = 0.5
    firm: float = 0.75
    far_score: float = 0.35
    presence: float = 0.5
    jump: float = 0.5
    far: float = 0.15
    growth: float = 1.5
    memory_s: float = 0.3
    absence_s: float = 2.0
    same_place: float = 0.3
    small: float = 0.15
    far_every: int = 4
    join_every: int = 8
    hidden_every: int = 3


class FaceFinder:
    """Detects faces that nobody follows yet, and keeps an empty room cheap.

    The first look uses both detectors if it must. From then on each look uses one: the near detector, and every few
    looks the far one, until `reset` says that somebody was there.
    """

    def __init__(self, near: Detector, far: Detector, rules: TrackRules) -> None:
        self._near = near
        self._far = far
        self._rules = rules
        self._looks = 0

    def __call__(self, image: Image) -> list[Detection]:
        """Faces in `image`, (H, W, 3) u8 BGR, largest first."""
        look, self._looks = self._looks, self._looks + 1
        if look == 0:
            found = self._thoroughly(image)
        else:
            detector = self._near if look % self._rules.far_every else self._far
            found = detector(image, self._rules.score)
            found = self._confirmed(image, found) if detector is self._near else found
        return sorted(found, key=lambda detection: detection.box.area, reverse=True)

    def reset(self) -> None:
        """Somebody was there until now, or the scene is a new one: look thoroughly next time."""
        self._looks = 0

    def _thoroughly(self, image: Image) -> list[Detection]:
        """What the near detector finds, or, where that is nothing or small, what the far one finds."""
        found = self._confirmed(image, self._near(image, self._rules.score))
        small = self._rules.small * max(image.shape[:2])
        if all(detection.box.height < small for detection in found):
            found = self._far(image, self._rules.score) or found
        return found

    def _confirmed(self, image: Image, found: list[Detection]) -> list[Detection]:
        """Those of the near detector's finds that are sure, or that the far one sees too."""
        if all(detection.score >= self._rules.firm for detection in found):
            return found
        seen = self._far(image, self._rules.far_score)
        return [
            detection
            for detection in found
            if detection.score >= self._rules.firm
            or any(detection.box.iou(other.box) >= self._rules.same_place for other in seen)
        ]
