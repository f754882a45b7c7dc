"""The shade of hands on a face, and how much of the face it may uncover."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.errors import FaceUncovered
from livecam.vision.hands.follow import Hand
from livecam.vision.hands.outline import Widths, draw
from livecam.vision.occlude import Shade

_FINEST: Final = 128
_MARGIN: Final = 0.05
_WIDTHS: Final = Widths(grow=1.2)
_FEWEST_CELLS: Final = 8
# Of the whole face, and of what lies between eyes and mouth, hands uncover at most this much. What is more is a mistake
# that would show the wearer, or a face so hidden that nobody can tell where it is.
MOST_OF_FACE: Final = 0.6
MOST_OF_MIDDLE: Final = 0.75
_MIDDLE_MARGIN: Final = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A face's box, cut into cells, and the part of it that is in the frame."""

    left: int
    top: int
    columns: int
    rows: int
    step: int

    @classmethod
    def of(cls, face: Face, shape: tuple[int, ...]) -> "_Place":
        box = face.box.grown(_MARGIN)
        left, top = max(0, math.floor(box.x1)), max(0, math.floor(box.y1))
        width, height = min(shape[1], math.ceil(box.x2)) - left, min(shape[0], math.ceil(box.y2)) - top
        step = max(1, math.ceil(max(width, height) / _FINEST))
        return cls(left, top, max(0, width // step), max(0, height // step), step)

    def cells(self, points: Points) -> Points:
        """(N, >=2) px of the frame as (N, 2) f32 cells; whole numbers are the middles of cells."""
        corner = np.array([self.left, self.top], np.float32)
        cells: Points = ((points[:, :2] - corner + 0.5) / np.float32(self.step) - 0.5).astype(np.float32)
        return cells

    def seen(self, image: Image) -> Image:
        """(rows, columns, 3) u8: `image` by cells, in CIE Lab."""
        width, height = self.columns * self.step, self.rows * self.step
        part = image[self.top : self.top + height, self.left : self.left + width]
        small = cv2.resize(part, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.uint8, copy=False)


def shade_of(hands: tuple[Hand, ...], image: Image, face: Face) -> Shade | None:
    """Where `hands` stand before `face` in `image`, (H, W, 3) u8 BGR; None when they do not.

    A hand over a face is taken to be before it: one behind a head is not seen.

    Raises:
        ContractError: They would leave too much of the face to be seen.
    """
    place = _Place.of(face, image.shape)
    if not hands or min(place.columns, place.rows) < _FEWEST_CELLS:
        return None
    hull = place.cells(_outline(face))
    oval = _filled(hull, (place.rows, place.columns))
    mask = np.zeros_like(oval)
    lab: Image | None = None
    for hand in hands:
        length = hand.length / place.step
        drawn = np.zeros_like(oval)
        draw(drawn, place.cells(hand.points), length, _WIDTHS)
        if cv2.countNonZero(cv2.bitwise_and(drawn, oval)):
            lab = place.seen(image) if lab is None else lab
            cv2.max(mask, hand.edge(lab, drawn, length), dst=mask)
    if lab is None:
        return None
    refuse_bare(mask, oval, place.cells(face.landmarks.five))
    return Shade(mask, place.left, place.top, place.step)


def refuse_bare(mask: Image, oval: Image, five: Points) -> None:
    """Refuse hands that cover most of a face: found by mistake, they would leave the wearer to be seen.

    Args:
        mask: (h, w) u8, 255 where a hand is.
        oval: (h, w) u8, 255 in the face.
        five: (5, 2) f32 cells: the face's five points.

    Raises:
        FaceUncovered: Too much of the face, or of what lies between eyes and mouth, would not be painted.
    """
    margin = _MIDDLE_MARGIN * np.ptp(five, axis=0)
    limit = np.array(oval.shape[::-1], np.float32) - 1
    left, top = np.clip(five.min(axis=0) - margin, 0, limit).astype(int)
    right, bottom = np.clip(five.max(axis=0) + margin, 0, limit).astype(int)
    middle = cv2.mean(mask[top : bottom + 1, left : right + 1])[0] / 255
    face = cv2.mean(mask, oval)[0] / 255
    if face > MOST_OF_FACE or middle > MOST_OF_MIDDLE:
        raise FaceUncovered(
            f"Hands cover {face:.0%} of the face, {middle:.0%} of its middle; what is left is not enough to swap.",
            "If it goes on with no hand before the face, report it with the output of: livecam doctor --json",
        )


def _outline(face: Face) -> Points:
    """(N, 2) f32 px: corners around the face."""
    points = face.landmarks.points
    if len(points) > len(face.landmarks.five):
        return cv2.convexHull(np.ascontiguousarray(points, dtype=np.float32))[:, 0].astype(np.float32, copy=False)
    box = face.box
    return np.array([[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]], np.float32)


def _filled(hull: Points, shape: tuple[int, ...]) -> Image:
    out = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(out, np.rint(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return out
