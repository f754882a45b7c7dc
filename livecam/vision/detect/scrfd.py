"""SCRFD with keypoints (Guo et al. 2021): distances from two anchors a cell, on the cell's corner."""

from collections.abc import Mapping

import numpy as np

from livecam.core.frame import Size
from livecam.core.seams import Tensor
from livecam.vision.detect.detector import STRIDES, anchors_of, rows_of
from livecam.vision.detect.nms import Candidates, joined

_PER_CELL = 2


class ScrfdDecoder:
    """Reads SCRFD's outputs: ``score_S`` (N, 1), ``box_S`` (N, 4), ``kps_S`` (N, 10) for the strides S.

    Box and points are distances from the anchor in strides; the score has its sigmoid already.
    """

    pixel = 1.0

    def __init__(self, size: Size) -> None:
        self._anchors = {stride: anchors_of(size, stride, _PER_CELL) for stride in STRIDES}

        parts = (("score", 1), ("box", 4), ("kps", 10))
        self.shapes = {f"{part}_{s}": (len(self._anchors[s]), many) for part, many in parts for s in STRIDES}

    def __call__(self, outputs: Mapping[str, Tensor], threshold: float) -> Candidates:
        """Candidates in px of the network's picture, of a score of at least `threshold`.

        Raises:
            ContractError: An output has another shape or values that are not finite.
        """
        return joined([self._level(outputs, stride, threshold) for stride in STRIDES])

    def _level(self, outputs: Mapping[str, Tensor], stride: int, threshold: float) -> Candidates:
        many = len(self._anchors[stride])
        scores = rows_of(outputs, f"score_{stride}", (many, 1))[:, 0]
        boxes = rows_of(outputs, f"box_{stride}", (many, 4))
        points = rows_of(outputs, f"kps_{stride}", (many, 10))
        kept = np.flatnonzero(scores >= threshold)
        origin, reach = self._anchors[stride][kept], boxes[kept] * np.float32(stride)
        corners = np.concatenate([origin - reach[:, :2], origin + reach[:, 2:]], axis=1)
        five = origin[:, None] + points[kept].reshape(-1, 5, 2) * np.float32(stride)
        return Candidates(corners, five, scores[kept])
