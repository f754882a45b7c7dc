"""All that is noted of a clip in one mode, frame by frame."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.bench.quality.series import Curve, Frames
from livecam.core.frame import Points

SWAPPED: Final = "swapped"
"""A frame's fate: its own picture went out. Others are ``held REASON`` and ``slated REASON``."""

MESH_POINTS: Final = 478


@dataclass(frozen=True, slots=True)
class Trace:
    """All that was noted of a clip in one mode; NaN where a frame was not swapped or not judged.

    Attributes:
        size: Width and height of the frames, px.
        times_ns: (T,) i64 media times.
        fates: What became of each frame.
        step_ms: (T,) how long the pipeline took.
        drawn: (T, 478, 3) f32 px, the landmarks that were drawn from.
        before: (T, 478, 3) f32 px, found afresh in the input.
        after: (T, 478, 3) f32 px, found afresh in the output.
        flow: (T,) optical flow of the input inside the face since the frame before, 95th percentile, px.
        warp_before: (T,) flow-warp error of the input, 8-bit levels.
        warp_after: (T,) of the output.
        colour_before: (T, 3) mean colour inside the face of the input.
        colour_after: (T, 3) of the output.
        to_persona: (T,) the judge's distance of the output to the persona.
        to_wearer: (T,) of the output to the input.
        apart: (T,) of the input to the persona.
    """

    size: tuple[int, int]
    times_ns: np.ndarray[tuple[int], np.dtype[np.int64]]
    fates: tuple[str, ...]
    step_ms: Curve
    drawn: Points
    before: Points
    after: Points
    flow: Curve
    warp_before: Curve
    warp_after: Curve
    colour_before: Curve
    colour_after: Curve
    to_persona: Curve
    to_wearer: Curve
    apart: Curve

    @property
    def swapped(self) -> Frames:
        """(T,) bool: which frames went out as their own picture."""
        return np.array([fate == SWAPPED for fate in self.fates], dtype=np.bool_)

    @property
    def fps(self) -> float:
        """Frames a second, from the median step in time."""
        return 1e9 / float(np.median(np.diff(self.times_ns))) if len(self.times_ns) > 1 else 30.0
