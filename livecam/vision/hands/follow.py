"""Following hands near a face: the palm detector now and then, the hand network in each frame where a hand is.

A face has been taken for a hand: palms are seen in faces at scores up to 0.9, and the hand network believes some of
them, up to 0.86 in one clip of twelve. So a hand must be surer than that to be taken up when it begins near the face,
and one whose wrist lies in the middle of the face is none.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.face import Box, Face, box_of
from livecam.core.frame import Image, Points
from livecam.core.geometry import similarity, transform
from livecam.vision.hands.edge import EdgeFinder
from livecam.vision.hands.landmarks import WRIST, HandFit, HandLandmarker, HandRoi
from livecam.vision.hands.outline import palm_length
from livecam.vision.hands.palm import Palm

# The corners of a palm: wrist and the outer knuckles, among the hand's points and the palm's.
_PALM_POINTS, _PALM_KEYPOINTS = [0, 5, 17], [0, 1, 4]


@dataclass(frozen=True, slots=True)
class HandRules:
    """When a hand counts as found, and when as lost.

    Attributes:
        most: How many hands are followed.
        search_every: Frames between two searches while there is no hand.
        patience: So many times as many are between two while there is one, and room for another.
        search_side: Side of the square around the face that is searched, in face heights.
        palm: A palm counts from here.
        born: A new hand counts from here if its wrist lies outside the face,
        born_close: and from here if it is nearer to the face's edge than `close`, in face heights, or that far inside.
        close: See `born_close`. With its wrist deeper in the face a hand never counts as new.
        kept: A followed one counts as long as it stays above.
        missed: It stays for so many frames in which it is not found.
        near: How far from the face's box a hand is followed, in face heights.
        smallest: Length of the smallest palm, in face heights.
        largest: Length of the largest one.
        same: Two hands whose palms are nearer than this, in palm lengths, are one.
        jump: A hand that goes farther in a frame, in palm lengths, is another one.
        shape_gain: What a point takes up of how the hand has changed, at least.
        place_gain: What it takes up of how the hand has moved, at least.
        distrust: How much both rise with the change, per palm length.
    """

    most: int = 2
    search_every: int = 4
    patience: int = 3
    search_side: float = 2.5
    palm: float = 0.4
    born: float = 0.8
    born_close: float = 0.9
    close: float = 0.15
    kept: float = 0.5
    missed: int = 2
    near: float = 0.4
    smallest: float = 0.2
    largest: float = 1.3
    same: float = 0.6
    jump: float = 1.5
    shape_gain: float = 0.35
    place_gain: float = 0.35
    distrust: float = 10.0


class Hand:
    """One followed hand.

    Attributes:
        points: (21, 3) f32, px of the frame, steadied.
        length: Of its palm, px.
        roi: Where it is looked for in the next frame.
        missed: In how many frames on end it has not been found.
        edge: What is learnt about its colours.
    """

    def __init__(self, fit: HandFit) -> None:
        self.points = fit.points
        self.length = palm_length(fit.points)
        self.roi = HandRoi.around(fit.points)
        self.missed = 0
        self.edge = EdgeFinder()

    def take(self, fit: HandFit, rules: HandRules) -> None:
        """Go on with what was found in a new frame."""
        self.points = steadied(self.points, fit.points, self.length, rules)
        self.length = palm_length(self.points)
        self.roi = HandRoi.around(fit.points)
        self.missed = 0


class HandFollower:
    """Follows the hands near one face. Its parts are shared; one thread at a time.

    Args:
        landmarker: Finds a hand's points.
        rules: When a hand counts.
    """

    def __init__(self, landmarker: HandLandmarker, rules: HandRules | None = None) -> None:
        self._landmarker = landmarker
        self._rules = rules or HandRules()
        self._hands: list[Hand] = []
        self._since_search = self._rules.search_every

    def __call__(self, image: Image, face: Face, palms: list[Palm]) -> tuple[Hand, ...]:
        """The hands near `face` in `image`, (H, W, 3) u8 BGR.

        Args:
            image: The frame.
            face: Whose hands.
            palms: What the last search has found, if one has ended.

        Raises:
            EngineError: The backend failed.
        """
        self._since_search += 1
        followed = len(self._hands)
        self._hands = [hand for hand in self._hands if self._goes_on(hand, image, face)]
        for palm in palms:
            if not self._known(palm):
                self._begin(palm, image, face)
        if len(self._hands) < followed:
            self._since_search = self._rules.search_every * self._rules.patience
        return tuple(self._hands)

    def rests(self, searching: bool) -> bool:
        """Whether there is nothing to look at in the next frame, which then counts as looked at.

        Args:
            searching: Whether palms are being searched for already; else a search may be due.
        """
        if self._hands or (not searching and self._since_search + 1 >= self._rules.search_every):
            return False
        self._since_search += 1
        return True

    @property
    def wants_search(self) -> bool:
        """Whether palms are to be searched for now; they are then expected to be."""
        every = self._rules.search_every * (1 if not self._hands else self._rules.patience)
        due = self._since_search >= every and len(self._hands) < self._rules.most
        if due:
            self._since_search = 0
        return due

    def reset(self) -> None:
        """Forget every hand, and search at once."""
        self._hands.clear()
        self._since_search = self._rules.search_every

    def _goes_on(self, hand: Hand, image: Image, face: Face) -> bool:
        """Find `hand` in a new frame; whether it is still believed in."""
        fit = self._landmarker(image, hand.roi)
        if not self._sound(fit, self._rules.kept, face) or _apart(hand, fit) > self._rules.jump:
            hand.missed += 1
            return hand.missed <= self._rules.missed
        hand.take(fit, self._rules)
        others = [other for other in self._hands if other is not hand and other.missed == 0]
        older = others[: self._hands.index(hand)]
        return all(_apart(other, fit) > self._rules.same for other in older)

    def _begin(self, palm: Palm, image: Image, face: Face) -> None:
        """Follow the hand of `palm` if it is a new one, near the face, and surely a hand."""
        if len(self._hands) >= self._rules.most or not self._near(palm.roi, face):
            return
        first = self._landmarker(image, palm.roi)
        if not self._sound(first, self._rules.kept, face):
            return
        fit = self._landmarker(image, HandRoi.around(first.points))
        if not self._surely(fit, face):
            return
        if all(_apart(hand, fit) > self._rules.same for hand in self._hands):
            self._hands.append(Hand(fit))

    def _known(self, palm: Palm) -> bool:
        """Whether `palm` is that of a followed hand."""
        middle = palm.keypoints[_PALM_KEYPOINTS].mean(axis=0)
        offs = [(_middle(hand.points) - middle, hand.length) for hand in self._hands]
        return any(math.hypot(*off.tolist()) <= self._rules.same * length for off, length in offs)

    def _surely(self, fit: HandFit, face: Face) -> bool:
        """Whether a hand that nobody has seen before is one, and not a part of the face."""
        out = reaches_out(fit.points, face) / max(face.box.height, 1.0)
        wanted = self._rules.born if out > self._rules.close else self._rules.born_close
        return out > -self._rules.close and self._sound(fit, wanted, face)

    def _near(self, roi: HandRoi, face: Face) -> bool:
        """Whether a hand in `roi` could be near the face."""
        reach = roi.side / 2 + self._rules.near * face.box.height
        x, y = roi.x, roi.y
        return face.box.x1 - reach < x < face.box.x2 + reach and face.box.y1 - reach < y < face.box.y2 + reach

    def _sound(self, fit: HandFit, presence: float, face: Face) -> bool:
        """Whether `fit` is sure enough, of a possible size, and near the face."""
        height = max(face.box.height, 1.0)
        if not (fit.presence >= presence and np.isfinite(fit.points).all()):
            return False
        size = palm_length(fit.points) / height
        room = self._rules.near * height
        grown = Box(face.box.x1 - room, face.box.y1 - room, face.box.x2 + room, face.box.y2 + room)
        return self._rules.smallest <= size <= self._rules.largest and grown.overlap(box_of(fit.points)) > 0


def reaches_out(points: Points, face: Face) -> float:
    """How far the wrist of a hand of (21, >=2) points lies outside the outline of the face, px; negative inside."""
    hull = cv2.convexHull(np.ascontiguousarray(face.landmarks.points, dtype=np.float32))
    x, y = points[WRIST, :2].tolist()
    return -cv2.pointPolygonTest(hull, (x, y), measureDist=True)


def steadied(before: Points, now: Points, length: float, rules: HandRules) -> Points:
    """(21, 3) f32 px: `now`, calmed by `before`: the shape of the hand, and then its place.

    What changes little is the network's noise and is taken up slowly; what changes much has moved, and is taken as it
    is, so that a moving hand does not lag.
    """
    try:
        carried = transform(similarity(before[:, :2], now[:, :2]), before[:, :2])
    except ValueError:
        return now
    change = now[:, :2] - carried
    bent = rules.distrust * np.hypot(*change.T)[:, None] / max(length, 1.0)
    shaped = carried + np.minimum(1, rules.shape_gain + bent) * change
    step = shaped - before[:, :2]
    moved = rules.distrust * np.hypot(*step.T).mean() / max(length, 1.0)
    placed = before[:, :2] + np.minimum(1, rules.place_gain + np.maximum(bent, moved)) * step
    return np.column_stack([placed, now[:, 2]]).astype(np.float32)


def _apart(hand: Hand, fit: HandFit) -> float:
    """Between the middles of both palms, in palm lengths."""
    dx, dy = (_middle(hand.points) - _middle(fit.points)).tolist()
    return math.hypot(dx, dy) / max(hand.length, 1.0)


def _middle(points: Points) -> Points:
    middle: Points = points[_PALM_POINTS, :2].mean(axis=0)
    return middle
