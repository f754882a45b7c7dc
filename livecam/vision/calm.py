"""Velocities that rest when the face does: what moves a face's landmarks, without the noise of the flow that tells it.

A motion is taken apart into that of the whole face (an affine map in the image) and what is left, which is expression.
Each is steadied for itself: while the face rests, its velocity is a slow average; as soon as the face moves, or the
flow says something new, the flow counts at once, so that there is no lag. That is the idea of the One-Euro filter
(Casiez, Roussel and Vogel 2012), put on velocities instead of places.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points
from livecam.vision.mesh.landmarks import MESH_ROWS
from livecam.vision.mesh.pose import mean_row

Ways: TypeAlias = npt.NDArray[np.float32]
"""(N, D) or (N,) f32: something of each landmark."""

_TAME: Final = 1e-6


@dataclass(frozen=True, slots=True)
class CalmRules:
    """When a face rests, at steadiness 0.5. Shares are of a difference, made up in `frame_s`.

    Attributes:
        frame_s: See above.
        rest: Least share of a new velocity: of the face as a whole, and of single landmarks.
        news: How much that share rises for a change of the velocity by a face height per second; likewise.
        pose_speeds: Face heights per second: the face rests below the first; above the second the flow alone counts.
        point_speeds: The same for a single landmark.
    """

    frame_s: float = 1 / 30
    rest: tuple[float, float] = (0.27, 0.17)
    news: tuple[float, float] = (6.8, 2.9)
    pose_speeds: tuple[float, float] = (0.04, 0.12)
    point_speeds: tuple[float, float] = (0.045, 0.36)


class Calm:
    """Velocities of a face that rest when it does: of all of it, and of each landmark beside that. Owns its state.

    Args:
        rules: How much the flow counts.

    Attributes:
        haste: (1,) f32: 0 when the face rested in the last frame, 1 when it moved.
    """

    def __init__(self, rules: CalmRules | None = None) -> None:
        self._rules = rules or CalmRules()
        self._whole: Ways | None = None
        self._single: Ways | None = None
        self.haste: Ways = np.ones(1, dtype=np.float32)

    def __call__(self, points: Points, moved: Ways, height: float, step_s: float, loosen: float) -> Points:
        """Where the points of the last frame are now.

        Args:
            points: (N, 3) f32 px, of the last frame.
            moved: (N, 2) f32 px: the flow at each of them.
            height: The face's, px.
            step_s: Since the last frame; more than 0.
            loosen: Factor on every share.

        Returns:
            (N, 3) f32 px, a new array; depth is left alone.
        """
        unit = np.float32(step_s * height)
        whole: Ways = affine_part(moved, points, height) / unit
        single: Ways = moved / unit - whole
        last_whole = np.zeros_like(whole) if self._whole is None else self._whole
        last_single = np.zeros_like(single) if self._single is None else self._single
        speed = mean_row(lengths(whole)[:, None])
        fast = self.haste = ramp(speed, *self._rules.pose_speeds)
        quick = np.maximum(ramp(lengths(single), *self._rules.point_speeds), fast)
        change, changes = mean_row(lengths(whole - last_whole)[:, None]), lengths(single - last_single)
        share = np.maximum(self._share(0, change, step_s, loosen), fast)
        shares = np.maximum(self._share(1, changes, step_s, loosen), quick)
        self._whole = last_whole + share * (whole - last_whole)
        self._single = last_single + shares[:, None] * (single - last_single)
        carried = points.copy()
        carried[:, :2] += (self._whole + self._single) * unit
        return carried

    def _share(self, part: int, change: Ways, step_s: float, loosen: float) -> Ways:
        """What of a `change` of the velocity, face heights per second, is taken over; `part` 0 is the whole face."""
        least, news = self._rules.rest[part], self._rules.news[part]
        return paced(least + np.float32(news) * change, self._rules.frame_s, step_s, loosen)

    def reset(self) -> None:
        """The face is taken to rest."""
        self._whole = self._single = None


def affine_part(field: Ways, points: Points, size: float) -> Ways:
    """(N, 2) f32: what of `field` an affine map of the image explains, by least squares over the face's mesh.

    Args:
        field: (N, 2) f32.
        points: (N, >=2) f32 px: where it was measured.
        size: px; only makes the numbers tame.
    """
    base: Ways = (points[:, :2] - mean_row(points[:MESH_ROWS, :2])) / np.float32(size)
    mesh, moved = base[:MESH_ROWS], field[:MESH_ROWS]
    # The middle of the mesh is the origin, so the shift is the mean and what is left is two by two. A little is added
    # so that points on one line, which no face has, cost no exception.
    (xx, xy), (_, yy) = (mesh.T @ mesh).tolist()
    xx, yy = xx + _TAME, yy + _TAME
    inverse = np.array([[yy, -xy], [-xy, xx]], dtype=np.float32) / np.float32(xx * yy - xy * xy)
    explained: Ways = base @ (inverse @ (mesh.T @ moved)) + mean_row(moved)
    return explained


def lengths(rows: Ways) -> Ways:
    """(N,) f32: length of each of (N, D) rows, in the image where there is a depth."""
    long: Ways = np.sqrt(np.einsum("nd,nd->n", rows[:, :2], rows[:, :2]))
    return long


def ramp(value: Ways, low: float, high: float) -> Ways:
    """0 up to `low`, 1 from `high` on."""
    # Twice as fast as `clip`, of which there are many in a frame.
    risen: Ways = np.minimum(np.maximum((value - np.float32(low)) / np.float32(high - low), 0), 1)
    return risen


def paced(share: Ways, frame_s: float, step_s: float, loosen: float) -> Ways:
    """`share` of a difference, made up in `frame_s`: what is made up in `step_s`, times `loosen`; at most 1."""
    kept = np.maximum(1 - share, 0) ** np.float32(step_s / frame_s)
    made_up: Ways = np.minimum((1 - kept) * np.float32(loosen), np.float32(1))
    return made_up
