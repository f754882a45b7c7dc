"""Following faces by a detector's boxes and points alone: for detectors on a graphics card, and where there is no mesh.

Detections come on a schedule, and at once when somebody is lost. In the frames between, sparse flow carries each face.
"""

from typing import Final

import numpy as np

from livecam.core.face import Box, Detection, Face
from livecam.core.frame import NS_PER_S, Image
from livecam.core.seams import Detector
from livecam.vision.associate import LookRules, TellApart, associate, near, returned, small_look
from livecam.vision.followed import Followed, FollowRules, Seen, Teller, moved
from livecam.vision.predict import Place
from livecam.vision.scene import SceneCut

__all__ = ["DetectionFollower", "FollowRules"]

_MOST_LOST: Final = 8
_SAME_PLACE: Final = 0.5
_LEARN_EVERY: Final = 8
# Frames to one look of the recogniser at a newer face, while somebody is out of sight who may be it.
_ASK_EVERY: Final = 3


class DetectionFollower:
    """A `Follower` over detections alone.

    Args:
        detector: Finds faces with landmarks of which five are derivable.
        max_faces: How many faces to follow; others, if larger or not, are left to the watch.
        rules: When a face counts as found or lost.
        tell_apart: A recogniser, asked who somebody is when a track begins or comes back, and in close calls; without
            one, small pictures of the faces decide, which is a weaker rule.
        likeness: What looks tell, and the recogniser.

    Attributes:
        horizon_ns: How much later than its frame a face is wanted; 0 unless the canvas is newer than the frame, see
            `livecam.vision.predict`. At most one frame interval is predicted.
    """

    def __init__(
        self,
        detector: Detector,
        max_faces: int = 1,
        rules: FollowRules | None = None,
        tell_apart: TellApart | None = None,
        likeness: LookRules | None = None,
    ) -> None:
        self._detector = detector
        self._max_faces = max_faces
        self._rules = rules or FollowRules()
        self._likeness = likeness or LookRules()
        self._teller = Teller(self._likeness, tell_apart)
        self._cut = SceneCut()
        self._tracks: list[Followed] = []
        self._lost: list[Followed] = []
        self._frames = 0
        self._since = 0
        self._numbers = 0
        self.horizon_ns = 0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """The faces followed into `image`, (H, W, 3) u8 BGR, longest first, then largest.

        Nobody, while the one followed longest is hidden behind another face and not yet given up.

        Raises:
            EngineError, ContractError: The detector or the recogniser failed.
        """
        self._frames += 1
        if self._cut(image):
            self._end_all()
        self._forget_old(captured_ns)
        self._since += 1
        due = self._since >= self._rules.detect_every or not self._tracks or any(t.hidden for t in self._tracks)
        if due or not self._carried(image, captured_ns):
            self._detected(image, captured_ns)
            self._reclaim(image)
        self._prepare(image)
        shown = sorted((track for track in self._tracks if not track.hidden), key=lambda track: track.number)
        first = min((track.number for track in self._tracks), default=0)
        faces = tuple(track.face(steadiness, self.horizon_ns / NS_PER_S) for track in shown)
        return faces if faces and faces[0].track_id == first else ()

    def reset(self) -> None:
        """Forget everything: the source was opened again. Numbers of tracks are not used again."""
        self._end_all()
        self._cut.reset()

    def _end_all(self) -> None:
        self._tracks.clear()
        self._lost.clear()

    def _forget_old(self, captured_ns: int) -> None:
        """Lose whom no detection has confirmed, and forget them after a while; at once if that was in the future."""

        def within(seconds: float, since_ns: int) -> bool:
            return 0 <= captured_ns - since_ns <= int(seconds * NS_PER_S)

        rules = self._rules
        kept: list[Followed] = []
        for track in self._tracks:
            patience_s = rules.absence_s if track.hidden else max(rules.patience_s, rules.memory_s)
            (kept if within(patience_s, track.confirmed_ns) else self._lost).append(track)
        self._tracks = kept
        self._lost = [track for track in self._lost if within(rules.absence_s, track.confirmed_ns)][-_MOST_LOST:]

    def _carried(self, image: Image, captured_ns: int) -> bool:
        """Carry everybody by flow; False as soon as that fails for one, and a detection is due."""
        moves: list[tuple[Followed, Detection]] = []
        for track in self._tracks:
            move = track.carrier.carry(image)
            if move is None or move.trust < self._rules.trust:
                return False
            now = moved(track.detection, move.matrix)
            place = Place.of_box(track.detection.box)
            if place.distance(Place.of_box(now.box)) > self._rules.jump:
                return False
            moves.append((track, now))
        # Only now: who has been moved already would find a detection of the same frame too, and lose their motion.
        for track, now in moves:
            track.take(now, captured_ns, confirmed=False)
        return True

    def _detected(self, image: Image, captured_ns: int) -> None:
        """Find everybody anew."""
        self._since = 0
        usable = [one for one in self._detector(image, self._rules.known_score) if _usable(one)]
        found = [Seen(one, small_look(image, one.landmarks.five)) for one in usable]
        taken = self._associated(image, found, captured_ns)
        # Whoever took the place of somebody who is back now gives it up.
        kept = sorted(taken, key=lambda row: self._tracks[row].number)[: self._max_faces]
        for row in kept:
            self._tracks[row].take(found[taken[row]].detection, captured_ns, confirmed=True)
        seen = [track for row, track in enumerate(self._tracks) if row in kept]
        self._tracks = seen + [
            track for row, track in enumerate(self._tracks) if row not in kept and self._stays(track, seen)
        ]
        free = [one for column, one in enumerate(found) if column not in taken.values()]
        for one in sorted(free, key=lambda one: one.detection.box.area, reverse=True):
            if len([track for track in self._tracks if not track.hidden]) >= self._max_faces:
                break
            if one.detection.score >= self._rules.score and not self._is_followed(one.detection.box):
                self._begin(image, one, captured_ns)

    def _associated(self, image: Image, found: list[Seen], captured_ns: int) -> dict[int, int]:
        """Which detection each track is now: by overlap with where it should be, and by looks.

        Who looks like somebody else is not taken for somebody beside whom they stand. The recogniser's word, where it
        was asked, counts more than both.
        """
        tracks, teller, least = self._tracks, self._teller, self._rules.overlap
        expected = [track.expected(captured_ns) for track in tracks]
        boxes = [one.detection.box for one in found]
        if teller.asks:
            overlaps = [[box.iou(other) >= least for other in boxes] for box in expected]
            teller.ask_where_close(image, tracks, found, overlaps)
        likes = [[teller.likeness(track, one) for one in found] for track in tracks]
        taken = associate(expected, boxes, least, likes)
        return {row: column for row, column in taken.items() if not teller.is_other(tracks[row], tracks, found[column])}

    def _stays(self, track: Followed, seen: list[Followed]) -> bool:
        """Whether a track that was not found is kept as hidden: one of the faces `seen` now is before it."""
        covered = any(near(track.detection.box, other.detection.box) for other in seen)
        track.hidden = track.hidden or covered
        if not track.hidden:
            self._lost.append(track)
        return track.hidden

    def _is_followed(self, box: Box) -> bool:
        return any(not track.hidden and track.detection.box.iou(box) > self._rules.overlap for track in self._tracks)

    def _begin(self, image: Image, one: Seen, captured_ns: int) -> None:
        """Follow a face that nobody follows: somebody who was lost, or somebody new."""
        self._teller.ask(image, one)
        again = self._recognised(one, captured_ns)
        if again is None:
            self._numbers += 1
        else:
            self._lost = [track for track in self._lost if track is not again]
            self._tracks = [track for track in self._tracks if track is not again]
        track = Followed(self._numbers, captured_ns)
        if again is not None:
            track.become(again)
        else:
            track.looks.learn(one.look)
            track.persons.learn(one.person)
        track.take(one.detection, captured_ns, confirmed=True)
        self._tracks.append(track)

    def _reclaim(self, image: Image) -> None:
        """Give those who were hidden their faces back that were taken for somebody new when they came into sight.

        With a recogniser, now and then only: it takes its time.
        """
        if self._teller.asks and self._frames % _ASK_EVERY:
            return
        for track in [track for track in self._tracks if not track.hidden]:
            before = [one for one in self._tracks if one.hidden and one.captured_ns < track.begun_ns]
            here = {one.number for one in before if one.detection.box.iou(track.detection.box) > _SAME_PLACE}
            if not before:
                continue
            seen = Seen(track.detection, small_look(image, track.detection.landmarks.five))
            self._teller.ask(image, seen)
            again = returned(before, here, seen.look, seen.person, self._likeness)
            if again is not None and again.number < track.number:
                self._tracks.remove(again)
                track.become(again)

    def _recognised(self, one: Seen, captured_ns: int) -> Followed | None:
        """Who of those out of sight has come back."""
        box = one.detection.box
        recent_ns = captured_ns - int(self._rules.memory_s * NS_PER_S)
        missing = sorted([track for track in self._tracks if track.hidden] + self._lost, key=lambda one: one.number)
        there = (track for track in missing if track.detection.box.iou(box) >= self._rules.overlap)
        here = {track.number for track in there if track.hidden or track.captured_ns >= recent_ns}
        return returned(missing, here, one.look, one.person, self._likeness)

    def _prepare(self, image: Image) -> None:
        """What the next frame needs: where the flow starts, and now and then what those look like who stand alone."""
        for track in self._tracks:
            if track.hidden:
                continue
            if self._rules.detect_every > 1:
                track.carrier.begin(image, track.detection.box)
            if self._frames % _LEARN_EVERY == 0:
                look = small_look(image, track.detection.landmarks.five)
                like = track.looks.like(look)
                if like is None or like >= self._likeness.same:
                    track.looks.learn(look)
                    self._teller.introduce_late(image, track, like)


def _usable(detection: Detection) -> bool:
    """Whether a detection is a face of some size with points that do not coincide."""
    box, five = detection.box, detection.landmarks.five
    return bool(np.isfinite(box).all() and np.isfinite(five).all() and box.area > 0 and np.ptp(five) > 1)
