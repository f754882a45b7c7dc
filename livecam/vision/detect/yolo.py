"""YOLO-face: boxes and points in px of the picture already, one column an anchor."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from livecam.core.seams import Tensor
from livecam.vision.detect.detector import rows_of
from livecam.vision.detect.nms import Candidates

_NUMBERS = 20


class YoloDecoder:
    """Reads YOLO-face's output ``rows``, (1, 20, N): centre, size, score, then five times x, y and confidence."""

    pixel = 0.0
    shapes: Final = MappingProxyType({"rows": (_NUMBERS, -1)})

    def __call__(self, outputs: Mapping[str, Tensor], threshold: float) -> Candidates:
        """Candidates in px of the network's picture, of a score of at least `threshold`.

        Raises:
            ContractError: The output has another shape or values that are not finite.
        """
        rows = rows_of(outputs, "rows", (_NUMBERS, -1))
        found = rows[:, np.flatnonzero(rows[4] >= threshold)].T
        centre, half = found[:, :2], found[:, 2:4] / 2
        five = found[:, 5:].reshape(-1, 5, 3)[..., :2]
        return Candidates(np.concatenate([centre - half, centre + half], axis=1), five, found[:, 4])
