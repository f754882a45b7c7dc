"""The light grid: a few cells that span the face, on which the persona's and the wearer's colours are compared."""

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points
from livecam.vision.mesh.holes import Hole
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.relight import SIDE, Field, Light, Relighter
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.warp import Sampled, SeenTriangles, Steps, Warper
from livecam.vision.step import Step

# The colours are sampled this many times finer than they are compared, so that single hairs do not count.
_OVERSAMPLE = 2
_SAMPLES = SIDE * _OVERSAMPLE
# Where they lie, in light cells.
_STEPS = ((np.arange(_SAMPLES) + 0.5) / _OVERSAMPLE - 0.5).astype(np.float32)
_MIDDLE = 128
_PULL = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


class LightGrid:
    """Samples a face and its cover on the light grid, and brings gains back to px. One thread.

    The grid hangs on the face, not on the box of px being painted, so that the smoothed gains stay where they belong
    while that box grows and shrinks.
    """

    def __init__(self, scratch: Scratch, warper: Warper) -> None:
        self._scratch = scratch
        self._warper = warper

    def light(
        self,
        relighter: Relighter,
        sampled: tuple[Sampled, Sampled],
        seen: SeenTriangles,
        area: tuple[Image, list[Hole]],
        to_cells: Matrix,
        step: Step,
    ) -> Light:
        """What is to be done to the persona's colours.

        Args:
            relighter: Keeps the light over time.
            sampled: The persona's texture, with its mask as fourth channel, and the frame.
            seen: (rows, columns) intp.
            area: The oval, (rows, columns) u8 by cells, and the openings in it.
            to_cells: From `light_matrix`.
            step: The time since the last frame.
        """
        places = _finer(to_cells)
        columns, rows = (
            np.minimum(np.maximum(np.rint(steps).astype(np.intp), 0), side - 1)
            for steps, side in zip(places, seen.shape[::-1], strict=True)
        )
        triangles = seen[rows[:, None], columns]
        persona = self._sample("light.persona", sampled[0], triangles, places)
        wearer = self._sample("light.wearer", sampled[1], triangles, places)
        weight = self._weight(*area, to_cells)
        weight *= weight
        weight *= persona[:, :, 3] * np.float32(1 / 255)
        return relighter(persona[:, :, :3], wearer, weight, step)

    def apply(self, light: Light, out: Image, grid: Grid, to_cells: Matrix) -> None:
        """Light `out`, (height, width, 3) u8 on the px of `grid`, in place."""
        # Gains in floats: as bytes they take half the time, and make 2 % more flicker, in motion and at rest.
        gain = self._scratch("light.gain", out.shape, np.float32)
        offset = self._scratch("light.offset", out.shape, np.uint8)
        self._spread(light.gain, gain, grid, to_cells)
        # Offsets in bytes around the middle, so that no second plane of floats is spread and added.
        middle = np.minimum(np.maximum(np.rint(light.offset) + _MIDDLE, 0), 255).astype(np.uint8)
        self._spread(middle, offset, grid, to_cells)
        cv2.multiply(out, gain, dst=out, dtype=cv2.CV_8U)
        cv2.addWeighted(out, 1, offset, 1, -_MIDDLE, dst=out)

    def _spread(self, field: Field | Image, out: Field | Image, grid: Grid, to_cells: Matrix) -> None:
        """Bring (SIDE, SIDE, 3) to `out`, (height, width, 3) of the same type on the px of `grid`."""
        scale = np.array([grid.columns, grid.rows]) / SIDE
        per_cell = np.array([to_cells[0, 0], to_cells[1, 1]])
        linear, shift = scale / per_cell, (scale / 2 - 0.5 - to_cells[:, 2]) / per_cell
        matrix = np.array([[linear[0], 0, shift[0]], [0, linear[1], shift[1]]])
        placed = cv2.warpAffine(field, matrix, (SIDE, SIDE), flags=_PULL, borderMode=cv2.BORDER_REPLICATE)
        cv2.resize(placed, (grid.width, grid.height), dst=out, interpolation=cv2.INTER_LINEAR)

    def _sample(self, name: str, sampled: Sampled, triangles: SeenTriangles, places: tuple[Steps, Steps]) -> Image:
        """(SIDE, SIDE, channels) u8: an image at the light grid."""
        where = self._warper.sampled("light.where", sampled.affines, triangles, *places)
        channels = sampled.image.shape[2]
        many = self._scratch("light.many", (_SAMPLES, _SAMPLES, channels), np.uint8)
        cv2.remap(sampled.image, where, None, cv2.INTER_LINEAR, dst=many, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        out = self._scratch(name, (SIDE, SIDE, channels), np.uint8)
        cv2.resize(many, (SIDE, SIDE), dst=out, interpolation=cv2.INTER_AREA)
        return out

    def _weight(self, oval: Image, holes: list[Hole], to_cells: Matrix) -> Field:
        """(SIDE, SIDE) f32, 0..1: inside the oval, outside the openings."""
        open_area = self._scratch("light.area", oval.shape, np.uint8)
        np.copyto(open_area, oval)
        for hole in holes:
            view = open_area[hole.cells]
            cv2.subtract(view, hole.alpha, dst=view)
        sampled = self._scratch("light.sampled", (SIDE, SIDE), np.uint8)
        cv2.warpAffine(open_area, to_cells, (SIDE, SIDE), dst=sampled, flags=_PULL)
        weight = self._scratch("light.weight", (SIDE, SIDE), np.float32)
        return np.multiply(sampled, np.float32(1 / 255), out=weight)


def light_matrix(oval: Points, grid: Grid) -> Matrix:
    """The 2x3 f64 matrix from light cells to the cells of `grid`: the light grid spans `oval`, (N, >=2) f32 px."""
    low, high = oval[:, :2].min(axis=0).astype(np.float64), oval[:, :2].max(axis=0).astype(np.float64)
    scale = np.maximum(high - low, 1.0) / SIDE / grid.step
    shift = (low - (grid.left, grid.top) + 0.5) / grid.step + scale / 2 - 0.5
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])


def _finer(to_cells: Matrix) -> tuple[Steps, Steps]:
    """The columns and the rows, in cells, of the samples of the light cells."""
    matrix = to_cells.astype(np.float32)
    return matrix[0, 0] * _STEPS + matrix[0, 2], matrix[1, 1] * _STEPS + matrix[1, 2]
