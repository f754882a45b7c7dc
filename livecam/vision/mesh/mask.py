"""How much of the persona is shown where."""

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.vision.mesh.pose import Rows, mean_row
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import Indices, MeshTopology
from livecam.vision.mesh.warp import SeenTriangles

_SUBPIXEL_BITS = 4
# Of the feather, the two means that make it: an edge as wide as by two halves, and less steep in its middle.
_FEATHER_PARTS = (0.65, 0.35)
# Of the face height: width of the soft edge, and what confidence is averaged over.
_FEATHER = 0.035
_CONFIDENCE_SPREAD = 0.05
# The edge of a face up to this side, px, is drawn by px, also where its cells are larger: the means that soften it are
# whole cells wide.
_FINE_PX = 256
# The soft edge lies inside the oval, by this share of the way to its middle.
_INSET = 0.03
_LEAST_TARGET_COSINE = 0.15
_CONFIDENCE_FROM, _CONFIDENCE_RANGE = 0.2, 0.4
# What a turned face hides fades out before it disappears: degrees from which, and to which, that begins to count, and
# cosines from which a patch is seen well enough.
_TURNED, _FAR_TURNED = 30.0, 45.0
_GRAZING = 0.3


def polygon(points: Points, grid: Grid) -> Indices:
    """(N, >=2) px of the frame as (N, 2) i32 in sixteenths of a cell, as cv2's shift argument takes them."""
    corners: Indices = np.rint(grid.cells(points) * np.float32(1 << _SUBPIXEL_BITS)).astype(np.int32)
    return corners


def fill(out: Image, corners: Indices, value: int) -> Image:
    """Draw the `polygon` of `value` into `out`, (h, w) u8, smooth-edged, on zero."""
    out.fill(0)
    cv2.fillPoly(out, [corners], value, cv2.LINE_AA, _SUBPIXEL_BITS)
    return out


def confidence(source: Points, target: Points, skin: int, turn: float = 0.0) -> Image:
    """(T,) u8: how far each triangle's texture can be trusted.

    A patch that the photo saw at a slant and that now faces the camera would be stretched: what counts is the ratio
    of the two cosines. On a face that is turned far, what is about to vanish behind it fades out too: the landmarks
    there are guessed.

    Args:
        source: (T,) f32 cosines in the photo.
        target: (T,) f32 cosines now.
        skin: Only the first so many triangles are judged.
        turn: Degrees between the face's direction and the camera's.
    """
    ratio = source / np.maximum(target, np.float32(_LEAST_TARGET_COSINE))
    share = _eased((ratio - _CONFIDENCE_FROM) / _CONFIDENCE_RANGE)
    turned = min(1.0, (turn - _TURNED) / (_FAR_TURNED - _TURNED))
    if turned > 0:
        share *= 1 - turned * (1 - _eased(target / _GRAZING))
    judged: Image = (share * 255).astype(np.uint8)
    judged[skin:] = 255
    return judged


def _eased(share: Points | Rows) -> Rows:
    """0 at 0 and below, 1 at 1 and above, level at both."""
    inside: Rows = np.clip(share.astype(np.float64), 0, 1)
    eased: Rows = inside * inside * (3 - 2 * inside)
    return eased


class MaskMaker:
    """Draws the face's mask: the oval, softened inwards, times confidence. Results live in the scratch."""

    def __init__(self, topology: MeshTopology, scratch: Scratch) -> None:
        self._oval = topology.oval
        self._scratch = scratch

    def oval(self, shown: Points, grid: Grid, name: str = "mask.oval") -> Image:
        """(rows, columns) u8: 255 inside the oval of `shown`, (V, >=2) f32 px, 0 outside, smooth-edged.

        It lives in the scratch under `name`.
        """
        out = self._scratch(name, (grid.rows, grid.columns), np.uint8)
        return fill(out, polygon(shown[self._oval], grid), 255)

    def over(self, out: Image, shown: Points, grid: Grid, oval: Image, trusted: Image, height: float) -> None:
        """Write how much of the persona shows into `out`, (height, width) u8 by px of `grid`.

        Args:
            out: Overwritten.
            shown: (V, >=2) f32 px: the face being drawn.
            grid: Where.
            oval: (rows, columns) u8, of `shown`.
            trusted: (rows, columns) u8, from `trust`.
            height: Of the face, px.
        """
        if grid.step == 1 or max(out.shape) > _FINE_PX:
            soft = self.soft(shown, grid, oval, height)
            cv2.multiply(soft, trusted, dst=soft, scale=1 / 255)
            cv2.resize(soft, out.shape[::-1], dst=out, interpolation=cv2.INTER_LINEAR)
            return
        fine = grid.by_px
        soft = self.soft(shown, fine, self.oval(shown, fine, "mask.fine"), height)
        cv2.resize(trusted, out.shape[::-1], dst=out, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(soft, out, dst=out, scale=1 / 255)

    def soft(self, shown: Points, grid: Grid, oval: Image, height: float) -> Image:
        """(rows, columns) u8: `oval` softened inwards; 0 wherever `oval` is.

        The frame's edge cuts the face without softening it: beyond it, the mask goes on as it was.
        """
        points = shown[self._oval, :2]
        inset = points + (mean_row(points) - points) * np.float32(_INSET)
        out = fill(self._scratch("mask.soft", oval.shape, np.uint8), polygon(inset, grid), 255)
        reach = height / grid.step * _FEATHER
        for share in _FEATHER_PARTS:
            width = max(1, round(share * reach))
            cv2.blur(out, (width, width), dst=out, borderType=cv2.BORDER_REPLICATE)
        return cv2.min(out, oval, dst=out)  # type: ignore[return-value]

    def trust(self, seen: SeenTriangles, judged: Image, grid: Grid, height: float) -> Image:
        """(rows, columns) u8: the confidence of what is `seen`, a little spread."""
        trusted = self._scratch("mask.trust", seen.shape, np.uint8)
        np.take(judged, seen, out=trusted, mode="clip")
        width = max(3, round(height / grid.step * _CONFIDENCE_SPREAD)) | 1
        return cv2.blur(trusted, (width, width), dst=trusted)  # type: ignore[return-value]
