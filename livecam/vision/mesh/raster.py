"""Which triangle of the mesh is seen where: a coarse map of triangle numbers."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import MeshTopology

# Added to a triangle's depth, px: what faces away lies behind all, and the ring around the face behind the face.
_BACK, _RING = 1e6, 5e5
# The nearest triangle's rank; the camera sees from 1 on, and up to the other.
_NEAREST, _FARTHEST = 2, 1e4

_AROUND = np.ones((3, 3), np.uint8)

# Of a longer side, cells are two px wide at least, as those of larger faces are anyhow: what is sampled lies about as
# well between their middles, and the triangles of a face of 223 px are found in half the time.
_SMALL_PX = 160

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
        side = max(width, height)
        step = max(math.ceil(side / finest), 2 if side > _SMALL_PX else 1)
        return cls(left, top, max(0, math.ceil(width / step)), max(0, math.ceil(height / step)), step)

    @property
    def by_px(self) -> "Grid":
        """The same part of the frame in cells of one px."""
        return Grid(self.left, self.top, self.width, self.height, 1)

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
        origin = np.array([self.left - (1 - self.step) / 2, self.top - (1 - self.step) / 2], dtype=np.float32)
        in_cells: Points = (points[:, :2] - origin) * np.float32(1 / self.step)
        return in_cells

    def inside(self, image: Image) -> Image:
        """The part of `image` under the grid, as a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


class Rasteriser:
    """Finds the nearest triangle at the middle of each cell: the face before its ring, and that before what faces away.

    Each triangle lies as a whole before or behind another, by a rank that is its depth for OpenCV's rasteriser: the
    depths of landmarks are guesses, and would cut triangles. All of them are drawn, however small: they tile the face
    without holes, and one that holds no cell's middle is not seen. Owns its working memory; one thread.
    """

    def __init__(self, topology: MeshTopology) -> None:
        self._triangles = topology.triangles.reshape(-1)
        self._orientation = topology.orientation
        count = len(topology.triangles)
        self._bias = np.zeros(count, dtype=np.float32)
        self._bias[topology.inner :] = _RING
        self._corners = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
        self._ranks = np.arange(count, dtype=np.float32) + _NEAREST
        self._settings = cv2.TriangleRasterizeSettings()
        self._settings.setShadingType(cv2.RASTERIZE_SHADING_FLAT)
        self._settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
        self._camera = np.eye(4, dtype=np.float32)
        self._scratch = Scratch()

    def __call__(self, vertices: Points, grid: Grid, out: TriangleMap) -> TriangleMap:
        """Draw into `out`, (rows, columns) i16 of `grid`, and return it.

        Args:
            vertices: (V, 3) f32: x, y px of the frame, z px away from the camera.
            grid: Where to draw.
            out: Overwritten.
        """
        count = len(self._bias)
        places = np.concatenate([grid.cells(vertices).T, vertices[:, 2:].T])
        x, y, z = np.take(places, self._triangles, axis=1).reshape(3, count, 3)
        area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0])
        depth = np.add.reduce(z, axis=1) + self._bias
        depth += np.float32(_BACK) * (area * self._orientation <= 0)
        order = np.argsort(depth)
        rank = np.empty_like(self._ranks)
        rank[order] = self._ranks
        scene = self._scene(x, y, rank, grid)
        numbers = np.full(count + _NEAREST + 1, -1, np.int16)
        numbers[_NEAREST:-1] = order
        deep = self._scratch("deep", out.shape, np.float32)
        deep.fill(count + _NEAREST)
        cv2.triangleRasterizeDepth(
            scene, self._corners, deep, self._camera, math.pi / 2, 1.0, _FARTHEST, self._settings
        )
        # A middle that lies on an edge belongs to neither side: it gets what is nearest around it.
        around = cv2.erode(deep, _AROUND, dst=self._scratch("around", out.shape, np.float32))
        np.copyto(deep, around, where=deep > count + 1.5)
        ranks = self._scratch("ranks", out.shape, np.intp)
        np.copyto(ranks, np.add(deep, np.float32(0.5), out=deep), casting="unsafe")
        return np.take(numbers, ranks, out=out, mode="clip")

    def _scene(self, x: Points, y: Points, rank: Points, grid: Grid) -> Points:
        """(3 T, 3) f32: corners, (T, 3) f32 cells each, as far away as their triangle's rank, before OpenCV's camera.

        That looks along -z with a right angle of view from top to bottom, y up.
        """
        scene = self._scratch("scene", (len(rank), 3, 3), np.float32)
        scale = (rank * np.float32(2 / grid.rows))[:, None]
        np.multiply(x - np.float32((grid.columns - 1) / 2), scale, out=scene[:, :, 0])
        np.multiply(np.float32((grid.rows - 1) / 2) - y, scale, out=scene[:, :, 1])
        np.negative(rank[:, None], out=scene[:, :, 2])
        return scene.reshape(-1, 3)
