"""The soft edge that occlusion, region and area masks share (MODELS.md F.4)."""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.vision.mesh.scratch import Scratch

SIGMA_PX = 5.0
"""Of the blur, in px of the crop."""

Share = npt.NDArray[np.float32]
"""A mask as (h, w) f32, 0..1."""


class Softener:
    """Softens masks inwards. Owns its working memory; one thread."""

    def __init__(self) -> None:
        self._scratch = Scratch()

    def __call__(self, mask: Share, out: Image) -> Image:
        """Write `mask`, brought to the size of `out` and softened, into `out`: ``clip(2 blur(m) - 1, 0, m)``.

        The lower half of the blurred edge is cut off, so that the edge lies inside the mask. That alone still covers
        an occluder that is thin against the blur (a finger, a microphone); the upper bound `m` never does.

        The work is done at the smaller of both sizes, with the blur scaled: the edge is as wide, at a fraction of
        the cost. It is done in f32, which OpenCV blurs two to four times as fast as 8 bit.

        Args:
            mask: (h, w) f32, 0..1; 1 is replaced.
            out: (S, S) u8; 255 is replaced.

        Returns:
            `out`.
        """
        side = min(mask.shape[0], out.shape[0])
        if side < mask.shape[0]:
            small = self._scratch("small", (side, side), np.float32)
            mask = cv2.resize(mask, (side, side), dst=small, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        blurred = self._scratch("blurred", mask.shape, np.float32)
        cv2.GaussianBlur(mask, (0, 0), SIGMA_PX * side / out.shape[0], dst=blurred)
        if side == out.shape[0]:
            return self._cut(mask, blurred, out)
        soft = self._cut(mask, blurred, self._scratch("soft", mask.shape, np.uint8))
        return cv2.resize(soft, out.shape[::-1], dst=out, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]

    def _cut(self, mask: Share, blurred: Share, out: Image) -> Image:
        """Write ``255 clip(2 blurred - 1, 0, mask)`` into `out`; the casts to 8 bit saturate."""
        bound = self._scratch("bound", mask.shape, np.uint8)
        cv2.addWeighted(mask, 255, mask, 0, 0, dst=bound, dtype=cv2.CV_8U)
        cv2.addWeighted(blurred, 510, blurred, 0, -255, dst=out, dtype=cv2.CV_8U)
        return cv2.min(out, bound, dst=out)  # type: ignore[return-value]
