"""Scene cuts: whether a frame shows another scene than the one before it."""

import math
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image

_COLUMNS, _ROWS = 40, 24
# Neighbouring frames of one scene correlate by 0.64 and more however fast somebody moves, and a lamp changes nothing;
# those of two scenes by 0.53 and less (measured on five clips and all cuts between them, faces in the same place).
_LEAST_ALIKE: Final = 0.58
# Before an even wall somebody who walks past spoils the correlation, but changes a part of the picture only.
_CHANGED_LEVELS, _CHANGED_SHARE = 12.0, 0.5
_FLAT: Final = 2.0


class SceneCut:
    """Compares each frame with the last, on a few px of it. Owns its state.

    The comparison is by correlation, so that a lamp or the camera's exposure is no cut.
    """

    def __init__(self) -> None:
        self._last: npt.NDArray[np.float32] | None = None
        self._level = self._power = 0.0

    def __call__(self, image: Image) -> bool:
        """Whether `image`, (H, W, 3) u8 BGR, is another scene than the last one; False for the first."""
        now = _few(image)
        last_level, self._level = self._level, float(now.mean())
        now -= np.float32(self._level)
        before, self._last = self._last, now
        power, self._power = self._power, float(np.vdot(now, now)) / now.size
        if before is None or before.shape != now.shape:
            return before is not None
        spread = math.sqrt(power * self._power)
        if spread < _FLAT * _FLAT or float(np.vdot(before, now)) / now.size >= _LEAST_ALIKE * spread:
            return False
        change = np.abs(now - before + np.float32(self._level - last_level))
        return bool(np.count_nonzero(change > _CHANGED_LEVELS) > _CHANGED_SHARE * now.size)

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None


def _few(image: Image) -> npt.NDArray[np.float32]:
    """About 24 by 40 grey levels of the image, each the mean of four px, so that noise hardly counts; green alone."""
    height, width = image.shape[:2]
    down, right = max(1, height // _ROWS), max(1, width // _COLUMNS)
    rows, columns = height // down, width // right
    green = image[:, :, 1]
    total = np.zeros((rows, columns), dtype=np.float32)
    for y, x in product((0, down // 2), (0, right // 2)):
        total += green[y : rows * down : down, x : columns * right : right][:rows, :columns]
    return total * np.float32(0.25)
