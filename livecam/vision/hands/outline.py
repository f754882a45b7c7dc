"""The outline of a hand, drawn from its 21 points: fingers are capsules, the palm is a rounded hull."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.hands.landmarks import FINGERS, KNUCKLES, WRIST

_SUBPIXEL_BITS = 4
_UNIT = np.float32(1 << _SUBPIXEL_BITS)
# The ring around the palm: wrist, the thumb's base, and the knuckles.
_PALM: Final = (0, 1, 2, 5, 9, 13, 17)
# Radii at the joints of a finger, from the palm to the tip, in palm lengths (wrist to middle knuckle).
_FINGER_RADII: Final = (0.125, 0.115, 0.105, 0.085)
_THUMB_RADII: Final = (0.17, 0.15, 0.13, 0.105)
_PALM_RADIUS: Final = 0.11
# Where the arm goes on behind the wrist, in palm lengths: its half width, and how far it is drawn.
_ARM_RADIUS, _ARM_LENGTH = 0.27, 0.75
# What the length of the palm is in other bones' lengths: wrist to index, ring and little knuckle, and index to little.
_RATIOS: Final = ((0, 5, 1.0), (0, 9, 1.0), (0, 13, 0.97), (0, 17, 0.92), (5, 17, 0.62))

Spots = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Widths:
    """How thick a hand is drawn.

    Attributes:
        grow: Factor on all radii.
        arm: How far the arm is drawn behind the wrist, in palm lengths.
    """

    grow: float = 1.0
    arm: float = _ARM_LENGTH


def palm_length(points: Points) -> float:
    """The length of the palm of a (21, 3) hand, px, whichever way it is turned: the median over several bones."""
    lengths = [float(np.linalg.norm(points[a] - points[b])) / ratio for a, b, ratio in _RATIOS]
    return sorted(lengths)[len(lengths) // 2]


def draw(out: Image, points: Points, length: float, widths: Widths) -> None:
    """Draw a hand of 255 into `out`, (h, w) u8, smooth-edged, over what is there.

    Args:
        out: Changed in place.
        points: (21, 2) f32, cells of `out`; whole numbers are the middles of cells.
        length: Of the palm, cells.
        widths: How thick it is drawn.
    """
    unit = length * widths.grow
    _hull(out, points[list(_PALM)], unit * _PALM_RADIUS)
    for finger, joints in enumerate(FINGERS):
        radii = _FINGER_RADII if finger else _THUMB_RADII
        for start in range(3):
            pair = points[list(joints[start : start + 2])]
            _capsule(out, pair, unit * radii[start], unit * radii[start + 1])
    wrist, knuckles = points[WRIST], points[list(KNUCKLES)].mean(axis=0)
    along = (wrist - knuckles) / max(float(np.linalg.norm(wrist - knuckles)), 1e-6)
    arm = np.stack([wrist, wrist + along * np.float32(length * widths.arm)])
    _capsule(out, arm, unit * _ARM_RADIUS, unit * _ARM_RADIUS)


def _fixed(points: Points) -> Spots:
    spots: Spots = np.rint(points * _UNIT).astype(np.int32)
    return spots


def _disc(out: Image, centre: Points, radius: float) -> None:
    x, y = _fixed(centre).tolist()
    cv2.circle(out, (x, y), max(1, round(radius * float(_UNIT))), 255, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _capsule(out: Image, ends: Points, first: float, second: float) -> None:
    """A bone from `ends[0]` to `ends[1]`, (2, 2), as thick as the radii say."""
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]], np.float32) / max(float(np.hypot(*along)), 1e-6)
    sides = [ends[0] + across * first, ends[1] + across * second, ends[1] - across * second, ends[0] - across * first]
    cv2.fillConvexPoly(out, _fixed(np.stack(sides)), 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    _disc(out, ends[0], first)
    _disc(out, ends[1], second)


def _hull(out: Image, corners: Points, radius: float) -> None:
    """The convex hull of `corners`, (N, 2), grown by `radius`."""
    ring = cv2.convexHull(corners)[:, 0].astype(np.float32)
    cv2.fillConvexPoly(out, _fixed(ring), 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        _capsule(out, np.stack([start, end]), radius, radius)
