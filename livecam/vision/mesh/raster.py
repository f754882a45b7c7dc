"""Which triangle of the mesh is seen where: a coarse map of triangle numbers, drawn back to front."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.topology import MeshTopology

_SUBPIXEL_BITS = 4
# Added to a triangle's depth, px: draws what faces away first, then the ring around the face, then the face.
_BACK, _RING = 1e6, 5e5
# Twice the area, in cells, below which a triangle is left out: its map is so steep that one cell of it is a wrong
# speck, and its neighbours, which are drawn with their edges, cover it.
_SLIVER = 0.5

TriangleMap = npt.NDArray[np.int16]
"""(rows, columns) i16: the triangle seen in each cell, -1 for none."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A box of the frame, cut into square cells.

    Attributes:
        left: px of the frame, inside it.
        top: px of the frame, inside it.
        columns: Cells across; the last may reach beyond the frame.
        rows: Cells down; the last may reach beyond the frame.
        step: Side of a cell, px.
    """

    left: int
    top: int
    columns: int
    rows: int
    step: int

    @classmethod
    def around(cls, points: Points, margin: float, shape: tuple[int, ...], finest: int) -> "Grid":
        """The grid over the part of a frame that holds `points`.

        Args:
            points: (N, >=2) f32, px of the frame.
            margin: Room around them, px.
            shape: (H, W, ...) of the frame.
            finest: Most cells along the longer side.
        """
        low, high = points[:, :2].min(axis=0) - margin, points[:, :2].max(axis=0) + margin
        left, top = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
        width, height = min(shape[1], math.ceil(high[0])) - left, min(shape[0], math.ceil(high[1])) - top
        step = max(1, math.ceil(max(width, height) / finest))
        return cls(left, top, max(0, math.ceil(width / step)), max(0, math.ceil(height / step)), step)

    @property
    def width(self) -> int:
        """Whole width, px."""
        return self.columns * self.step

    @property
    def height(self) -> int:
        """Whole height, px."""
        return self.rows * self.step

    def cells(self, points: Points) -> Points:
        """(N, >=2) px of the frame as (N, 2) f32 in cells; whole numbers are the middles of cells."""
        origin = np.array([self.left, self.top], dtype=np.float32)
        in_cells: Points = (points[:, :2] - origin + np.float32(0.5)) / np.float32(self.step) - np.float32(0.5)
        return in_cells

    def inside(self, image: Image) -> Image:
        """The part of `image` under the grid, as a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


class Rasteriser:
    """Draws triangle numbers with sub-cell accuracy, far to near, back faces first, so that folds hide correctly."""

    def __init__(self, topology: MeshTopology) -> None:
        self._triangles = topology.triangles
        self._corners = topology.corners
        self._orientation = topology.orientation
        self._bias = np.zeros(len(topology.triangles), dtype=np.float32)
        self._bias[topology.inner :] = _RING

    def __call__(self, vertices: Points, grid: Grid, out: TriangleMap) -> TriangleMap:
        """Draw into `out`, (rows, columns) i16 of `grid`, and return it.

        Args:
            vertices: (V, 3) f32: x, y px of the frame, z px away from the camera.
            grid: Where to draw.
            out: Overwritten.
        """
        first, second, third = self._corners
        cells = grid.cells(vertices)
        x, y = np.ascontiguousarray(cells.T)
        x0, y0 = x[first], y[first]
        area = (x[second] - x0) * (y[third] - y0) - (y[second] - y0) * (x[third] - x0)
        z = np.ascontiguousarray(vertices[:, 2])
        depth = z[first] + z[second] + z[third] + self._bias
        depth += np.float32(_BACK) * (area * self._orientation <= 0)
        order = np.argsort(-depth)
        order = order[np.abs(area[order]) > _SLIVER]
        fixed = np.rint(cells * np.float32(1 << _SUBPIXEL_BITS)).astype(np.int32)[self._triangles[order]]
        out.fill(-1)
        draw = cv2.fillConvexPoly
        for triangle, number in zip(fixed, order.tolist(), strict=True):
            draw(out, triangle, number, cv2.LINE_8, _SUBPIXEL_BITS)
        return out
