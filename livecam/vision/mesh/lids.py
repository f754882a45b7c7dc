"""Closed eyes: a photo shows open ones, so what a closing lid unfolds is made up from the skin around them.

Without it the sliver of lid in the photo would be stretched over the whole eye, with its crease and its lashes, and
specks of white would shine through where the lids meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.extend import continued
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY, Indices
from livecam.vision.mesh.warp import DenseMap

# All in widths of the eye. How far above the upper lid, below the lower one and beside the corners skin is made up; how
# far, beyond that, none of the photo is believed; and how softly the one goes over into the other.
_ABOVE, _BELOW, _BESIDE = 0.22, 0.1, 0.06
_DOUBTED = 0.1
_SOFT = 0.07
_ROOM = 0.3
# The lashes: how thick their line is on either lid's edge, how soft, how much of it is seen, and how dark it is: the
# percentage of the photo around the eye that is darker.
_LASHES, _LASHES_SOFT, _LASHES_SHARE, _LASH_DARKNESS = 0.05, 0.015, 0.8, 5.0
# Darker than this share of the middle of the skin around is brow or lash, and not continued.
_DARK = 0.72
# How much of the skin is made up: the rest of the photo's crease costs little, and keeps 0.005 of likeness.
_MADE_UP = 0.75
# Gaps of the lids as they are drawn: from here on they begin to close, and here they are closed.
_OPEN, _SHUT = 0.055, 0.03
# In eye widths, how far around an eye of the face being drawn its closed lids can reach.
_AROUND = 0.6
_FOREHEAD, _CHIN = 10, 152
_SUBPIXEL_BITS = 4
_LEAST_WIDTH_PX, _LEAST_SIGMA = 8.0, 0.5

# Of both eyes, the rows of the lids, (2, N), and of the left and the right corner, (2,).
_UPPER, _LOWER = (np.stack([pair[lid] for pair in TOPOLOGY.lid_pairs]) for lid in (0, 1))
_CORNERS = tuple(np.array([eye[place] for eye in TOPOLOGY.eyes]) for place in (0, len(TOPOLOGY.eyes[0]) // 2))

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lid:
    """One eye of a texture, closed.

    Attributes:
        left: px of the texture.
        top: px of the texture.
        image: (h, w, 4) u8: blue, green, red, and how much of it is shown in place of the texture.
    """

    left: int
    top: int
    image: Image


class _Eye(NamedTuple):
    """An eye in a part of a texture.

    Attributes:
        ends: (2, 2) f32 px: its corners.
        upper: (N, 2) f32 px: the upper lid's edge, without the corners.
        lower: (N, 2) f32 px: the lower one's.
        up: (2,) f32: towards the forehead, of length 1.
    """

    ends: Points
    upper: Points
    lower: Points
    up: Points

    @property
    def width(self) -> float:
        """From corner to corner, px."""
        return float(np.hypot(*(self.ends[1] - self.ends[0])))

    def area(self, shape: tuple[int, ...], more: float) -> Plane:
        """(h, w) f32: 1 where skin is made up, and `more` eye widths around that; else 0."""
        width = self.width
        beside = (self.ends[1] - self.ends[0]) * np.float32(_BESIDE + more)
        above, below = (self.up * np.float32((reach + more) * width) for reach in (_ABOVE, _BELOW))
        ends = self.ends + np.stack([-beside, beside])
        hull = cv2.convexHull(np.rint(np.concatenate([self.upper + above, self.lower - below, ends])).astype(np.int32))
        area = np.zeros(shape[:2], np.float32)
        cv2.fillConvexPoly(area, hull, 1.0)
        return area

    def opening(self, shape: tuple[int, ...]) -> Plane:
        """(h, w) f32, 0..1: between the lids, and their edges, where the lashes are."""
        around = np.concatenate([self.ends[:1], self.upper, self.ends[1:], self.lower[::-1]])
        corners = [np.rint(around * (1 << _SUBPIXEL_BITS)).astype(np.int32)]
        drawn = np.zeros(shape[:2], np.uint8)
        cv2.fillPoly(drawn, corners, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.polylines(drawn, corners, True, 255, max(1, round(_LASHES * self.width)), cv2.LINE_AA, _SUBPIXEL_BITS)
        return _soft(drawn.astype(np.float32) / np.float32(255), _LASHES_SOFT * self.width)


class LidCloser:
    """Closes the eyes of a warped texture. Owns no memory; one thread.

    Args:
        scratch: Where it works.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch

    def __call__(self, warped: Image, where: DenseMap, shown: Points, grid: Grid, lids: Sequence[Lid]) -> list[float]:
        """Close the eyes in `warped` as far as the lids of the face are drawn closed: 0..1 for each, which it gives.

        Args:
            warped: (h, w, 4) u8 by px of `grid`; changed in place.
            where: (h, w, 2) f32: the place in the texture of each px.
            shown: (V, >=2) f32 px of the frame: the face being drawn.
            grid: Where `warped` lies.
            lids: The texture's, left then right, or none.
        """
        shares = _shut_shares(shown)
        for lid, eye, share in zip(lids, TOPOLOGY.eyes, shares, strict=False):
            box = _box(shown[eye, :2], grid) if share > 0 else None
            if box is not None:
                self._close(warped[box], where[box], lid, share)
        return shares

    def _close(self, warped: Image, where: DenseMap, lid: Lid, share: float) -> None:
        """Lay `lid` over `warped`, (h, w, 4) u8, which shows `where` of the texture, by so much."""
        places = self._scratch("lids.where", where.shape, np.float32)
        np.subtract(where, np.array([lid.left, lid.top], np.float32), out=places)
        closed = self._scratch("lids.closed", warped.shape, np.uint8)
        cv2.remap(lid.image, places, None, cv2.INTER_LINEAR, dst=closed, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
        weight = closed[:, :, 3].astype(np.float32) * np.float32(share / 255)
        # What may be shown at all of the texture stays as it is.
        closed[:, :, 3] = warped[:, :, 3]
        warped[:] = cv2.blendLinear(closed, warped, weight, 1 - weight)


def lids_of(image: Image, vertices: Points) -> tuple[Lid, ...]:
    """The eyes of a texture, left then right, closed; none where they are too small.

    Args:
        image: (h, w, 4) u8, the texture.
        vertices: (V, 2) f32 px of it.
    """
    up = vertices[_FOREHEAD] - vertices[_CHIN]
    up = up / max(float(np.hypot(*up)), 1e-6)
    lids = []
    for ring, pair in zip(TOPOLOGY.eyes, TOPOLOGY.lid_pairs, strict=True):
        eye = _Eye(vertices[_ends(ring)], vertices[pair.upper], vertices[pair.lower], up)
        room = (_ABOVE + _DOUBTED + _ROOM) * eye.width
        around = vertices[ring]
        low = np.maximum(np.floor(around.min(axis=0) - room), 0).astype(int)
        high = np.minimum(np.ceil(around.max(axis=0) + room), image.shape[1::-1]).astype(int)
        if not _LEAST_WIDTH_PX <= eye.width <= max(image.shape[:2]) or (high - low).min() < _LEAST_WIDTH_PX:
            return ()
        (left, top), (right, bottom) = low.tolist(), high.tolist()
        moved = _Eye(eye.ends - low, eye.upper - low, eye.lower - low, up)
        lids.append(Lid(left, top, _closed(image[top:bottom, left:right, :3], moved)))
    return tuple(lids)


def _closed(box: Image, eye: _Eye) -> Image:
    """(h, w, 4) u8: `eye`, which lies in `box`, (h, w, 3) u8, closed."""
    made_up, doubted = (eye.area(box.shape, more) for more in (0.0, _DOUBTED))
    skin = _skin(box, doubted)
    opening = eye.opening(box.shape)
    # Of the opening itself specks remain where the lids meet: all of it is dark.
    edges = box[(made_up > 0) & (opening < 1)]
    lashes = np.percentile(edges if len(edges) else box.reshape(-1, 3), _LASH_DARKNESS, axis=0)
    colours = skin + (opening * np.float32(_LASHES_SHARE))[:, :, None] * (lashes.astype(np.float32) - skin)
    share = _soft(made_up, _SOFT * eye.width) * (_MADE_UP + (1 - _MADE_UP) * opening) * np.float32(255)
    return np.rint(np.dstack([colours, share])).clip(0, 255).astype(np.uint8)


def _skin(box: Image, doubted: Plane) -> Plane:
    """(h, w, 3) f32: `box`, (h, w, 3) u8, with the skin around what is doubted continued over it."""
    grey = cv2.cvtColor(box, cv2.COLOR_BGR2GRAY).astype(np.float32)
    known = doubted == 0
    middle = float(np.median(grey[known])) if known.any() else 0.0
    weight = (known & (grey > _DARK * middle)).astype(np.float32)
    colours = box.astype(np.float32)
    return continued(colours * weight[:, :, None], weight) if weight.any() else colours


def _shut_shares(shown: Points) -> list[float]:
    """How far each eye of the face at `shown`, (V, >=2) f32 px, is closed, 0..1."""
    x, y = np.ascontiguousarray(shown[:, :2].T)
    gaps = np.hypot(x[_UPPER] - x[_LOWER], y[_UPPER] - y[_LOWER]).sum(axis=1) / _UPPER.shape[1]
    left, right = _CORNERS
    widths = np.hypot(x[right] - x[left], y[right] - y[left])
    shares = []
    for gap, width in zip(gaps.tolist(), widths.tolist(), strict=True):
        share = min(1.0, max(0.0, (_OPEN - gap / max(width, 1e-6)) / (_OPEN - _SHUT)))
        shares.append(share * share * (3 - 2 * share))
    return shares


def _box(ring: Points, grid: Grid) -> tuple[slice, slice] | None:
    """Rows and columns of the px of `grid` around an eye, (N, 2) f32 px of the frame; None outside of it."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    room = _AROUND * float(high[0] - low[0])
    left, top = np.maximum(np.floor(low - room - (grid.left, grid.top)), 0).astype(int).tolist()
    right, bottom = (
        np.minimum(np.ceil(high + room - (grid.left, grid.top)), (grid.width, grid.height)).astype(int).tolist()
    )
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _ends(ring: Indices) -> Indices:
    """The rows of an eye's corners, left then right."""
    return ring[[0, len(ring) // 2]]


def _soft(plane: Plane, sigma: float) -> Plane:
    return cv2.GaussianBlur(plane, (0, 0), max(_LEAST_SIGMA, sigma))  # type: ignore[return-value]
