"""The palm detector: where hands begin. It runs now and then; the hand network follows from there.

A single-shot network with one regressed box and seven keypoints per anchor (Zhang et al. 2020, MediaPipe Hands), of the
same make as the face detectors in `livecam.vision.mesh.detect`.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.core.seams import Engine, TensorSpec
from livecam.errors import ModelError
from livecam.vision.hands.landmarks import HandRoi
from livecam.vision.mesh.detect import overlaps
from livecam.vision.mesh.scratch import Scratch

SIDE = 192
"""Side of the network's input, px."""

ANCHORS = 2016
KEYPOINTS = 7
"""Wrist, knuckles from the index finger to the little one, and two joints at the thumb's base."""

_WRIST, _MIDDLE_KNUCKLE = 0, 2
_VALUES = 4 + 2 * KEYPOINTS
_SUPPRESS_IOU = 0.3
# Of the palm's longer side: the square around the whole hand, and how far its middle lies towards the fingers.
_SQUARE, _TOWARDS_FINGERS = 2.6, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Palm:
    """A palm found in one frame.

    Attributes:
        corners: (4,) f32 left, top, right, bottom, px of the frame.
        keypoints: (7, 2) f32, px of the frame.
        score: 0..1.
    """

    corners: Points
    keypoints: Points
    score: float

    @property
    def roi(self) -> HandRoi:
        """The turned square that should hold the whole hand, fingers up."""
        left, top, right, bottom = self.corners.tolist()
        size = max(right - left, bottom - top)
        along = self.keypoints[_MIDDLE_KNUCKLE] - self.keypoints[_WRIST]
        middle = np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
        return HandRoi.along(middle, along, size * _SQUARE, size * _TOWARDS_FINGERS)


@dataclass(frozen=True, slots=True, eq=False)
class Shrunk:
    """A part of a frame, fitted into the middle of the network's square on black.

    Attributes:
        image: (1, 192, 192, 3) u8 BGR.
        origin: (2,) f32: where its left top corner lies, px of the frame.
        scale: Px of the network for each px of the frame.
    """

    image: Image
    origin: Points
    scale: float


def anchors() -> Points:
    """(2016, 2) f32 anchor centres, px: 2 on each cell of a 24x24 grid, then 6 on each of a 12x12 grid."""
    return np.concatenate([_grid(24, 2), _grid(12, 6)]) * np.float32(SIDE)


def _grid(cells: int, repeats: int) -> Points:
    """Centres of cells x cells cells, row by row, each `repeats` times: (cells * cells * repeats, 2) f32, 0..1."""
    steps = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    across, down = np.meshgrid(steps, steps)
    return np.stack([across, down], axis=-1).reshape(-1, 2).astype(np.float32).repeat(repeats, axis=0)


class PalmDetector:
    """Finds palms in a part of a frame. Owns its buffers; one thread at a time.

    Args:
        engine: Takes `image`, (1, 192, 192, 3) u8 BGR, and gives `boxes`, (2016, 18) f32, and `scores`, (2016,) f32.

    Raises:
        ModelError: The network is another one.
    """

    def __init__(self, engine: Engine) -> None:
        _check(engine)
        self._engine = engine
        self._anchors = anchors()
        self._scratch = Scratch()

    def shrink(self, image: Image, x: float, y: float, side: float) -> Shrunk | None:
        """The part of `image`, (H, W, 3) u8 BGR, in the square of `side` px around (x, y); None when it is outside.

        In two steps, sampling and then averaging, as the face detectors do.
        """
        height, width = image.shape[:2]
        left, top = max(0, round(x - side / 2)), max(0, round(y - side / 2))
        right, bottom = min(width, round(x + side / 2)), min(height, round(y + side / 2))
        if right - left < 1 or bottom - top < 1:
            return None
        scale = SIDE / max(right - left, bottom - top)
        columns, rows = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        part = image[top:bottom, left:right]
        if scale < 0.5:
            part = cv2.resize(part, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        out = np.zeros((1, SIDE, SIDE, 3), np.uint8)
        out_left, out_top = (SIDE - columns) // 2, (SIDE - rows) // 2
        inside = out[0, out_top : out_top + rows, out_left : out_left + columns]
        cv2.resize(part, (columns, rows), inside, interpolation=cv2.INTER_AREA)
        return Shrunk(out, np.array([left - out_left / scale, top - out_top / scale], np.float32), scale)

    def __call__(self, shrunk: Shrunk, threshold: float) -> list[Palm]:
        """Palms with a score of at least `threshold`, best first, in px of the frame that `shrunk` was made of.

        Raises:
            EngineError: The backend failed.
        """
        outputs = self._engine.run({"image": shrunk.image})
        scores: Points = outputs["scores"].astype(np.float32, copy=False)
        kept = np.flatnonzero(scores >= threshold)
        rows: Points = outputs["boxes"][kept].astype(np.float32)
        rows[:, :2] += self._anchors[kept]
        rows[:, 4:] += np.tile(self._anchors[kept], KEYPOINTS)
        sound = np.isfinite(rows).all(axis=1)
        return [_palm(row, score, shrunk) for row, score in _suppressed(rows[sound], scores[kept][sound])]


def _suppressed(rows: Points, scores: Points) -> list[tuple[Points, float]]:
    """Weighted suppression: the mean, by score, of each box and what overlaps it, with its score; best first."""
    order = np.argsort(-scores, kind="stable")
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
    near = overlaps(corners) > _SUPPRESS_IOU
    left = np.ones(len(rows), dtype=bool)
    found: list[tuple[Points, float]] = []
    for index in order:
        if left[index]:
            cluster = near[index] & left
            cluster[index] = True
            left &= ~cluster
            mean: Points = np.average(rows[cluster], axis=0, weights=scores[cluster]).astype(np.float32)
            found.append((mean, float(scores[index])))
    return found


def _palm(row: Points, score: float, shrunk: Shrunk) -> Palm:
    """(18,) f32, px of the network, as a palm in px of the frame."""
    half = row[2:4] / 2
    spots = np.concatenate([row[:2] - half, row[:2] + half, row[4:]]).reshape(-1, 2)
    placed = (spots / np.float32(shrunk.scale) + shrunk.origin).astype(np.float32)
    return Palm(placed[:2].ravel(), placed[2:], score)


def _check(engine: Engine) -> None:
    """Raise ModelError unless `engine` is the palm network."""
    wanted = {"boxes": TensorSpec((ANCHORS, _VALUES), "float32"), "scores": TensorSpec((ANCHORS,), "float32")}
    outputs = engine.outputs
    fits = engine.inputs.get("image") == TensorSpec((1, SIDE, SIDE, 3), "uint8")
    if not fits or any(outputs.get(name) != spec for name, spec in wanted.items()):
        raise ModelError("The palm network is not the one with 2016 anchors.", "Fetch it again: livecam models fetch")
