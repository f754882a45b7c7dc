"""Moves the wearer's proportions towards the persona's, without touching the expression."""

from typing import NamedTuple

import numpy as np

from livecam.core.frame import Points
from livecam.vision.mesh.pose import Rows, mean_length, mean_row
from livecam.vision.mesh.topology import LANDMARKS, Indices, MeshTopology, Pair, rigid_fitter

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


class _Joint(NamedTuple):
    """A pair whose gap is kept; `rigid` ones keep it exactly, others take on the persona's share of it."""

    pair: Pair
    rigid: bool


class ShapeTransfer:
    """Adds the difference of two neutral shapes to an expression.

    Zero at the oval, where the face must meet the head it sits on. Lids and lips are moved as pairs, by what their
    middle moves, so that they never cross. (Moving the lips as one on top of that was tried: it keeps the landmarks no
    nearer to the wearer's, and costs 0.01 of likeness.)
    """

    def __init__(self, topology: MeshTopology) -> None:
        canonical = topology.canonical
        self._fit = rigid_fitter()
        self._eyes = topology.eyes
        self._joints = (_Joint(topology.lip_pair, True), *(_Joint(pair, False) for pair in topology.lid_pairs))
        self._rows = np.concatenate([np.concatenate(joint.pair) for joint in self._joints])
        self._spread = _spread(canonical, self._rows)
        self._inside = _inside(topology)

    def shape_of(self, points: Points) -> Rows:
        """(468, 3) f64: the face of (N, 3) f32 px points with the pose taken out."""
        return self._fit(points).shape_of(points[:LANDMARKS])

    def __call__(self, points: Points, neutral: Neutral, goal: Rows, amount: float) -> Points:
        """`points` with the proportions moved towards `goal`.

        Args:
            points: (N, 3) f32 px, N 468 or 478.
            neutral: The wearer's; learns from this frame.
            goal: (468, 3) f64, the persona's neutral shape, pose-free.
            amount: 0 leaves the points alone, 1 takes on the persona's proportions.

        Returns:
            (N, 3) f32, a new array.
        """
        pose = self._fit(points)
        shape = pose.shape_of(points[:LANDMARKS])
        mean = neutral.learn(shape)
        out = points.copy()
        if amount <= 0:
            return out
        move = self._move(shape, mean, goal) * (self._inside * amount)
        move += self._shut_lids(shape, shape + move) * min(1.0, amount / _SHUTS_FROM)
        shift = (move @ pose.rotation.T * pose.scale).astype(np.float32)
        out[:LANDMARKS] += shift
        for (start, end), eye in zip(_IRISES, self._eyes, strict=True):
            out[start:end, :2] += mean_row(shift[eye, :2])
        return out

    def _move(self, shape: Rows, mean: Rows, goal: Rows) -> Rows:
        """(468, 3) f64: the whole move, before it is faded towards the oval."""
        move = goal - mean
        paired = np.concatenate([_moved_as_one(joint, move, shape, mean, goal) for joint in self._joints])
        move += self._spread @ (paired - move[self._rows])
        return move

    def _shut_lids(self, shape: Rows, moved: Rows) -> Rows:
        """(468, 3) f64: what closes the lids of `moved`, as far as those of the wearer's `shape` mean to be closed."""
        closing = np.zeros((len(self._rows), 3))
        start = 2 * len(self._joints[0].pair.upper)
        for joint, eye in zip(self._joints[1:], self._eyes, strict=True):
            upper, lower = joint.pair
            across = shape[eye[0]] - shape[eye[len(eye) // 2]]
            gap = _gap(shape, joint.pair) / max(float(np.sqrt(across @ across)), 1e-6)
            share = min(1.0, max(0.0, (gap - _SHUT) / (_OPEN - _SHUT)))
            half = (moved[upper] - moved[lower]) * ((share * share * (3 - 2 * share) - 1) / 2)
            closing[start : start + len(upper)], closing[start + len(upper) : start + 2 * len(upper)] = half, -half
            start += 2 * len(upper)
        shut: Rows = self._spread @ closing
        return shut


def _moved_as_one(joint: _Joint, move: Rows, shape: Rows, mean: Rows, goal: Rows) -> Rows:
    """(2 n, 3) f64: the move of the upper, then of the lower rows of a pair: their middle's, and a changed gap."""
    upper, lower = joint.pair
    middle = (move[upper] + move[lower]) / 2
    ratio = 1.0
    if not joint.rigid:
        wanted, own = _gap(goal, joint.pair), _gap(mean, joint.pair)
        ratio = min(max(wanted / max(own, 1e-6), _LID_GAP[0]), _LID_GAP[1])
    widen = (shape[upper] - shape[lower]) * ((ratio - 1) / 2)
    return np.concatenate([middle + widen, middle - widen])


def _gap(shape: Rows, pair: Pair) -> float:
    """Mean distance between the rows of a pair."""
    return mean_length(shape[pair.upper] - shape[pair.lower])


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
