"""From triangles to dense maps: where in the texture, or in the frame, each pixel of the new face comes from."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Matrix, Points
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import Indices

_FLAT = 1e-6

Affines = npt.NDArray[np.float32]
"""(3, T, 2) f32: for each triangle, what a step along x, a step along y and the origin add to the place to sample."""

DenseMap = npt.NDArray[np.float32]
"""(h, w, 2) f32: x and y of the place to sample, as cv2.remap takes it."""

SeenTriangles = npt.NDArray[np.intp]
"""(h, w) intp: the triangle seen in each cell; cells of none hold 0."""


class Sampled(NamedTuple):
    """An image, (h, w, channels) u8, and where in it each triangle's content lies, from cells."""

    image: Image
    affines: Affines


def affines_between(shown: Points, sampled: Points, corners: tuple[Indices, Indices, Indices]) -> Affines:
    """The affine map of each triangle from where it is shown to where it is sampled.

    With edges e1, e2 of the shown and f1, f2 of the sampled triangle the linear part is ``[f1 f2] [e1 e2]^-1``,
    written out by Cramer's rule. Triangles without area get finite, meaningless maps; they are never seen.

    Args:
        shown: (V, >=2) f32.
        sampled: (V, >=2) f32.
        corners: Three (T,) i32 rows.
    """
    first, second, third = corners
    # Coordinate by coordinate, in double precision: long thin triangles are common at the edge of a turned face.
    x, y = np.ascontiguousarray(shown[:, :2].T, dtype=np.float64)
    x0, y0 = x[first], y[first]
    e1x, e1y, e2x, e2y = x[second] - x0, y[second] - y0, x[third] - x0, y[third] - y0
    area = e1x * e2y - e1y * e2x
    area[np.abs(area) < _FLAT] = _FLAT
    e1x, e1y, e2x, e2y = e1x / area, e1y / area, e2x / area, e2y / area
    out = np.empty((3, len(first), 2), dtype=np.float32)
    for axis, s in enumerate(np.ascontiguousarray(sampled[:, :2].T, dtype=np.float64)):
        s0 = s[first]
        f1, f2 = s[second] - s0, s[third] - s0
        along_x, along_y = f1 * e2y - f2 * e1y, f2 * e1x - f1 * e2x
        out[0, :, axis], out[1, :, axis] = along_x, along_y
        out[2, :, axis] = s0 - along_x * x0 - along_y * y0
    return out


def seen_from(affines: Affines, matrix: Matrix) -> Affines:
    """`affines` that start from another grid, whose cells the 2x3 f64 `matrix`, without shear, maps to the first's."""
    along_x, along_y, origin = affines
    (scale_x, _, shift_x), (_, scale_y, shift_y) = matrix.astype(np.float32)
    return np.stack([along_x * scale_x, along_y * scale_y, origin + along_x * shift_x + along_y * shift_y])


class Warper:
    """Evaluates affine maps over cells and fills them up to px. Results live in the scratch; one thread.

    Args:
        finest: Most cells along a side.
        scratch: Where results are put, under the name given with each call.
    """

    def __init__(self, finest: int, scratch: Scratch) -> None:
        steps = np.repeat(np.arange(finest, dtype=np.float32), 2)
        self._x = np.ascontiguousarray(np.broadcast_to(steps.reshape(1, finest, 2), (finest, finest, 2)))
        self._y = np.ascontiguousarray(np.broadcast_to(steps.reshape(finest, 1, 2), (finest, finest, 2)))
        self._scratch = scratch

    def coarse(self, name: str, affines: Affines, seen: SeenTriangles, origin: tuple[int, int] = (0, 0)) -> DenseMap:
        """Where each cell samples.

        Args:
            name: Of the result.
            affines: From cells to where the result points.
            seen: (h, w) intp, the triangle of each cell.
            origin: Column and row of the first cell of `seen`.
        """
        left, top = origin
        window = np.s_[top : top + seen.shape[0], left : left + seen.shape[1]]
        out = self._scratch(name, (*seen.shape, 2), np.float32)
        term = self._scratch("warp.term", (*seen.shape, 2), np.float32)
        # mode="clip" is what lets np.take write into `out` without a buffer of its own.
        np.take(affines[2], seen, axis=0, out=out, mode="clip")
        for part, steps in ((affines[0], self._x[window]), (affines[1], self._y[window])):
            np.take(part, seen, axis=0, out=term, mode="clip")
            np.multiply(term, steps, out=term)
            np.add(out, term, out=out)
        return out

    def fine(self, name: str, coarse: DenseMap, step: int) -> DenseMap:
        """A map over cells, (h, w, 2), as a map over their px, (h * step, w * step, 2)."""
        height, width = coarse.shape[0] * step, coarse.shape[1] * step
        out = self._scratch(name, (height, width, 2), np.float32)
        cv2.resize(coarse, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
        return out
