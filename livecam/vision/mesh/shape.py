"""Moves the wearer's proportions towards the persona's, without touching the expression."""

from dataclasses import dataclass

import numpy as np

from livecam.core.frame import Points
from livecam.vision.mesh.pose import Pose, Rows, mean_row
from livecam.vision.mesh.topology import LANDMARKS, Indices, MeshTopology, rigid_fitter
from livecam.vision.mesh.unfold import Unfolder

# How fast the wearer's neutral shape is learnt: the mean of all frames so far, later of about the last 200.
_LONGEST_MEMORY = 0.005
# Measured: 0.22 costs 0.013 of likeness, less than 0.12 gives nothing more.
_OVAL_FADE = 0.12
_PAIR_REACH, _PAIR_SPREAD = 0.07, 0.035
_LID_GAP = (0.75, 1.35)
# The landmarker never quite closes an eye: gaps of its lids, in widths of the eye, that mean shut and that mean open.
# From this amount on, eyes that are shut are drawn shut.
_SHUT, _OPEN = 0.07, 0.14
_SHUTS_FROM = 0.5
_IRISES = ((468, 473), (473, 478))
_MIRRORED = np.array([-1.0, 1.0, 1.0])


class Neutral:
    """The wearer's own shape without expression: a running mean. One per followed face."""

    def __init__(self) -> None:
        self.mean: Rows | None = None
        self._frames = 0

    def learn(self, shape: Rows) -> Rows:
        """Take in one frame's pose-free shape, (468, 3) f64, and return the mean."""
        self._frames += 1
        if self.mean is None:
            self.mean = shape.copy()
        else:
            self.mean += max(1 / self._frames, _LONGEST_MEMORY) * (shape - self.mean)
        return self.mean


class ShapeTransfer:
    """Adds the difference of two neutral shapes to an expression: what of it is alike on both sides of the face.

    The rest is mostly no proportion of anybody: the network's mesh of a turned head is askew, and whoever sits turned
    to the camera has another mean than a photo from the front. Drawn, it would turn the face against the head.

    Zero at the oval, where the face must meet the head it sits on. Lids and lips are moved as pairs, by what their
    middle moves, so that they never cross. (Moving the lips as one on top of that was tried: it keeps the landmarks no
    nearer to the wearer's, and costs 0.01 of likeness.)
    """

    def __init__(self, topology: MeshTopology) -> None:
        canonical = topology.canonical
        self._fit = rigid_fitter()
        self._eyes = topology.eyes
        self._mirror = topology.mirror
        self._pairs = _Pairs.of(topology)
        self._rows = np.concatenate([self._pairs.upper, self._pairs.lower])
        self._spread = _spread(canonical, self._rows)
        self._inside = _inside(topology)
        self._unfold = Unfolder(canonical)

    def shape_of(self, points: Points) -> Rows:
        """(468, 3) f64: the face of (N, 3) f32 px points with the pose taken out."""
        return self._fit(points).shape_of(points[:LANDMARKS])

    def __call__(self, points: Points, neutral: Neutral, goal: Rows, amount: float, pose: Pose | None = None) -> Points:
        """`points` with the proportions moved towards `goal`.

        Args:
            points: (N, 3) f32 px, N 468 or 478.
            neutral: The wearer's; learns from this frame.
            goal: (468, 3) f64, the persona's neutral shape, pose-free.
            amount: 0 leaves the points alone, 1 takes on the persona's proportions.
            pose: Of `points`; found unless given.

        Returns:
            (N, 3) f32, a new array.
        """
        pose = pose or self._fit(points)
        shape = pose.shape_of(points[:LANDMARKS])
        mean = neutral.learn(shape)
        out = points.copy()
        if amount <= 0:
            return out
        move = self._move(shape, mean, mean + self._even(goal - mean)) * (self._inside * amount)
        move += self._shut_lids(shape, shape + move) * min(1.0, amount / _SHUTS_FROM)
        self._unfold(shape, move)
        shift = (move @ pose.rotation.T * pose.scale).astype(np.float32)
        out[:LANDMARKS] += shift
        for (start, end), eye in zip(_IRISES, self._eyes, strict=True):
            out[start:end, :2] += mean_row(shift[eye, :2])
        return out

    def _even(self, move: Rows) -> Rows:
        """(468, 3) f64: what of `move` is the same on both sides of the face."""
        even: Rows = move[self._mirror]
        even *= _MIRRORED
        even += move
        even /= 2
        return even

    def _move(self, shape: Rows, mean: Rows, goal: Rows) -> Rows:
        """(468, 3) f64: the whole move, before it is faded towards the oval.

        The rows of a pair are moved by what their middle moves, and their gap is changed.
        """
        pairs, move = self._pairs, goal - mean
        middle = (move[pairs.upper] + move[pairs.lower]) / 2
        ratio = np.minimum(np.maximum(pairs.gaps(goal) / np.maximum(pairs.gaps(mean), 1e-6), _LID_GAP[0]), _LID_GAP[1])
        widen = pairs.across(shape) * pairs.of_lids((ratio - 1) / 2)
        paired = np.concatenate([middle + widen, middle - widen])
        move += self._spread @ (paired - move[self._rows])
        return move

    def _shut_lids(self, shape: Rows, moved: Rows) -> Rows:
        """(468, 3) f64: what closes the lids of `moved`, as far as those of the wearer's `shape` mean to be closed."""
        pairs = self._pairs
        ends = shape[pairs.left] - shape[pairs.right]
        width = np.maximum(np.sqrt(np.einsum("nd,nd->n", ends, ends)), 1e-6)
        share = np.minimum(np.maximum((pairs.gaps(shape) / width - _SHUT) / (_OPEN - _SHUT), 0), 1)
        if share.min() >= 1:
            return np.zeros_like(shape)
        half = pairs.across(moved) * pairs.of_lids((share * share * (3 - 2 * share) - 1) / 2)
        shut: Rows = self._spread @ np.concatenate([half, -half])
        return shut


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Rows of the mesh that lie across from each other: those of the lips, then those of the lids, left then right.

    The lips keep their gap exactly, the lids take on the persona's share of it.

    Attributes:
        upper: (R,) rows.
        lower: (R,) rows.
        lips: How many of them are the lips'.
        left: (2,) rows: the left corner of each eye.
        right: (2,) rows: the right one.
    """

    upper: Indices
    lower: Indices
    lips: int
    left: Indices
    right: Indices

    @classmethod
    def of(cls, topology: MeshTopology) -> "_Pairs":
        """Those of a mesh."""
        lips, lids, eyes = topology.lip_pair, topology.lid_pairs, topology.eyes
        upper, lower = (np.concatenate([pair[side] for pair in (lips, *lids)]) for side in (0, 1))
        left, right = (np.array([eye[place] for eye in eyes], np.int32) for place in (0, len(eyes[0]) // 2))
        return cls(upper, lower, len(lips.upper), left, right)

    def across(self, shape: Rows) -> Rows:
        """(R, 3): from each lower row of `shape` to the upper one."""
        across: Rows = shape[self.upper] - shape[self.lower]
        return across

    def gaps(self, shape: Rows) -> Rows:
        """(2,) f64: mean distance of the lids of each eye."""
        across = shape[self.upper[self.lips :]] - shape[self.lower[self.lips :]]
        long = np.sqrt(np.einsum("nd,nd->n", across, across)).reshape(2, -1)
        gaps: Rows = np.add.reduce(long, axis=1) / long.shape[1]
        return gaps

    def of_lids(self, values: Rows) -> Rows:
        """(R, 1) f64: for each row the one of (2,) `values` of its eye; 0 for lips."""
        spread = np.zeros((len(self.upper), 1))
        spread[self.lips :, 0] = np.repeat(values, (len(self.upper) - self.lips) // 2)
        return spread


def _spread(canonical: Points, rows: Indices) -> Rows:
    """(468, R) f64: how much each landmark follows a correction of each of `rows`; those follow their own exactly."""
    distance = np.linalg.norm(canonical[:, None] - canonical[rows][None], axis=2).astype(np.float64)
    share = np.exp(-((distance / _PAIR_SPREAD) ** 2))
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    spread: Rows = share * np.exp(-((distance.min(axis=1, keepdims=True) / _PAIR_REACH) ** 2))
    spread[rows] = np.eye(len(rows))
    return spread


def _inside(topology: MeshTopology) -> Rows:
    """(468, 1) f64: 0 on the oval, 1 well inside, smooth between, the same for both rows of a pair."""
    flat = topology.canonical[:, :2]
    distance = np.linalg.norm(flat[:, None] - flat[topology.oval][None], axis=2).min(axis=1)
    share = np.clip(distance / _OVAL_FADE, 0, 1).astype(np.float64)
    share = share * share * (3 - 2 * share)
    for upper, lower in (topology.lip_pair, *topology.lid_pairs):
        share[upper] = share[lower] = (share[upper] + share[lower]) / 2
    inside: Rows = share[:, None]
    return inside
