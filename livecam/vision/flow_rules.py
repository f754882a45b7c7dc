"""What `livecam.vision.flow` believes how far: its rules, and what is different about the parts of the face."""

import math
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points
from livecam.vision.calm import Ways, paced_one, ramp_one
from livecam.vision.mesh.landmarks import ALL_ROWS, MESH_ROWS
from livecam.vision.mesh.topology import TOPOLOGY, Pair

_EYES = ("left_eye", "right_eye")

Rows: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FlowRules:
    """How far the flow is believed, at steadiness 0.5. Shares are of a difference, made up in `frame_s`.

    Limits are pairs: up to the first a share stays as it is, from the second on it is 1. In face heights.

    Attributes:
        frame_s: See above.
        pose_share: Of what the network says beside the flow about the face as a whole.
        skin_share: The same about single landmarks of the skin.
        eye_share: About those around the eyes.
        lip_share: About those of the lips.
        depth_share: Of what it says about depth, of which the flow knows nothing.
        iris_share: At least, of irises, which turn under lids that do not; of the whole difference.
        at_rest: Factor on these shares, but those of depth and irises, while the face rests: then there is no drift.
        rest_share: While it rests, what is drawn follows what flow and network say by so much.
        pose_limits: Of the mean difference of the face as a whole.
        skin_limits: Of the difference of a landmark of the skin.
        feature_limits: Of one of eyes and lips.
        lid_limits: Of the difference between the openings of an eye, for all landmarks around it.
        gap_limits: Of the same, for what the lids lie apart alone: a blink is over in a few frames. Up to the first
            nothing of it is made up.
        lip_gap_limits: Of the difference between the openings of the lips, for that opening alone.
        scatter: The limits of single landmarks rise with the median of all differences: the upper ones to so many
            times it. Where all are off, it is the network that is: the face moves fast.
        flow_trust: In face heights a frame: up to this difference to the network's own motion the flow is believed.
        flow_limit: From this one on it is not.
        doubt_share: Least share of a landmark of which the flow was not believed just now.
        doubt_left: What of such a doubt is left in the next frame.
        longest_gap_s: A longer time step means a new start.
        longest_jump: A longer way of the face's middle, in face heights, means a new start.
    """

    frame_s: float = 1 / 30
    pose_share: float = 0.4
    skin_share: float = 0.44
    eye_share: float = 0.33
    lip_share: float = 0.38
    depth_share: float = 0.17
    iris_share: float = 0.5
    at_rest: float = 0.55
    rest_share: float = 0.28
    pose_limits: tuple[float, float] = (0.015, 0.03)
    skin_limits: tuple[float, float] = (0.015, 0.03)
    feature_limits: tuple[float, float] = (0.01, 0.034)
    lid_limits: tuple[float, float] = (0.004, 0.012)
    gap_limits: tuple[float, float] = (0.0008, 0.004)
    lip_gap_limits: tuple[float, float] = (0.0015, 0.006)
    scatter: float = 8.0
    flow_trust: float = 0.015
    flow_limit: float = 0.04
    doubt_share: float = 0.65
    doubt_left: float = 0.8
    longest_gap_s: float = 0.3
    longest_jump: float = 0.3


class Shares(NamedTuple):
    """What of a difference is made up in a frame of `FlowRules.frame_s`: at least, but of depth.

    Attributes:
        whole: Where it is that of the face as a whole.
        single: Where it is that of a landmark beside that: of skin, around eyes, of lips.
        depth: Of depth.
        irises: Of irises, the whole difference.
    """

    whole: float
    single: tuple[float, float, float]
    depth: float
    irises: float


class Parts:
    """What is different about the landmarks: the shares and limits of each.

    Attributes:
        kinds: (478,) which of `Shares.single` is theirs; 3 for the irises.
        per_low_squares: (478,) f32: one over the square of the lower limit.
        high: (478,) f32: the upper limit.
        per_high: (478,) f32: one over that.
        per_range: (478,) f32: one over the difference of the two.
        eyes: Of each eye, the rows of the landmarks around it.
    """

    def __init__(self, rules: FlowRules) -> None:
        around = _around_eyes()
        self.eyes: list[Rows] = [
            next(rows for rows in around if np.isin(lids.upper, rows).all()) for lids in TOPOLOGY.lid_pairs
        ]
        self.kinds: Rows = np.zeros(ALL_ROWS, dtype=np.intp)
        low, high = (np.full(ALL_ROWS, limit, dtype=np.float32) for limit in rules.skin_limits)
        kinds: list[Rows] = [np.concatenate(around), TOPOLOGY.lips.astype(np.intp), np.arange(MESH_ROWS, ALL_ROWS)]
        for kind, rows in enumerate(kinds, start=1):
            self.kinds[rows] = kind
            low[rows], high[rows] = rules.feature_limits
        self.per_low_squares = 1 / (low * low)
        self.high, self.per_high, self.per_range = high, 1 / high, 1 / (high - low)


class Openings:
    """What opens and shuts: the lids of each eye, and the lips."""

    def __init__(self, rules: FlowRules) -> None:
        self._frame_s = rules.frame_s
        self._limits = (rules.gap_limits, rules.gap_limits, rules.lip_gap_limits)
        lips = TOPOLOGY.lips.astype(np.intp)
        gaps = [_gap(pair) for pair in (*TOPOLOGY.lid_pairs, TOPOLOGY.lip_pair)]
        self._lids: Ways = np.stack(gaps[:2])
        # Times the rows that count: how far lids and lips lie apart, and how each row goes if that is made up.
        halves = [_lid_ways(lids) for lids in TOPOLOGY.lid_pairs]
        table: Ways = np.hstack([np.stack(gaps, axis=1), *halves, np.outer(gaps[2], _lip_ways(lips))])
        self._counting: Rows = np.flatnonzero(table.any(axis=1))
        self._table: Ways = table[self._counting]
        movers = np.concatenate([*(rows for pair in TOPOLOGY.lid_pairs for rows in pair), lips])
        # Their x, then their y, where all x come before all y.
        self._movers: Rows = np.concatenate([movers, movers + ALL_ROWS]).astype(np.intp)
        self._which: Rows = np.repeat([0, 1, 2], [*(half.shape[1] for half in halves), len(lips)])

    def of_eyes(self, ways: Ways) -> list[float]:
        """How far `ways`, (478, 2) f32, take the lids of each eye apart."""
        return [math.hypot(x, y) for x, y in (self._lids @ ways).tolist()]

    def follow(
        self, carried: Points, points: Points, height: float, pace: tuple[float, float], lips_too: bool = True
    ) -> None:
        """Bring lids and lips of `carried` as far apart as those of `points`, in place; their middles stay.

        Args:
            carried: (478, 3) f32 px, x, y and z of all each together in memory.
            points: (478, 3) f32 px, as the network found them.
            height: The face's, px.
            pace: Seconds since the last frame, and the factor on shares.
            lips_too: Or lids alone.
        """
        left: Ways = points[:, :2].T - carried[:, :2].T
        ways: Ways = left.take(self._counting, axis=1) @ self._table
        opened = [math.hypot(x, y) / height for x, y in ways[:, :3].T.tolist()]
        wanted = [ramp_one(off, *limits) for off, limits in zip(opened, self._limits, strict=True)]
        if not lips_too:
            wanted[2] = 0.0
        if any(wanted):
            shares = np.array([paced_one(share, self._frame_s, *pace) for share in wanted], dtype=np.float32)
            values = carried.T.reshape(-1)
            values[self._movers] += (ways[:, 3:] * shares[self._which]).reshape(-1)


def _around_eyes() -> list[Rows]:
    """The rows of the landmarks around each eye, as the network refines them."""
    path = resources.files("livecam.vision.mesh").joinpath("face_geometry.npz")
    with path.open("rb") as file, np.load(file) as data:
        return [data[name].astype(np.intp) for name in _EYES]


def _gap(pair: Pair) -> Ways:
    """(478,) f32: times landmarks, how far the two of a pair lie apart."""
    gap = np.zeros(ALL_ROWS, dtype=np.float32)
    gap[pair.upper], gap[pair.lower] = 1 / len(pair.upper), -1 / len(pair.lower)
    return gap


def _lid_ways(lids: Pair) -> Ways:
    """(478, 2 L) f32: times landmarks, half of what the upper lid's rows lie off the lower's; then minus that."""
    rows, count = np.concatenate(lids), len(lids.upper)
    ways = np.zeros((ALL_ROWS, 2 * count), dtype=np.float32)
    ways[rows] = np.kron([[1, -1], [-1, 1]], np.eye(count)) / 2
    return ways


def _lip_ways(lips: Rows) -> Ways:
    """(L,) f32: how much of a change of what the inner lips lie apart the lips' rows make up; less to the corners."""
    upper, lower = TOPOLOGY.lip_pair
    x, y = TOPOLOGY.canonical[lips, :2].T
    middle = (TOPOLOGY.canonical[upper, 1].mean() + TOPOLOGY.canonical[lower, 1].mean()) / 2
    beside = (x - x.mean()) / np.abs(x - x.mean()).max()
    ways = np.where(y < middle, 1, -1) * np.sqrt(1 - beside * beside) / 2
    ways /= np.abs(ways[np.isin(lips, np.concatenate([upper, lower]))]).mean() * 2
    lip_ways: Ways = ways.astype(np.float32)
    return lip_ways
