"""YuNet (Wu et al. 2023): one anchor a cell, on the cell's corner; sizes as exponents."""

from collections.abc import Mapping

import numpy as np

from livecam.core.frame import Size
from livecam.core.seams import Tensor
from livecam.vision.detect.detector import STRIDES, anchors_of, rows_of
from livecam.vision.detect.nms import Candidates, joined


class YunetDecoder:
    """Reads YuNet's outputs: ``cls_S`` and ``obj_S`` (N, 1), ``box_S`` (N, 4), ``kps_S`` (N, 10) for the strides S.

    The score is the geometric mean of class and objectness, as in `cv2.FaceDetectorYN`. Facefusion
    takes their product: its threshold 0.5 is 0.71 here.
    """

    pixel = 0.0

    def __init__(self, size: Size) -> None:
        self._anchors = {stride: anchors_of(size, stride, 1) for stride in STRIDES}

        parts = (("cls", 1), ("obj", 1), ("box", 4), ("kps", 10))
        self.shapes = {f"{part}_{s}": (len(self._anchors[s]), many) for part, many in parts for s in STRIDES}

    def __call__(self, outputs: Mapping[str, Tensor], threshold: float) -> Candidates:
        """Candidates in px of the network's picture, of a score of at least `threshold`.

        Raises:
            ContractError: An output has another shape or values that are not finite.
        """
        return joined([self._level(outputs, stride, threshold) for stride in STRIDES])

    def _level(self, outputs: Mapping[str, Tensor], stride: int, threshold: float) -> Candidates:
        many, step = len(self._anchors[stride]), np.float32(stride)
        classes = rows_of(outputs, f"cls_{stride}", (many, 1))[:, 0].clip(0, 1)
        objects = rows_of(outputs, f"obj_{stride}", (many, 1))[:, 0].clip(0, 1)
        boxes = rows_of(outputs, f"box_{stride}", (many, 4))
        points = rows_of(outputs, f"kps_{stride}", (many, 10))
        scores = np.sqrt(classes * objects)
        kept = np.flatnonzero(scores >= threshold)
        origin, rows = self._anchors[stride][kept], boxes[kept]
        centre = origin + rows[:, :2] * step
        with np.errstate(over="ignore"):
            half = np.exp(rows[:, 2:]) * (step / 2)
        five = origin[:, None] + points[kept].reshape(-1, 5, 2) * step
        return Candidates(np.concatenate([centre - half, centre + half], axis=1), five, scores[kept])
