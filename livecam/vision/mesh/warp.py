"""From triangles to dense maps: where in the texture, or in the frame, each pixel of the new face comes from."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.pose import Rows
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import Indices

_FLAT = 1e-6

Affines = npt.NDArray[np.float32]
"""(3, T, 2) f32: for each triangle, what a step along x, a step along y and the origin add to the place to sample."""

DenseMap = npt.NDArray[np.float32]
"""(h, w, 2) f32: x and y of the place to sample, as cv2.remap takes it."""

SeenTriangles = npt.NDArray[np.intp]
"""(h, w) intp: the triangle seen in each cell; cells of none hold 0."""


Steps = npt.NDArray[np.float32]
"""(N,) f32: columns or rows, in cells."""


class Sampled(NamedTuple):
    """An image, (h, w, channels) u8, and where in it each triangle's content lies, from cells."""

    image: Image
    affines: Affines


def affines_between(shown: Points, sampled: Points, corners: tuple[Indices, Indices, Indices]) -> Affines:
    """The affine map of each triangle from where it is shown to where it is sampled; see `affines_to`."""
    return affines_to(shown, (sampled,), corners)[0]


def affines_to(shown: Points, sampled: Sequence[Points], corners: tuple[Indices, Indices, Indices]) -> list[Affines]:
    """The affine maps of each triangle from where it is shown to where it is sampled, one for each of `sampled`.

    With edges e1, e2 of the shown and f1, f2 of the sampled triangle the linear part is ``[f1 f2] [e1 e2]^-1``,
    written out by Cramer's rule. Triangles without area get finite, meaningless maps; they are never seen.

    Args:
        shown: (V, >=2) f32.
        sampled: (V, >=2) f32 each.
        corners: Three (T,) i32 rows.
    """
    x0, first, second = _edges(shown, corners)
    area = first[0] * second[1] - first[1] * second[0]
    area[np.abs(area) < _FLAT] = _FLAT
    (e1x, e1y), (e2x, e2y) = np.divide(first, area, out=first), np.divide(second, area, out=second)
    return [_affines(_edges(points, corners), x0, (e1x, e1y, e2x, e2y)) for points in sampled]


def _affines(sampled: tuple[Rows, Rows, Rows], x0: Rows, inverse: tuple[Rows, Rows, Rows, Rows]) -> Affines:
    """The maps to the triangles `sampled` from those with first corners `x0` and edges of that `inverse`."""
    (s0, f1, f2), (e1x, e1y, e2x, e2y) = sampled, inverse
    along_x, along_y = f1 * e2y, f2 * e1x
    along_x -= np.multiply(f2, e1y, out=f2)
    along_y -= np.multiply(f1, e2x, out=f1)
    s0 -= np.multiply(along_x, x0[0], out=f1)
    s0 -= np.multiply(along_y, x0[1], out=f2)
    out = np.empty((3, s0.shape[1], 2), dtype=np.float32)
    for part, values in zip(out, (along_x, along_y, s0), strict=True):
        part[:] = values.T
    return out


def _edges(points: Points, corners: tuple[Indices, Indices, Indices]) -> tuple[Rows, Rows, Rows]:
    """(2, T) f64 each: the first corner of each triangle, and from there to the second and the third.

    In double precision: long thin triangles are common at the edge of a turned face.
    """
    places = np.ascontiguousarray(points[:, :2].T, dtype=np.float64)
    first, second, third = (np.take(places, rows, axis=1) for rows in corners)
    return first, np.subtract(second, first, out=second), np.subtract(third, first, out=third)


class Warper:
    """Evaluates affine maps over cells and fills them up to px. Results live in the scratch; one thread.

    Args:
        finest: Most cells along a side.
        scratch: Where results are put, under the name given with each call.
    """

    def __init__(self, finest: int, scratch: Scratch) -> None:
        self._steps = np.arange(finest, dtype=np.float32)
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
        rows, columns = seen.shape
        return self.sampled(name, affines, seen, self._steps[left : left + columns], self._steps[top : top + rows])

    def sampled(self, name: str, affines: Affines, seen: SeenTriangles, x: Steps, y: Steps) -> DenseMap:
        """Where places between the cells sample: those in columns `x` and rows `y`.

        Args:
            name: Of the result.
            affines: From cells to where the result points.
            seen: (h, w) intp, the triangle of each place.
            x: (w,) f32, cells.
            y: (h,) f32, cells.
        """
        out = self._scratch(name, (*seen.shape, 2), np.float32)
        term = self._scratch("warp.term", out.shape, np.float32)
        # Both coordinates in one long row: NumPy is slow on axes of two.
        wide, terms = (each.reshape(len(y), -1) for each in (out, term))
        # mode="clip" is what lets np.take write into `out` without a buffer of its own.
        np.take(affines[2], seen, axis=0, out=out, mode="clip")
        for part, steps in ((affines[0], np.repeat(x, 2)), (affines[1], y[:, None])):
            np.take(part, seen, axis=0, out=term, mode="clip")
            np.multiply(terms, steps, out=terms)
            np.add(wide, terms, out=wide)
        return out

    def fine(self, name: str, coarse: DenseMap, step: int) -> DenseMap:
        """A map over cells, (h, w, 2), as a map over their px, (h * step, w * step, 2)."""
        height, width = coarse.shape[0] * step, coarse.shape[1] * step
        out = self._scratch(name, (height, width, 2), np.float32)
        cv2.resize(coarse, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
        return out
