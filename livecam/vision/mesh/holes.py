"""Where the wearer shows through the persona's face: the inside of an open mouth, and the eyes when asked for."""

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.core.settings import Eyes
from livecam.vision.blend import Blender
from livecam.vision.mesh.mask import fill, polygon
from livecam.vision.mesh.pose import mean_length
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import Indices, MeshTopology, Pair
from livecam.vision.mesh.warp import Sampled, SeenTriangles, Warper

# Of the face height: a gap this wide begins to open the hole, and so much wider it is open. Softness of its edge.
_SHUT, _MOUTH_OPENS, _EYE_OPENS = 0.004, 0.012, 0.010
_EDGE = 0.012
# How far the gaze may leave that of the photo, in eye widths, before AUTO starts, and ends, to fade to the wearer's own
# eyes: the photo has no white of the eye to show there.
_GAZE_FROM, _GAZE_TO = 0.16, 0.26
_FAINT = 4


@dataclass(frozen=True, slots=True)
class Hole:
    """One opening.

    Attributes:
        left: First column, cells.
        top: First row, cells.
        alpha: (h, w) u8 by cells: how much of the wearer shows.
    """

    left: int
    top: int
    alpha: Image

    @property
    def cells(self) -> tuple[slice, slice]:
        """Its rows and columns in an array by cells."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class HoleMaker:
    """Finds, shades and fills the openings. Results live in the scratch; one thread."""

    def __init__(self, topology: MeshTopology, scratch: Scratch, warper: Warper) -> None:
        self._mouth = (topology.mouth, topology.lip_pair)
        self._eyes = tuple(zip(topology.eyes, topology.lid_pairs, strict=True))
        self._scratch = scratch
        self._warper = warper
        self._blend = Blender()

    def __call__(self, shown: Points, grid: Grid, height: float, eyes: tuple[float, float]) -> list[Hole]:
        """The openings of the face at `shown`, (V, >=2) f32 px; `eyes` says how far each eye shows through, 0..1."""
        rings = [(*self._mouth, _MOUTH_OPENS, 1.0)]
        rings += [(*eye, _EYE_OPENS, share) for eye, share in zip(self._eyes, eyes, strict=True)]
        holes = []
        for number, (ring, pair, opens, share) in enumerate(rings):
            value = round(255 * share * min(1.0, max(0.0, (_gap(shown, pair) / height - _SHUT) / opens)))
            hole = self._hole(f"hole.{number}", shown[ring], grid, height, value) if value >= _FAINT else None
            if hole is not None:
                holes.append(hole)
        return holes

    def fill(self, face: Image, frame: Sampled, seen: SeenTriangles, holes: list[Hole]) -> None:
        """Show the wearer in `face` through `holes`.

        Args:
            face: (h, w, 3) u8, the persona's, by px of the grid; changed in place.
            frame: The wearer's.
            seen: (rows, columns) intp.
            holes: The openings.
        """
        step = face.shape[0] // seen.shape[0]
        for hole in holes:
            rows, columns = hole.cells
            places = self._warper.coarse("hole.coarse", frame.affines, seen[rows, columns], (hole.left, hole.top))
            fine = self._warper.fine("hole.fine", places, step)
            own = self._scratch("hole.own", (*fine.shape[:2], 3), np.uint8)
            cv2.remap(frame.image, fine, None, cv2.INTER_LINEAR, dst=own, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
            alpha = self._scratch("hole.px", fine.shape[:2], np.uint8)
            cv2.resize(hole.alpha, (fine.shape[1], fine.shape[0]), dst=alpha, interpolation=cv2.INTER_LINEAR)
            view = face[rows.start * step : rows.stop * step, columns.start * step : columns.stop * step]
            self._blend(view, own, alpha)

    def _hole(self, name: str, ring: Points, grid: Grid, height: float, value: int) -> Hole | None:
        """The opening inside `ring`, (N, >=2) f32 px, as opaque as `value`; None when it lies outside the grid."""
        edge = max(1, int(height / grid.step * _EDGE)) | 1
        cells = grid.cells(ring)
        # A smooth edge is drawn up to a cell outside.
        low = np.maximum(np.floor(cells.min(axis=0)).astype(int) - edge - 1, 0)
        high = np.minimum(np.ceil(cells.max(axis=0)).astype(int) + edge + 2, (grid.columns, grid.rows))
        (left, top), (width, tall) = low.tolist(), (high - low).tolist()
        if width <= 0 or tall <= 0:
            return None
        corners = polygon(ring, grid) - np.array([left, top], dtype=np.int32) * 16
        alpha = fill(self._scratch(name, (tall, width), np.uint8), corners, value)
        cv2.blur(alpha, (edge, edge), dst=alpha, borderType=cv2.BORDER_REPLICATE)
        return Hole(left, top, alpha)


def eye_shares(wish: Eyes, shown: Points, texture: Points, eyes: tuple[Indices, Indices]) -> tuple[float, float]:
    """How far each eye is to show the wearer's own, 0..1.

    Args:
        wish: The setting.
        shown: (V, >=2) f32: the vertices of the face to paint, irises last.
        texture: (V, >=2) f32: the same in the persona's texture.
        eyes: The eyes' rings.
    """
    if wish is not Eyes.AUTO:
        share = 1.0 if wish is Eyes.TARGET else 0.0
        return share, share
    left, right = (
        abs(_gaze(shown, eye, iris) - _gaze(texture, eye, iris)) for eye, iris in zip(eyes, (-2, -1), strict=True)
    )
    # Both eyes alike: one eye of each kind is what nobody should see.
    share = min(1.0, max(0.0, (max(left, right) - _GAZE_FROM) / (_GAZE_TO - _GAZE_FROM)))
    return share, share


def _gaze(vertices: Points, eye: Indices, iris: int) -> float:
    """Where the iris stands between the eye's corners: 0 at the left, 1 at the right."""
    left, right = vertices[eye[0], :2], vertices[eye[len(eye) // 2], :2]
    across = right - left
    return float((vertices[iris, :2] - left) @ across / max(float(across @ across), 1e-6))


def _gap(vertices: Points, pair: Pair) -> float:
    """Mean distance between the rows of a pair in the picture plane, px."""
    return mean_length(vertices[pair.upper, :2] - vertices[pair.lower, :2])
