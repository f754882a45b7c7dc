"""The two face detectors that come with the mesh engine: short range (webcam distance) and full range (far faces).

Both are single-shot networks with one regressed box and six keypoints per anchor (BlazeFace: Bazarevsky et al. 2019).
They differ only in the side of their input and in where their anchors lie.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Image, Points
from livecam.core.seams import Engine, TensorSpec
from livecam.errors import ContractError, ModelError

KEYPOINTS = 6
"""Eye on the image's left, eye on its right, nose tip, mouth centre, ear on the left, ear on the right."""

_VALUES = 4 + 2 * KEYPOINTS
_SUPPRESS_IOU = 0.3
_AGAIN = "Fetch it again: livecam models fetch"
# Half the distance of the mouth corners over the distance of the eyes, in the five-point template that recognisers
# align to (ArcFace, 112 px: corners at 41.5 and 70.7, eyes at 38.3 and 73.5).
_MOUTH_HALF_WIDTH = 0.414


class Fit(NamedTuple):
    """How an image was fitted into a network's square: network px = frame px * scale + offset."""

    scale_x: float
    scale_y: float
    left: int
    top: int


def short_range_anchors() -> Points:
    """(896, 2) f32 anchor centres, 0..1: 2 on each cell of a 16x16 grid, then 6 on each of an 8x8 grid."""
    return np.concatenate([_grid(16, 2), _grid(8, 6)])


def full_range_anchors() -> Points:
    """(2304, 2) f32 anchor centres, 0..1: one on each cell of a 48x48 grid."""
    return _grid(48, 1)


def _grid(cells: int, repeats: int) -> Points:
    """Centres of cells x cells cells, row by row, each `repeats` times: (cells * cells * repeats, 2) f32, 0..1."""
    steps = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    across, down = np.meshgrid(steps, steps)
    centres = np.stack([across, down], axis=-1, dtype=np.float32).reshape(-1, 2)
    return centres.repeat(repeats, axis=0)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before suppression, in network px.

    Attributes:
        corners: (K, 4) f32 left, top, right, bottom.
        keypoints: (K, 6, 2) f32.
        scores: (K,) f32, 0..1.
    """

    corners: Points
    keypoints: Points
    scores: Points


def decode(boxes: Points, scores: Points, anchors: Points, threshold: float) -> Candidates:
    """Turn what the network regressed into boxes, for the anchors whose score reaches `threshold`.

    Args:
        boxes: (A, 16) f32: centre x, centre y, width, height, then six keypoints x, y; px of the network's input, the
            positions relative to the anchor.
        scores: (A,) f32, 0..1.
        anchors: (A, 2) f32 centres, px of the network's input.
        threshold: 0..1.
    """
    kept = np.flatnonzero(scores >= threshold)
    rows, origin = boxes[kept], anchors[kept]
    centre, half = rows[:, :2] + origin, rows[:, 2:4] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1, dtype=np.float32)
    return Candidates(corners, rows[:, 4:].reshape(-1, KEYPOINTS, 2) + origin[:, None], scores[kept])


def overlaps(corners: Points) -> Points:
    """(K, K) f32: intersection over union of every pair of (K, 4) f32 boxes; 0 where both are empty."""
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = np.clip(corners[:, 2:] - corners[:, :2], 0, None).prod(axis=1)
    union = area[:, None] + area[None, :] - shared
    ratio: Points = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def suppress(found: Candidates, iou: float = _SUPPRESS_IOU) -> Candidates:
    """Weighted non-maximum suppression: one box per cluster, the mean of the cluster weighted by score.

    Averaging instead of picking steadies the box (BlazeFace, section 3.4). A cluster is the best box left and all
    boxes left whose `iou` with it is larger; its score is the best one's. Best first.
    """
    order = np.argsort(-found.scores, kind="stable")
    near = overlaps(found.corners) > iou
    np.fill_diagonal(near, val=True)
    left = np.ones(len(order), dtype=bool)
    weights = np.zeros((len(order), len(order)), dtype=np.float32)
    best: list[int] = []
    for index in order:
        if left[index]:
            cluster = near[index] & left
            left &= ~cluster
            weights[len(best)] = cluster * found.scores
            best.append(int(index))
    weights = weights[: len(best)] / np.maximum(weights[: len(best)].sum(axis=1, keepdims=True), 1e-12)
    keypoints = (weights @ found.keypoints.reshape(-1, 2 * KEYPOINTS)).reshape(-1, KEYPOINTS, 2)
    return Candidates(weights @ found.corners, keypoints, found.scores[best])


def five_of(keypoints: Points) -> Points:
    """The five-point landmarks, (5, 2) f32, that (6, 2) f32 detector keypoints give.

    The detectors know the middle of the mouth only. Its corners are put beside it along the line through the eyes,
    as far apart as they are on an average face, so that they turn and foreshorten as the eyes do.
    """
    left_eye, right_eye, nose, mouth = keypoints[:4]
    reach = (right_eye - left_eye) * np.float32(_MOUTH_HALF_WIDTH)
    return np.stack([left_eye, right_eye, nose, mouth - reach, mouth + reach]).astype(np.float32)


class AnchorDetector:
    """A `Detector` over a network with anchors. Owns its buffers; used by one thread.

    Args:
        engine: Takes `image`, (1, S, S, 3) u8 BGR, and gives `boxes`, (A, 16) f32, and `scores`, (A,) f32.
        anchors: (A, 2) f32 anchor centres, 0..1.

    Raises:
        ModelError: The network is another one, or does not fit the anchors.
    """

    def __init__(self, engine: Engine, anchors: Points) -> None:
        self._engine = engine
        self.side = _square_side(engine)
        _check_outputs(engine, len(anchors))
        self._anchors = anchors * np.float32(self.side)
        self._twice = np.zeros((0, 0, 3), dtype=np.uint8)
        self._shrunk = np.zeros((self.side, self.side, 3), dtype=np.uint8)

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        """Faces in `image` (H, W, 3) u8 BGR with a score of at least `threshold`, best first.

        Raises:
            EngineError: The backend failed.
        """
        fit = self.shrink(image, self._shrunk)
        return self.detect_shrunk(self._shrunk, fit, threshold)

    def shrink(self, image: Image, out: Image) -> Fit:
        """Fit `image` into the middle of `out`, (side, side, 3) u8, on black. The cheap half of a call.

        In two steps, to twice the size by sampling and from there by averaging: several times as fast as averaging
        every pixel. Sampling alone is faster still, but its noise hides faces in the dark (measured: of large dark
        faces the full-range network then finds 40 %, not 98 %).
        """
        height, width = image.shape[:2]
        scale = self.side / max(height, width)
        columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (self.side - columns) // 2, (self.side - rows) // 2
        out.fill(0)
        inside = out[top : top + rows, left : left + columns]
        cv2.resize(self._sampled(image, 2 * columns, 2 * rows), (columns, rows), inside, interpolation=cv2.INTER_AREA)
        return Fit(columns / width, rows / height, left, top)

    def _sampled(self, image: Image, columns: int, rows: int) -> Image:
        """`image` sampled down to columns x rows in a buffer of this detector; itself when it is not larger."""
        if image.shape[0] <= rows or image.shape[1] <= columns:
            return image
        if self._twice.shape[:2] != (rows, columns):
            self._twice = np.empty((rows, columns, 3), dtype=np.uint8)
        cv2.resize(image, (columns, rows), self._twice, interpolation=cv2.INTER_LINEAR)
        return self._twice

    def detect_shrunk(self, shrunk: Image, fit: Fit, threshold: float) -> list[Detection]:
        """Faces in an image that `shrink` made, in px of the frame it was made from, best first.

        Raises:
            ContractError: The network answered with nonsense.
            EngineError: The backend failed.
        """
        outputs = self._engine.run({"image": shrunk[None]})
        boxes: Points = outputs["boxes"].astype(np.float32, copy=False)
        scores: Points = outputs["scores"].astype(np.float32, copy=False)
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            # Scores that are no numbers reach no threshold: it would look as if nobody were there.
            raise ContractError("The face detector's network answered with values that are no numbers.")
        found = decode(boxes, scores, self._anchors, threshold)
        return _detections(suppress(found), fit) if len(found.scores) else []


class ShortRangeDetector(AnchorDetector):
    """Faces up to about two metres away: 128x128 input, 896 anchors on two layers."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, short_range_anchors())


class FullRangeDetector(AnchorDetector):
    """Faces up to about five metres away: 192x192 input, 2304 anchors on one layer; three times the cost."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, full_range_anchors())


def _detections(found: Candidates, fit: Fit) -> list[Detection]:
    """`found`, network px, as detections in frame px."""
    offset = np.array([fit.left, fit.top], dtype=np.float32)
    scale = np.array([fit.scale_x, fit.scale_y], dtype=np.float32)
    corners = ((found.corners.reshape(-1, 2, 2) - offset) / scale).reshape(-1, 4).tolist()
    keypoints = (found.keypoints - offset) / scale
    scores = found.scores.tolist()
    return [
        Detection(Box(*box), Landmarks(five_of(points), Topology.FIVE), score)
        for box, points, score in zip(corners, keypoints, scores, strict=True)
    ]


def _square_side(engine: Engine) -> int:
    """The side of the (1, S, S, 3) u8 image that `engine` takes.

    Raises:
        ModelError: It takes something else.
    """
    spec = engine.inputs.get("image")
    side = spec.shape[1] if spec is not None and len(spec.shape) == 4 else 0
    if spec != TensorSpec((1, side, side, 3), "uint8"):
        raise ModelError("The face detector's network does not take one square picture.", _AGAIN)
    return side


def _check_outputs(engine: Engine, anchors: int) -> None:
    """Raise ModelError unless `engine` gives a box and a score for each anchor."""
    outputs = engine.outputs
    wanted = {"boxes": TensorSpec((anchors, _VALUES), "float32"), "scores": TensorSpec((anchors,), "float32")}
    if any(outputs.get(name) != spec for name, spec in wanted.items()):
        raise ModelError(f"The face detector's network does not give {anchors} boxes and scores.", _AGAIN)
