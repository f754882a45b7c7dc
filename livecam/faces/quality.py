"""How good a photo of a persona is: numbers, one mark, and sentences that say what would make a better one."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import cv2
import numpy as np

from livecam.core.face import Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.geometry import similarity
from livecam.errors import PhotoRefused
from livecam.vision.mesh.judge import judge
from livecam.vision.mesh.pose import Rows, face_height
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY, rigid_fitter

FaceFinder: TypeAlias = Callable[[Image], tuple[Points | None, int]]
"""Gives landmarks, (478, 3) f32 px, of the largest face of an upright (H, W, 3) u8 BGR photo, and how many faces it
has; None where there is none."""

SOFT: Final = 0.45
"""Photos of less sharpness look soft on a live face."""

_GOOD_PX, _ENOUGH_PX = 200.0, 400.0
_FURTHEST = 60.0
_OPEN_MOUTH, _OPEN_EYE = 0.12, 0.25
_CHEEKS = (50, 280)
# Of the crop that sharpness is measured in, px; smaller faces are not enlarged for it.
_LARGEST_SIDE, _SMALLEST_SIDE = 256, 48
_REACH: Final = 9
# Where the five points of `Landmarks` come to lie in a picture of side 1: with hair, chin and some room.
FIVE: Final = np.array([[0.38, 0.44], [0.62, 0.44], [0.5, 0.56], [0.41, 0.69], [0.59, 0.69]], np.float32)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of a face in a photo, and what would be better.

    Attributes:
        pixels: Height of the face, forehead to chin, px; 0 where no face was found.
        sharpness: 0..1, how much of it is lost by blurring; about 0.7 for a sharp photo, under 0.4 for a blurred one.
        yaw: Degrees, positive when turned to the image's right.
        pitch: Degrees, positive when looking up.
        light: 0..1, how bright the darker cheek is by the brighter one; 1 is even.
        mouth: Distance of the inner lips in heights of the face; 0 is closed.
        eyes: How far the less open eye is open, in its widths.
        advice: Sentences, each with what to do; empty when nothing could be better.
    """

    pixels: float
    sharpness: float
    yaw: float
    pitch: float
    light: float
    mouth: float
    eyes: float
    advice: tuple[str, ...] = ()

    @property
    def mark(self) -> float:
        """0..1: all of it in one number, by which photos are sorted."""
        size = min(1.0, self.pixels / _ENOUGH_PX)
        pose = max(0.0, 1 - math.hypot(self.yaw, self.pitch) / _FURTHEST)
        mouth = max(0.0, 1 - self.mouth / _OPEN_MOUTH)
        eyes = min(1.0, self.eyes / _OPEN_EYE)
        sharp = min(1.0, self.sharpness / 0.7)
        return float(math.sqrt(size) * pose * sharp * (0.5 + 0.5 * self.light) * (0.6 + 0.2 * mouth + 0.2 * eyes))


UNKNOWN: Final = Quality(0, 0, 0, 0, 0, 0, 0)
"""Of photos that nobody has looked at, or that show no face."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A photo's quality, and where its face is.

    Attributes:
        quality: What was measured.
        five: (5, 2) f32 px: eyes, nose tip, mouth corners; None where no face was found.
    """

    quality: Quality
    five: Points | None


class PhotoJudge:
    """Judges photos. One thread.

    Args:
        find: Finds the face.
        strict: Whether a photo that the mesh swap cannot use is refused; else that becomes advice, since another
            swapper may use it.
    """

    def __init__(self, find: FaceFinder, *, strict: bool = True) -> None:
        self._find = find
        self._strict = strict

    def __call__(self, image: Image, name: str) -> Judged:
        """What `image`, an upright (H, W, 3) u8 BGR photo, is worth.

        Raises:
            PhotoRefused: It cannot serve; the sentence names it.
            EngineError: A network failed.
        """
        judged, refusal = self._look(image)
        if refusal is not None and self._strict:
            raise PhotoRefused(f"{name}: {refusal.what}", refusal.next_step)
        return judged

    def lenient(self, image: Image) -> Judged:
        """The same of a photo that was taken already: why it would be refused is advice.

        Raises:
            EngineError: A network failed.
        """
        return self._look(image)[0]

    def _look(self, image: Image) -> tuple[Judged, PhotoRefused | None]:
        points, faces = self._find(image)
        refused = None
        try:
            advice = judge(image, points, faces)
        except PhotoRefused as refusal:
            refused, advice = refusal, [str(refusal)]
        if points is None or not np.isfinite(points).all():
            return Judged(replace(UNKNOWN, advice=tuple(advice)), None), refused
        return _measured(image, points, advice), refused


def _measured(image: Image, points: Points, advice: list[str]) -> Judged:
    pose, height = rigid_fitter()(points), face_height(points)
    shape, five = pose.shape_of(points), Landmarks(points[:LANDMARKS, :2], Topology.MESH468).five
    sharpness = sharpness_of(image, five, height)
    if sharpness < SOFT:
        advice = [*advice, "The photo is blurred; hold the camera still, and let it focus on the face."]
    yaw, pitch, _ = pose.angles
    quality = Quality(
        pixels=round(height, 1),
        sharpness=round(sharpness, 3),
        yaw=round(yaw, 1),
        pitch=round(pitch, 1),
        light=round(_evenness(image, points, height), 3),
        mouth=round(max(0.0, _mouth(shape)), 4),
        eyes=round(_eyes(shape), 3),
        advice=tuple(advice),
    )
    return Judged(quality, five)


def sharpness_of(image: Image, five: Points, height: float) -> float:
    """1 less the blur metric of Crete et al. 2007 ("The blur effect", SPIE 6492), of the aligned face.

    What was sharp loses most of its differences between neighbours by blurring; what was blurred loses few.
    """
    side = round(min(_LARGEST_SIDE, max(_SMALLEST_SIDE, height)))
    crop = cv2.warpAffine(image, similarity(five, (FIVE - 0.5) * (side * 1.4) + side / 2), (side, side))
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    kept = []
    for axis, kernel in ((1, (_REACH, 1)), (0, (1, _REACH))):
        before, after = np.abs(np.diff(grey, axis=axis)), np.abs(np.diff(cv2.blur(grey, kernel), axis=axis))
        total = float(before.sum())
        kept.append(1 - float(np.maximum(before - after, 0).sum()) / total if total else 1.0)
    return 1 - max(kept)


def _evenness(image: Image, points: Points, height: float) -> float:
    left, right = (_grey(image, points[cheek], height) for cheek in _CHEEKS)
    return min(left, right) / max(left, right, 1.0)


def _grey(image: Image, spot: Points, height: float) -> float:
    """Mean grey value around `spot`."""
    reach = max(2, round(0.04 * height))
    x, y = (max(reach, round(float(value))) for value in spot[:2])
    around = image[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return float(around.mean()) if around.size else 0.0


def _mouth(shape: Rows) -> float:
    """Mean distance of the inner lips of a pose-free shape, down the face, in face heights."""
    upper, lower = TOPOLOGY.lip_pair
    return float((shape[lower, 1] - shape[upper, 1]).mean())


def _eyes(shape: Rows) -> float:
    """How far the less open eye of a pose-free shape is open, in its widths."""
    gaps = []
    for (upper, lower), eye in zip(TOPOLOGY.lid_pairs, TOPOLOGY.eyes, strict=True):
        width = float(np.linalg.norm(shape[eye[len(eye) // 2]] - shape[eye[0]]))
        gaps.append(float(np.linalg.norm(shape[upper] - shape[lower], axis=1).mean()) / max(width, 1e-6))
    return min(gaps)
