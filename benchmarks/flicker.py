"""Flicker: what changes from frame to frame in a face though nothing moved there, seen along the optical flow."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.rig import Rig, Swapped
from livecam.bench.quality.warp import WarpMeter, face_area, warp_error
from livecam.core.frame import Image


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
    meter = WarpMeter()
    last: Swapped | None = None
    before: list[float] = []
    after: list[float] = []
    lags: list[float] = []
    for image in frames:
        swapped = rig(image)
        if swapped is not None:
            lags.append(swapped.lag)
        if swapped is not None and last is not None:
            area = face_area(swapped.points, image.shape)
            where = meter.where(last.before, swapped.before, area.patch)
            before.append(warp_error(last.before, swapped.before, where, area))
            after.append(warp_error(last.after, swapped.after, where, area))
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
