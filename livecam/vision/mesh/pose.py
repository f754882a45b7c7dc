"""The pose of a face mesh, and its shape with the pose taken out.

Axes are the image's: x to the right, y down, z away from the camera. A pose places the canonical face, which looks
into the camera, has height 1 and its centroid at the origin, into the frame.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points

Rows = npt.NDArray[np.float64]
"""(N, 3) f64."""

Real = TypeVar("Real", np.float32, np.float64)

TOP_ROW, CHIN_ROW = 10, 152
"""Middle of the forehead's edge and of the chin; their distance is the height of a face."""


class Angles(NamedTuple):
    """Degrees; all zero when the face looks straight into the camera.

    Attributes:
        yaw: Positive when turned to the image's right.
        pitch: Positive when looking up.
        roll: Positive when tilted clockwise as seen in the image.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a face is: ``point = scale * rotation @ shape + shift``.

    Attributes:
        scale: Height of the face, px.
        rotation: (3, 3) f64, proper.
        shift: (3,) f64, px.
    """

    scale: float
    rotation: Rows
    shift: Rows

    def shape_of(self, points: Points) -> Rows:
        """(N, 3) px points without the pose: (N, 3) f64, about height 1."""
        shape: Rows = (points - self.shift) @ (self.rotation / self.scale)
        return shape

    def points_of(self, shape: Rows) -> Rows:
        """The (N, 3) points, px, that `shape` has in this pose."""
        points: Rows = shape @ (self.scale * self.rotation.T) + self.shift
        return points

    @property
    def turn(self) -> float:
        """Degrees between where the face looks and the camera; 0 when it looks into it."""
        return math.degrees(math.acos(max(-1.0, min(1.0, self.rotation[2, 2]))))

    @property
    def angles(self) -> Angles:
        """Yaw, pitch and roll, from ``rotation = Ry(-yaw) Rx(-pitch) Rz(roll)``."""
        r = self.rotation
        yaw = math.atan2(-r[0, 2], r[2, 2])
        pitch = math.asin(max(-1.0, min(1.0, r[1, 2])))
        return Angles(math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(r[1, 0], r[1, 1])))


def canonical_shape(vertices: Points) -> Rows:
    """The canonical face in the image's axes: (N, 3) f64, centroid at the origin, height 1.

    Args:
        vertices: (N, 3) f32 of the canonical face file, any unit; x to the image's right, y up, z towards the camera.
    """
    shape = vertices.astype(np.float64) * (1, -1, -1)
    shape -= shape.mean(axis=0)
    height: float = np.linalg.norm(shape[TOP_ROW] - shape[CHIN_ROW]).item()
    return shape / height


def face_height(points: Points) -> float:
    """Distance of forehead and chin in the image, px, of (N, >=2) mesh points."""
    dx, dy = (points[TOP_ROW, :2] - points[CHIN_ROW, :2]).tolist()
    return math.hypot(dx, dy)


def mean_row(points: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """(D,) mean of (N, D) rows; a third of the time of ``mean(axis=0)``, of which many are taken in a frame."""
    mean: npt.NDArray[Real] = np.add.reduce(points, axis=0) / len(points)
    return mean


def mean_length(rows: Rows | Points) -> float:
    """Mean length of (N, D) rows."""
    return float(np.add.reduce(np.sqrt(np.einsum("nd,nd->n", rows, rows)))) / len(rows)


class PoseFitter:
    """Finds the pose of mesh points by weighted least squares.

    Closed form: the rotation is the orthogonal factor of the weighted covariance, its sign fixed so that it never
    mirrors (Umeyama 1991, equations 39-42).

    Args:
        canonical: (468, 3) f64 from `canonical_shape`.
        rows: Which landmarks to fit on; all of the canonical face when not given.
        weights: One for each of `rows`; all the same when not given.
    """

    def __init__(
        self, canonical: Rows, rows: npt.NDArray[np.int32] | None = None, weights: Points | None = None
    ) -> None:
        self._rows = np.arange(len(canonical)) if rows is None else rows.astype(np.intp)
        share = np.ones(len(self._rows)) if weights is None else weights.astype(np.float64)
        self._share = share / share.sum()
        self._mean: Rows = self._share @ canonical[self._rows]
        centred = canonical[self._rows] - self._mean
        self._weighted: Rows = centred * self._share[:, None]
        self._power = float((centred * self._weighted).sum())

    def __call__(self, points: Points) -> Pose:
        """The pose of (N, 3) f32 mesh points, px, N >= 468; they must be finite."""
        seen = points[self._rows].astype(np.float64)
        mean = self._share @ seen
        # OpenCV's decomposition of so small a matrix takes a tenth of NumPy's time, which is all overhead.
        values, left, right = cv2.SVDecomp((seen - mean).T @ self._weighted)
        if cv2.determinant(left) * cv2.determinant(right) < 0:
            left[:, 2] = -left[:, 2]
            values[2] = -values[2]
        rotation: Rows = np.matmul(left, right, dtype=np.float64)
        scale = max(float(values.sum()) / self._power, 1e-9)
        return Pose(scale, rotation, mean - scale * (rotation @ self._mean))
