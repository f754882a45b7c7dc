"""Candidates of a detector, and their greedy suppression: of boxes that overlap the best one stays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points

MOST = 5000
"""Only so many candidates, the best ones, are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that may be faces.

    Attributes:
        corners: (K, 4) f32 left, top, right, bottom, px.
        five: (K, 5, 2) f32 px: eyes, nose tip, mouth corners; the image's left before its right.
        scores: (K,) f32, 0..1.
    """

    corners: Points
    five: Points
    scores: Points

    def take(self, rows: npt.NDArray[np.intp]) -> "Candidates":
        """Those of `rows`, in that order."""
        return Candidates(self.corners[rows], self.five[rows], self.scores[rows])


def joined(levels: Sequence[Candidates]) -> Candidates:
    """All candidates of `levels`, one after the other."""
    return Candidates(
        np.concatenate([level.corners for level in levels]),
        np.concatenate([level.five for level in levels]),
        np.concatenate([level.scores for level in levels]),
    )


def suppress(found: Candidates, iou: float, pixel: float = 0.0) -> Candidates:
    """The best of each cluster, best first; of equal scores the earlier one.

    Args:
        found: Any number; of more than `MOST`, the best ones.
        iou: A box that overlaps a better one that stays by more than this, goes.
        pixel: Added to widths and heights: 1 where the right and lower edges count as inside (insightface's SCRFD).
    """
    order = np.argsort(-found.scores, kind="stable")[:MOST]
    low, high = found.corners[order, :2], found.corners[order, 2:] + np.float32(pixel)
    area = np.clip(high - low, 0, None).prod(axis=1)
    left = np.arange(len(order))
    stay: list[int] = []
    while len(left):
        best, left = left[0], left[1:]
        stay.append(int(best))
        shared = np.minimum(high[best], high[left]) - np.maximum(low[best], low[left])
        shared_area = np.clip(shared, 0, None).prod(axis=1)
        left = left[shared_area <= np.float32(iou) * (area[best] + area[left] - shared_area)]
    return found.take(order[stay])
