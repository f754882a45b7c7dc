"""Flicker: what changes from frame to frame in a face though nothing moved there, seen along the optical flow."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.rig import Rig, Swapped
from livecam.core.frame import Image, Points
from livecam.vision.mesh.topology import TOPOLOGY

_EDGE_PX = 9


@dataclass(frozen=True, slots=True)
class Flicker:
    """Mean absolute difference between a frame and the one before it, brought to it along the flow of the input.

    Attributes:
        before: Of the input, 8-bit levels, mean over frames.
        after: Of the output.
        after_p95: Of the output, 95th percentile over frames.
        lag: Of the drawn landmarks, % of the face's height, mean over frames.
        frames: How many pairs of frames.
    """

    before: float
    after: float
    after_p95: float
    lag: float
    frames: int

    @property
    def ratio(self) -> float:
        """Output over input: 1 is as steady as what the camera gave."""
        return self.after / self.before


def flicker(rig: Rig, frames: Iterable[Image]) -> Flicker:
    """Swap `frames` and measure the flicker inside the face.

    Raises:
        LookupError: No two neighbouring frames had a face.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    last: Swapped | None = None
    before: list[float] = []
    after: list[float] = []
    lags: list[float] = []
    for image in frames:
        swapped = rig(image)
        if swapped is not None:
            lags.append(swapped.lag)
        if swapped is not None and last is not None:
            where = _where(flow, last.before, swapped.before)
            inside = _inside(swapped.points, image.shape)
            before.append(_error(last.before, swapped.before, where, inside))
            after.append(_error(last.after, swapped.after, where, inside))
        last = swapped
    if not before:
        raise LookupError("No two neighbouring frames had a face.")
    return Flicker(
        float(np.mean(before)),
        float(np.mean(after)),
        float(np.percentile(after, 95)),
        float(np.mean(lags)),
        len(before),
    )


def _where(flow: cv2.DISOpticalFlow, last: Image, now: Image) -> npt.NDArray[np.float32]:
    """(H, W, 2) f32: where each px of `now` was in `last`, by dense inverse search (Kroeger et al. 2016)."""
    grey = (cv2.cvtColor(now, cv2.COLOR_BGR2GRAY), cv2.cvtColor(last, cv2.COLOR_BGR2GRAY))
    moved = flow.calc(*grey, None)  # type: ignore[call-overload]
    rows, columns = np.indices(now.shape[:2], dtype=np.float32)
    where: npt.NDArray[np.float32] = moved + np.dstack([columns, rows])
    return where


def _error(last: Image, now: Image, where: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> float:
    """Mean absolute difference, 8-bit levels, of `now` and `last` brought to it, where `inside` says."""
    brought = cv2.remap(last, where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return float(cv2.absdiff(brought, now)[inside].mean())


def _inside(points: Points, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(H, W): a little inside the face's oval."""
    mask = np.zeros(shape[:2], dtype=np.uint8)
    oval = np.rint(points[TOPOLOGY.oval, :2]).astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(oval), 255)
    inside: npt.NDArray[np.bool_] = cv2.erode(mask, np.ones((_EDGE_PX, _EDGE_PX), dtype=np.uint8)) > 0
    return inside
