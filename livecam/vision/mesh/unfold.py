"""Skin around the lips that keeps up with them: an open mouth is not drawn over the skin below it with a hard edge."""

from typing import Final

import numpy as np

from livecam.core.frame import Points
from livecam.vision.mesh.pose import Rows

# Lines of landmarks over the skin around the lips: from the lower one's outer edge to the chin, and from the upper
# one's to the nose. The network finds lips with more care than that skin, which stays behind when a mouth opens wide.
# Of the part of its line that the canonical face has between two neighbours, the least that is kept.
_LINES: Final = (
    *((17, 18, 200, 199, 175, 152), (84, 83, 201, 208, 171, 148), (181, 182, 194, 32, 140, 176)),
    *((91, 106, 204, 211, 170, 149), (146, 43, 202, 210, 169, 150), (314, 313, 421, 428, 396, 377)),
    *((405, 406, 418, 262, 369, 400), (321, 335, 424, 431, 395, 378), (375, 273, 422, 430, 394, 379)),
    *((0, 164, 2), (37, 167, 97), (39, 165, 98), (40, 92, 203), (185, 186, 206)),
    *((267, 393, 326), (269, 391, 327), (270, 322, 423), (409, 410, 426)),
)
_LEAST_PART = 0.6


class Unfolder:
    """Keeps the landmarks along `_LINES` in their order; the ends of a line stay where they are.

    Args:
        canonical: (468, 3) f32: a face of which they are in order.
    """

    def __init__(self, canonical: Points) -> None:
        longest = max(len(line) for line in _LINES)
        self._rows = np.array([(*line, *line[-1:] * (longest - len(line))) for line in _LINES], dtype=np.int32).T
        self._least = _LEAST_PART * self._along(canonical.astype(np.float64))[0]

    def __call__(self, shape: Rows, move: Rows) -> None:
        """Add to `move`, (468, 3) f64, pose-free, what unfolds `shape` with it, in place."""
        along, lines = self._along(shape + move)
        # Less what is kept at least, which is 0 at a line's start, order is all that is asked for.
        spare = np.clip(along - self._least, 0, 1 - _LEAST_PART)
        short = np.maximum.accumulate(spare) + self._least - along
        move[self._rows[1:-1], :2] += short[1:-1, :, None] * lines

    def _along(self, shape: Rows) -> tuple[Rows, Rows]:
        """How far along its line each landmark lies, (N, L) f64, 0 at its start and 1 at its end, and (L, 2) lines."""
        flat = shape[self._rows, :2]
        lines = flat[-1] - flat[0]
        along = ((flat - flat[0]) * lines).sum(axis=2) / np.maximum((lines * lines).sum(axis=1), 1e-9)
        return along, lines
