"""What changes from frame to frame in a face though nothing moved there, seen along the optical flow of the input."""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Picture, Points
from livecam.vision.mesh.topology import TOPOLOGY

EDGE_PX: Final = 9
"""The face's outer edge that is left out, px: the flow is torn there."""

_MARGIN: Final = 0.25

Where: TypeAlias = npt.NDArray[np.float32]
"""(h, w, 2) f32 px: where each px was in the frame before."""


class Patch(NamedTuple):
    """A box of whole px: left, top, right, bottom."""

    x1: int
    y1: int
    x2: int
    y2: int

    def of(self, image: Image) -> Image:
        """The part of `image`, (H, W, ...), a view."""
        return image[self.y1 : self.y2, self.x1 : self.x2]


@dataclass(frozen=True, slots=True, eq=False)
class FaceArea:
    """The inside of a face.

    Attributes:
        patch: Around it, with a margin for motion.
        inside: (h, w) bool, of the patch.
    """

    patch: Patch
    inside: npt.NDArray[np.bool_]

    def colour(self, image: Image) -> npt.NDArray[np.float64]:
        """(3,) f64: mean B, G, R of `image`, (H, W, 3) u8, inside."""
        colour: npt.NDArray[np.float64] = self.patch.of(image)[self.inside].mean(axis=0)
        return colour


def face_area(points: Points, shape: tuple[int, ...]) -> FaceArea:
    """The area a little inside the oval of (N, >=2) mesh points, px, in an image of `shape`."""
    oval = points[TOPOLOGY.oval, :2]
    low, high = oval.min(axis=0), oval.max(axis=0)
    margin = _MARGIN * float((high - low).max())
    left, top = (max(0, int(side - margin)) for side in low)
    right, bottom = (min(limit, int(side + margin) + 1) for side, limit in zip(high, (shape[1], shape[0]), strict=True))
    patch = Patch(left, top, max(right, left + 1), max(bottom, top + 1))
    mask = np.zeros((patch.y2 - patch.y1, patch.x2 - patch.x1), dtype=np.uint8)
    hull = cv2.convexHull(np.rint(oval - (left, top)).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    inside: npt.NDArray[np.bool_] = cv2.erode(mask, np.ones((EDGE_PX, EDGE_PX), dtype=np.uint8)) > 0
    return FaceArea(patch, inside)


def flow_in(where: Where, area: FaceArea) -> float:
    """How far the px inside `area` came, px: 95th percentile."""
    rows, columns = np.indices(where.shape[:2], dtype=np.float32)
    ways = np.hypot(where[..., 0] - columns, where[..., 1] - rows)[area.inside]
    return float(np.percentile(ways, 95))


class WarpMeter:
    """Flow-warp errors between neighbouring frames. One thread.

    The flow is dense inverse search (Kroeger et al. 2016) on the input's patch around the face.
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def where(self, last: Image, now: Image, patch: Patch) -> Where:
        """Where each px of `patch` in `now`, (H, W, 3) u8 BGR, was in `last`, in px of the patch."""
        grey = [cv2.cvtColor(np.ascontiguousarray(patch.of(image)), cv2.COLOR_BGR2GRAY) for image in (now, last)]
        moved = self._flow.calc(*grey, None)  # type: ignore[call-overload]
        rows, columns = np.indices(grey[0].shape, dtype=np.float32)
        where: Where = moved + np.dstack([columns, rows])
        return where


def warp_error(last: Image, now: Image, where: Where, area: FaceArea) -> float:
    """Mean absolute difference, 8-bit levels, inside `area`, of `now` and of `last` brought to it along `where`."""
    patch = area.patch
    brought = cv2.remap(np.ascontiguousarray(patch.of(last)), where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return float(cv2.absdiff(brought, np.ascontiguousarray(patch.of(now)))[area.inside].mean())


def bgr_of(picture: Picture) -> Image:
    """(H, W, 3) u8 BGR of an I420 picture, a new array."""
    image: Image = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.uint8, copy=False)
    return image
