"""Following faces: the landmarker in the region of the frame before, and a detector only when nobody is followed.

Several faces are told apart by where they were going and by what they look like, never by where they are. Whoever is
lost from sight behind another face keeps their number for a while, and until then nobody else becomes the first: the
caller, who swaps the first, gets nobody instead.
"""

import math
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final, Protocol

from livecam.core.ahead import Ahead
from livecam.core.face import Face
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Detector
from livecam.vision.associate import LookRules, TellApart, near
from livecam.vision.crossing import SAME_FACE_IOU, Claim, Judge
from livecam.vision.finder import FaceFinder, TrackRules
from livecam.vision.mesh.landmarks import Crop, MeshFit, Roi, all_finite
from livecam.vision.scene import SceneCut
from livecam.vision.tracks import Found, Track

__all__ = ["FaceFinder", "Landmarker", "MeshFollower", "TrackRules"]

_LEARN_EVERY: Final = 8
_MOST_LOST: Final = 8
# Of those followed longest, whose place nobody is to take.
_MOST_HIDDEN: Final = 8
_number = attrgetter("number")


class Landmarker(Protocol):
    """Finds the mesh of the face in a square of the frame."""

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        """The mesh in `roi` of `image`, (H, W, 3) u8 BGR; `on_crop` is told what is looked at, before the search."""
        ...


class MeshFollower:
    """A `Follower` of the mesh engine.

    A followed face is found in each frame from its region in the frame before. A track ends when the landmarker is
    no longer sure, when it returns nonsense, or when the region jumps; the frame is then searched at once, so that a
    lost face costs time and no frame. A new track takes the largest face, wherever it is, and keeps it. A scene cut
    ends all tracks.

    Args:
        detector: For near faces.
        far_detector: For far ones.
        landmarker: Finds the mesh.
        max_faces: How many faces to follow. With more than one, people who cross are told apart.
        rules: When a face counts as found or lost.
        tell_apart: A recogniser, asked who somebody is when a track begins, and in close calls; without one, small
            pictures of the faces decide, which is a weaker rule.
        strangers: Whether there may be a face that nobody follows; while there is none, nobody else is looked for
            beside those who are followed and in sight, and a face that leaps is not taken for somebody else's.
        likeness: What looks tell, and the recogniser.
    """

    def __init__(
        self,
        detector: Detector,
        far_detector: Detector,
        landmarker: Landmarker,
        max_faces: int = 1,
        rules: TrackRules | None = None,
        tell_apart: TellApart | None = None,
        strangers: Callable[[], bool] = lambda: True,
        likeness: LookRules | None = None,
    ) -> None:
        self._strangers = strangers
        self._rules = rules or TrackRules()
        self._finder = FaceFinder(detector, far_detector, self._rules)
        self._landmarker = landmarker
        self._max_faces = max_faces
        self._judge = Judge(likeness or LookRules(), tell_apart)
        self._ahead = Ahead("livecam-flow")
        self._cut = SceneCut()
        self._tracks: list[Track] = []
        self._hidden: list[Track] = []
        self._lost: list[Track] = []
        self._frames = 0
        self._numbers = 0
        self._before_ns = 0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """The faces followed into `image`, (H, W, 3) u8 BGR, longest first, then largest.

        Nobody, while the one followed longest is hidden behind another face and not yet given up.

        Args:
            image: The frame.
            captured_ns: Its capture time; the time step is taken from it.
            steadiness: 0..1, see `FlowCarrier`.

        Raises:
            EngineError, ContractError: A network failed.
        """
        self._frames += 1
        if self._cut(image):
            self._end_all()
        self._forget_old(captured_ns)
        self._follow(image, captured_ns)
        self._search(image, captured_ns)
        self._reclaim(image)
        self._learn(image)
        self._before_ns = captured_ns
        faces = tuple([track.face(steadiness) for track in sorted(self._tracks, key=_number)])
        shown = not self._hidden or (faces and faces[0].track_id < min(track.number for track in self._hidden))
        return faces if shown else ()

    def reset(self) -> None:
        """Forget everything: the source was opened again. Numbers of tracks are not used again."""
        self._end_all()
        self._cut.reset()

    def _end_all(self) -> None:
        for tracks in (self._tracks, self._hidden, self._lost):
            tracks.clear()
        self._finder.reset()

    def _forget_old(self, captured_ns: int) -> None:
        """Lose what was last seen too long ago, and forget it after a while; at once if that was in the future."""

        def within(seconds: float, track: Track) -> bool:
            return 0 <= captured_ns - track.captured_ns <= int(seconds * NS_PER_S)

        rules, tracks = self._rules, self._tracks
        self._tracks = [track for track in tracks if within(rules.memory_s, track)]
        if len(self._tracks) < len(tracks):
            self._lost += [track for track in tracks if track not in self._tracks]
        if self._hidden or self._lost:
            self._hidden = [track for track in self._hidden if within(rules.absence_s, track)][:_MOST_HIDDEN]
            self._lost = [track for track in self._lost if within(rules.absence_s, track)][-_MOST_LOST:]

    def _follow(self, image: Image, captured_ns: int) -> None:
        """Find each followed face in the new frame; those that are not there become lost, or hidden by another."""
        everybody = sorted(self._tracks + self._hidden, key=_number)
        before = [track.box for track in everybody]
        claims = [(track, self._look_for(track, image)) for track in everybody]
        seen = [Claim(track, found) for track, found in claims if found is not None]
        hidden = {track.number for track in self._hidden}
        kept = self._judge.settled(image, seen, hidden, captured_ns, alone=not self._strangers())
        if hidden:
            # Whoever took the place of somebody who is back now gives it up.
            kept = kept[: self._max_faces]
        for track, found in kept:
            track.take(found, captured_ns)
        self._tracks, self._hidden = [track for track, _ in kept], []
        if len(kept) == len(everybody):
            return
        for track, box in zip(everybody, before, strict=True):
            if track not in self._tracks:
                covered = track.number in hidden or any(near(box, other.box) for other in self._tracks)
                (self._hidden if covered else self._lost).append(track)
                self._finder.reset()

    def _look_for(self, track: Track, image: Image) -> Found | None:
        """`track` in the new frame: in its region, and again around what was found there if that had gone far."""
        found = self._look(image, track.roi, track.look if track in self._tracks else None)
        if found is None or self._gone(track.roi, found.roi) <= self._rules.far:
            return found
        return self._look(image, found.roi) or found

    def _search(self, image: Image, captured_ns: int) -> None:
        """Start tracks for faces that are not followed, as far as there is room."""
        every = self._rules.hidden_every if self._hidden else self._rules.join_every
        if len(self._tracks) >= self._max_faces or (self._tracks and self._frames % every):
            return
        if self._tracks and not self._hidden and not self._strangers():
            return
        for found in self._found(image):
            if not any(track.box.iou(found.box) > SAME_FACE_IOU for track in self._tracks):
                self._tracks.append(self._begun(image, found, captured_ns))
                self._finder.reset()
            if len(self._tracks) >= self._max_faces:
                return

    def _found(self, image: Image) -> Iterator[Found]:
        """Detected faces that the landmarker confirms, largest first, without those that are followed.

        It looks twice: a detector's box is coarse, and the mesh is best in a region that a mesh gave.
        """
        for detection in self._finder(image):
            if any(track.box.iou(detection.box) > SAME_FACE_IOU for track in self._tracks):
                continue
            first = self._look(image, Roi.from_detection(detection))
            second = self._look(image, first.roi) if first else None
            if second:
                yield second

    def _look(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> Found | None:
        """The mesh in `roi` and the region it gives for the next frame; None when there is no believable face."""
        fit = self._landmarker(image, roi, on_crop)
        if not (fit.presence > self._rules.presence and all_finite(fit.points)):
            return None
        found = Found.of(fit)
        return found if self._believable(roi, found.roi, image) else None

    def _believable(self, before: Roi, now: Roi, image: Image) -> bool:
        """Whether a face can have gone from one region to the other in a frame, and is in the image."""
        height, width = image.shape[:2]
        return (
            self._gone(before, now) <= self._rules.jump
            and before.side / self._rules.growth <= now.side <= before.side * self._rules.growth
            and 0 <= now.x < width
            and 0 <= now.y < height
        )

    @staticmethod
    def _gone(before: Roi, now: Roi) -> float:
        """How far a face has gone from one region to the other, in its sizes."""
        return math.hypot(now.x - before.x, now.y - before.y) / before.face_size

    def _begun(self, image: Image, found: Found, captured_ns: int) -> Track:
        """The track of a face that nobody follows: one lost a moment ago, or a new one."""
        missing = sorted(self._hidden + self._lost, key=_number)
        recent_ns = captured_ns - int(self._rules.memory_s * NS_PER_S)
        here = {
            track.number
            for track in missing
            if (track in self._hidden or track.captured_ns >= recent_ns)
            and track.box.iou(found.box) >= self._rules.same_place
        }
        seen = self._judge.seen(image, found.fit)
        again = self._judge.recognised(seen, missing, here)
        if again is None:
            self._numbers += 1
        else:
            self._hidden = [track for track in self._hidden if track is not again]
            self._lost = [track for track in self._lost if track is not again]
            if again.captured_ns == self._before_ns:
                # Lost in this very frame: it goes on as it went, steadied.
                again.take(found, captured_ns)
                return again
        number = self._numbers if again is None else again.number
        track = Track(number, found, captured_ns, self._ahead)
        if again is not None:
            track.become(again)
        else:
            self._judge.introduce(track, seen)
        return track

    def _reclaim(self, image: Image) -> None:
        """Give those who were hidden their faces back that were taken for somebody new when they came into sight.

        With a recogniser, now and then only: it takes its time.
        """
        if not self._hidden or (self._judge.asks and self._frames % self._rules.hidden_every):
            return
        for track in self._tracks:
            before = [other for other in self._hidden if other.captured_ns < track.begun_ns]
            here = {other.number for other in before if other.box.iou(track.box) > SAME_FACE_IOU}
            again = self._judge.recognised(self._judge.seen(image, track.fit), before, here) if before else None
            if again is not None and again.number < track.number:
                self._hidden.remove(again)
                track.become(again)

    def _learn(self, image: Image) -> None:
        """Take in what everybody looks like now, as far as it is still like them: nobody is taught another's looks."""
        if self._frames % _LEARN_EVERY == 0:
            for track in self._tracks:
                self._judge.teach(image, track)
