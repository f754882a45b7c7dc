"""Scene cuts: whether a frame shows another scene than the one before it."""

import math
from typing import Final, TypeAlias

import cv2
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

Floats: TypeAlias = npt.NDArray[np.float32]

# What a product with makes the mean: a sum takes longer.
_EVEN: Final[Floats] = np.full((_ROWS, _COLUMNS), 1 / (_ROWS * _COLUMNS), dtype=np.float32)


class SceneCut:
    """Compares each frame with the last, on a few px of it. Owns its state.

    The comparison is by correlation, so that a lamp or the camera's exposure is no cut.
    """

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._shape: tuple[int, ...] = ()
        self._level = self._power = 0.0

    def __call__(self, image: Image) -> bool:
        """Whether `image`, (H, W, 3) u8 BGR, is another scene than the last one; False for the first."""
        now = _few(image)
        last_level, self._level = self._level, float(np.vdot(_EVEN, now))
        now -= np.float32(self._level)
        before, self._last = self._last, now
        shape, self._shape = self._shape, image.shape
        power, self._power = self._power, float(np.vdot(now, now)) / now.size
        if before is None or shape != image.shape:
            return before is not None
        spread = math.sqrt(power * self._power)
        if spread < _FLAT * _FLAT or float(np.vdot(before, now)) / now.size >= _LEAST_ALIKE * spread:
            return False
        change = np.abs(now - before + np.float32(self._level - last_level))
        return bool(np.count_nonzero(change > _CHANGED_LEVELS) > _CHANGED_SHARE * now.size)

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None


def _few(image: Image) -> Floats:
    """(24, 40) f32 grey levels of the image, each the mean of four px, so that noise hardly counts; green alone."""
    rows, columns = 2 * _ROWS, 2 * _COLUMNS
    if image.shape[0] < rows or image.shape[1] < columns:
        image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]
    down, right = image.shape[0] // rows, image.shape[1] // columns
    green: Floats = image[: rows * down : down, : columns * right : right, 1].astype(np.float32)
    return cv2.resize(green, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
