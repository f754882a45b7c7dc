"""When a face rests, and what moves its landmarks then, without the noise and the jerks of the flow that tells it.

The picture of a face that sits still moves in jerks: a codec leaves it as it was for a frame or two, then moves it by a
px at once. A rule that looks at one velocity alone cannot tell such a jerk from a motion that begins, so that what
calms the one lags behind the other (measured). How fast all of the face has flowed for a few frames can tell. So rest
is a state here, which a motion ends at once.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points
from livecam.vision.mesh.landmarks import ALL_ROWS, MESH_ROWS

Ways: TypeAlias = npt.NDArray[np.float32]
"""(N, D) or (N,) f32: something of each landmark. Quickest where each column lies together in memory."""

_TAME: Final = 1e-6
_MOST: Final = round(0.95 * MESH_ROWS) - 1
_EVEN: Final[Ways] = np.full(MESH_ROWS, 1 / MESH_ROWS, dtype=np.float32)
_EVEN_ALL: Final[Ways] = np.full(ALL_ROWS, 1 / ALL_ROWS, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class CalmRules:
    """When a face rests, and how calm it is then at steadiness 0.5. Speeds are in face heights per second.

    Attributes:
        frame_s: Shares are of a difference, made up in this time.
        rest_speed: The face comes to rest while 95 % of its landmarks move more slowly than this.
        end_speed: It rests no longer when they do not all move more slowly than this.
        settle_s: After so long.
        pose_share: At rest, of a new velocity of the face as a whole.
        point_share: The same of what a single landmark does beside that.
        speeds: Of the face as a whole in motion: at the first there is no haste, from the second on all of it.
    """

    frame_s: float = 1 / 30
    rest_speed: float = 0.11
    end_speed: float = 0.2
    settle_s: float = 0.09
    pose_share: float = 0.18
    point_share: float = 0.15
    speeds: tuple[float, float] = (0.04, 0.12)


class Calm:
    """Tells whether a face rests, and averages what moves it then. Owns its state.

    Args:
        rules: When that is, and how much.

    Attributes:
        rests: Whether it rested in the last frame.
        haste: 0 when it did, up to 1 when it moved.
    """

    def __init__(self, rules: CalmRules | None = None) -> None:
        self._rules = rules or CalmRules()
        # What the face as a whole did last, each landmark beside that, px, and how many px a speed of 1 was.
        self._last: tuple[Ways, Ways, float] | None = None
        self._slow_s = 0.0
        self.rests = False
        self.haste = 1.0

    def __call__(self, moved: Ways, parts: tuple[Ways, Ways], size: float, pace: tuple[float, float]) -> Ways:
        """What moves the landmarks, averaged if the face rests.

        Args:
            moved: (N, 2) f32 px: the flow at each landmark since the last frame.
            parts: (N, 2) f32 px each: of that, what the face as a whole did, and each landmark beside that. Both are
                kept, and changed by the next call.
            size: The face's height, px.
            pace: Seconds since the last frame, more than 0, and the factor on every share.

        Returns:
            (N, 2) f32 px; `moved` itself while the face moves.
        """
        rules, unit = self._rules, pace[0] * size
        self._settle(moved, unit, pace[0])
        whole, single = parts
        last, self._last = self._last, (whole, single, unit)
        if not self.rests or last is None:
            self.haste = ramp_one(mean_length(whole) / unit, *rules.speeds)
            return moved
        self.haste = 0.0
        pose_share, point_share = (
            paced_one(share, rules.frame_s, *pace) for share in (rules.pose_share, rules.point_share)
        )
        whole = _averaged(last[0], whole, unit / last[2], pose_share)
        calmed: Ways = whole + _averaged(last[1], single, unit / last[2], point_share)
        return calmed

    def _settle(self, moved: Ways, unit: float, step_s: float) -> None:
        """Tell from the flow, (N, 2) f32 px, whether the face rests; a speed of 1 is `unit` px."""
        rules, squares = self._rules, squared_lengths(moved[:MESH_ROWS])
        # What 95 % do not exceed. The flow's rules take a part of a row as well: a second time it costs a fifth.
        speed = math.sqrt(np.partition(squares, _MOST).item(_MOST)) / unit
        if speed >= rules.end_speed:
            self._slow_s = 0.0
        elif speed < rules.rest_speed:
            self._slow_s += step_s
        self.rests = self._slow_s >= rules.settle_s

    def reset(self) -> None:
        """The face is taken to move."""
        self._last = None
        self._slow_s, self.rests = 0.0, False


def _averaged(before: Ways, now: Ways, longer: float, share: float) -> Ways:
    """`share` of `now`, the rest of `before` times `longer`; in `now` itself, and `before` is used up."""
    before *= longer
    now -= before
    now *= share
    now += before
    return now


class AffineParts:
    """Takes fields over a face apart: what an affine map of the image explains, by least squares over its mesh.

    Owns its memory, as there is one in every frame.

    Args:
        count: How many landmarks the face has; its mesh comes first.

    Attributes:
        size: Of the face, px.
    """

    def __init__(self, count: int) -> None:
        self.size = 1.0
        self._base: Ways = np.ones((3, count), dtype=np.float32)
        self._fit: Ways = np.full((3, MESH_ROWS), 1 / MESH_ROWS, dtype=np.float32)

    def learn(self, points: Points, middle: tuple[float, float], size: float) -> None:
        """Be for fields measured at `points`, (count, >=2) f32 px, of a face of `size`, px, around its `mean_point`."""
        self.size = size
        for row, values, mean in zip(self._base, points.T, middle, strict=False):
            np.subtract(values, np.float32(mean), out=row)
        mesh = self._base[:2, :MESH_ROWS]
        x, y = mesh
        # The middle of the mesh is the origin, so the shift is the mean and what is left is two by two. A little is
        # added so that points on one line, which no face has, cost no exception.
        xx, xy, yy = float(np.dot(x, x)), float(np.dot(x, y)), float(np.dot(y, y))
        xx, yy = xx + _TAME * size * size, yy + _TAME * size * size
        share = xx * yy - xy * xy
        inverse = np.array([[yy / share, -xy / share], [-xy / share, xx / share]], dtype=np.float32)
        np.matmul(inverse, mesh, out=self._fit[:2])

    def __call__(self, field: Ways) -> Ways:
        """(N, D) f32: what is explained of `field`, (N, D) f32: one of two columns, or several side by side."""
        linear: Ways = self._fit @ field[:MESH_ROWS]
        # Written the other way round, so that each column of the result lies together.
        explained: Ways = linear.T @ self._base
        return explained.T


def mean_point(rows: Points) -> tuple[float, float]:
    """The mean of x and y of a face's mesh, the first of (N, >=2) rows."""
    # As a product it takes a tenth of the time of a sum, of which there are many in a frame.
    return float(np.dot(_EVEN, rows[:MESH_ROWS, 0])), float(np.dot(_EVEN, rows[:MESH_ROWS, 1]))


def squared_lengths(rows: Ways) -> Ways:
    """(N,) f32: squared length of each of (N, D) rows, in the image where there is a depth."""
    x, y = rows[:, 0], rows[:, 1]
    squares: Ways = x * x
    squares += y * y
    return squares


def lengths(rows: Ways) -> Ways:
    """(N,) f32: the roots of `squared_lengths`."""
    squares = squared_lengths(rows)
    return np.sqrt(squares, out=squares)


def mean_length(rows: Ways) -> float:
    """The mean of `lengths`, of (478, 2) rows."""
    return float(np.dot(_EVEN_ALL, lengths(rows)))


def ramp(value: Ways, low: float, high: float) -> Ways:
    """0 up to `low`, 1 from `high` on."""
    risen: Ways = value - np.float32(low)
    risen *= 1 / (high - low)
    # Both are quicker than `clip`, of which there are many in a frame.
    return np.minimum(np.maximum(risen, 0, out=risen), 1, out=risen)


def ramp_one(value: float, low: float, high: float) -> float:
    """`ramp` of a single value."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def paced(left: Ways, frame_s: float, step_s: float, loosen: float) -> Ways:
    """Where `left`, 0..1, of a difference is left after `frame_s`: what is made up in `step_s`, in `left` itself.

    That times `loosen`; at most 1.
    """
    np.power(left, np.float32(step_s / frame_s), out=left)
    left *= -loosen
    left += np.float32(loosen)
    return left if loosen <= 1 else np.minimum(left, 1, out=left)


def paced_one(share: float, frame_s: float, step_s: float, loosen: float) -> float:
    """`paced` of a single share."""
    kept = math.pow(max(1 - share, 0.0), step_s / frame_s)
    return min((1 - kept) * loosen, 1.0)
