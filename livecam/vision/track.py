"""Following faces: the landmarker in the region of the frame before, and a detector only when nobody is followed."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livecam.core.ahead import Ahead
from livecam.core.face import Box, Detection, Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Detector
from livecam.vision.flow import FlowCarrier
from livecam.vision.mesh.landmarks import MESH_ROWS, Crop, MeshFit, Roi
from livecam.vision.mesh.pose import PoseFitter
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.smooth import PoseSpaceFilter

# What of the steadiness the filter gets, which makes more lag than the flow for the same calm; the flow gets all.
_FILTERED = 0.3


class Landmarker(Protocol):
    """Finds the mesh of the face in a square of the frame."""

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        """The mesh in `roi` of `image`, (H, W, 3) u8 BGR; `on_crop` is told what is looked at, before the search."""
        ...


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
        growth: A region may grow or shrink by this factor from one frame to the next.
        memory_s: A face found again within this time, about where it was lost, is the same one.
        same_place: What "about where it was" means: intersection over union of the boxes.
        small: Below this share of the frame's longer side the far detector has its say. The short-range one sees
            nothing smaller than a tenth (measured: 1280x720, faces of 130 px).
        far_every: While nobody is there, this many looks to one of the far detector, which costs twice as much.
        join_every: While there is room for more faces, this many frames to one look for them.
    """

    score: float = 0.5
    firm: float = 0.75
    far_score: float = 0.35
    presence: float = 0.5
    jump: float = 0.5
    growth: float = 1.5
    memory_s: float = 0.3
    same_place: float = 0.3
    small: float = 0.15
    far_every: int = 4
    join_every: int = 15


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


@dataclass(frozen=True, slots=True)
class _Parts:
    """What all tracks share."""

    fitter: PoseFitter
    ahead: Ahead


class _Track:
    """One followed face. `number` is its id; numbers rise, so a smaller one has been followed for longer."""

    def __init__(self, number: int, roi: Roi, fit: MeshFit, captured_ns: int, parts: _Parts) -> None:
        self.number = number
        self._filter = PoseSpaceFilter(parts.fitter)
        self._carrier = FlowCarrier(ahead=parts.ahead)
        self.look = self._carrier.look
        self.take(roi, fit, captured_ns)

    def take(self, roi: Roi, fit: MeshFit, captured_ns: int) -> None:
        """Go on with what was found in a new frame."""
        self.roi, self.fit, self.captured_ns = roi, fit, captured_ns
        self.box = box_of(fit.points[:MESH_ROWS])

    def face(self, steadiness: float) -> Face:
        """The face, smoothed. Once per frame."""
        points = self._filter(self.fit.points, self.captured_ns, steadiness * _FILTERED)
        points = self._carrier(points, self.fit.crop, self.captured_ns, steadiness)
        landmarks = Landmarks(np.ascontiguousarray(points[:, :2]), Topology.MESH468)
        depth = np.ascontiguousarray(points[:, 2])
        return Face(box_of(points[:MESH_ROWS]), landmarks, depth, self.fit.presence, self.number)


class MeshFollower:
    """A `Follower` of the mesh engine.

    A followed face is found in each frame from its region in the frame before. A track ends when the landmarker is
    no longer sure, when it returns nonsense, or when the region jumps; the frame is then searched at once, so that a
    lost face costs time and no frame. A new track takes the largest face, wherever it is, and keeps it.

    Args:
        detector: For near faces.
        far_detector: For far ones.
        landmarker: Finds the mesh.
        max_faces: How many faces to follow.
        rules: When a face counts as found or lost.
    """

    def __init__(
        self,
        detector: Detector,
        far_detector: Detector,
        landmarker: Landmarker,
        max_faces: int = 1,
        rules: TrackRules | None = None,
    ) -> None:
        self._rules = rules or TrackRules()
        self._finder = FaceFinder(detector, far_detector, self._rules)
        self._landmarker = landmarker
        self._max_faces = max_faces
        # Fitted on the whole face, not on its rigid part: the filter gives the pose back as it took it, and noise in
        # a pose fitted on few points would go past the filter of the shape (measured: 4 % more flicker).
        self._parts = _Parts(PoseFitter(TOPOLOGY.canonical.astype(np.float64)), Ahead("livecam-flow"))
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._frames = 0
        self._numbers = 0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """The faces followed into `image`, (H, W, 3) u8 BGR, longest first, then largest.

        Args:
            image: The frame.
            captured_ns: Its capture time; the time step is taken from it.
            steadiness: 0..1, see `PoseSpaceFilter`.

        Raises:
            EngineError: A network failed.
        """
        self._frames += 1
        self._forget_old(captured_ns)
        self._follow(image, captured_ns)
        self._search(image, captured_ns)
        return tuple(track.face(steadiness) for track in sorted(self._tracks, key=lambda track: track.number))

    def reset(self) -> None:
        """Forget everything: the source was opened again. Numbers of tracks are not used again."""
        self._tracks.clear()
        self._lost.clear()
        self._finder.reset()

    def _forget_old(self, captured_ns: int) -> None:
        """End what was last seen too long ago, or in the future: after a gap it may be somebody else."""
        longest_ns = int(self._rules.memory_s * NS_PER_S)
        self._tracks = [track for track in self._tracks if 0 <= captured_ns - track.captured_ns <= longest_ns]
        self._lost = [track for track in self._lost if 0 <= captured_ns - track.captured_ns <= longest_ns]

    def _follow(self, image: Image, captured_ns: int) -> None:
        """Find each followed face in the new frame; those that are not there become lost."""
        followed: list[_Track] = []
        for track in self._tracks:
            found = self._look(image, track.roi, track.look)
            if found is None or _same(box_of(found[1].points[:MESH_ROWS]), followed):
                self._lost.append(track)
                self._finder.reset()
            else:
                track.take(*found, captured_ns)
                followed.append(track)
        self._tracks = followed

    def _search(self, image: Image, captured_ns: int) -> None:
        """Start tracks for faces that are not followed, as far as there is room."""
        if len(self._tracks) >= self._max_faces or (self._tracks and self._frames % self._rules.join_every):
            return
        for roi, fit in self._found(image):
            box = box_of(fit.points[:MESH_ROWS])
            if not _same(box, self._tracks):
                self._tracks.append(_Track(self._number_for(box), roi, fit, captured_ns, self._parts))
                self._finder.reset()
            if len(self._tracks) >= self._max_faces:
                return

    def _found(self, image: Image) -> Iterator[tuple[Roi, MeshFit]]:
        """Detected faces that the landmarker confirms, largest first.

        It looks twice: a detector's box is coarse, and the mesh is best in a region that a mesh gave.
        """
        for detection in self._finder(image):
            first = self._look(image, Roi.from_detection(detection))
            second = self._look(image, first[0]) if first else None
            if second:
                yield second

    def _look(
        self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None
    ) -> tuple[Roi, MeshFit] | None:
        """The mesh in `roi` and the region it gives for the next frame; None when there is no believable face."""
        fit = self._landmarker(image, roi, on_crop)
        if not (fit.presence > self._rules.presence and np.isfinite(fit.points).all()):
            return None
        region = Roi.from_points(fit.points)
        return (region, fit) if self._believable(roi, region, image) else None

    def _believable(self, before: Roi, now: Roi, image: Image) -> bool:
        """Whether a face can have gone from one region to the other in a frame, and is in the image."""
        height, width = image.shape[:2]
        moved = math.hypot(now.x - before.x, now.y - before.y)
        return (
            moved <= self._rules.jump * before.face_size
            and before.side / self._rules.growth <= now.side <= before.side * self._rules.growth
            and 0 <= now.x < width
            and 0 <= now.y < height
        )

    def _number_for(self, box: Box) -> int:
        """The number of the face lost about there a moment ago, or a new one."""
        for track in self._lost:
            if track.box.iou(box) >= self._rules.same_place:
                self._lost.remove(track)
                return track.number
        self._numbers += 1
        return self._numbers


def _same(box: Box, tracks: list[_Track]) -> bool:
    """Whether one of `tracks` is on the face in `box` already."""
    return any(track.box.iou(box) > 0.5 for track in tracks)
