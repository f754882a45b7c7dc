"""Masks that do not flicker: what a network is unsure of from frame to frame is averaged, what moves is followed."""

import math
import time
from collections.abc import Callable

import cv2
import numpy as np

from livecam.core.frame import NS_PER_S, Image
from livecam.vision.mask.masker import Masker
from livecam.vision.wearers import Wearers

_TIME_CONSTANT_S = 0.12
_LONGEST_GAP_S = 0.3
# A change of so many levels is the network's noise; from that many on something has really moved.
_CALM, _MOVED = 24.0, 112.0


class _Shown:
    """What was last shown of one followed face."""

    def __init__(self) -> None:
        self.last_ns = 0
        self.mask: Image = np.empty((0, 0), dtype=np.uint8)


class SteadyMasker:
    """A `Masker` that smooths another's masks over time, each followed face's for itself. One thread.

    A crop is aligned with the face, so that what is still on the face is still in its masks. Each pixel follows small
    changes slowly and large ones at once: a soft edge calms down, a hand before the face does not leave a trail.

    Args:
        masker: Whose masks are smoothed; a network's. Masks from landmarks are as smooth as these are.
        now_ns: Monotonic time.
    """

    def __init__(self, masker: Masker, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._masker = masker
        self._now_ns = now_ns
        self._faces = Wearers(_Shown)
        self._face = self._faces[0]
        self._step: Image = np.empty((0, 0), dtype=np.uint8)

    def follow(self, track_id: int) -> None:
        """The next crops are of the face with that track. A face not seen for some time is a new one."""
        self._face = self._faces[track_id]

    def __call__(self, crop: Image, out: Image) -> Image:
        """See `Masker`."""
        self._masker(crop, out)
        face, now_ns = self._face, self._now_ns()
        step_s = (now_ns - face.last_ns) / NS_PER_S
        face.last_ns = now_ns
        if face.mask.shape != out.shape or not 0 <= step_s <= _LONGEST_GAP_S:
            face.mask = out.copy()
            return out
        if self._step.shape != out.shape:
            self._step = np.empty_like(out)
        steps = _steps(step_s)
        for one, other, move in ((out, face.mask, cv2.add), (face.mask, out, cv2.subtract)):
            cv2.LUT(cv2.subtract(one, other, dst=self._step), steps, dst=self._step)
            move(face.mask, self._step, dst=face.mask)
        np.copyto(out, face.mask)
        return out

    def reset(self) -> None:
        """Forget every face."""
        self._faces.clear()
        self._face = self._faces[0]


def _steps(step_s: float) -> Image:
    """(1, 256) u8: how far to go for each difference 0..255 to what is shown, never nowhere and never too far."""
    difference = np.arange(256.0)
    calm = 1 - math.exp(-step_s / _TIME_CONSTANT_S)
    share = np.interp(difference, (_CALM, _MOVED), (calm, 1.0))
    steps: Image = np.ceil(difference * share).astype(np.uint8)[None]
    return steps
