"""Keeps the texture that an enhancer invents from crawling, without a flow and without smearing what moves."""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.blend import Blender

# Agreement is judged on cells of so many px a side: texture averages out in them, and sensor noise to a fourth.
_CELL = 4
# 8-bit levels: up to the first a cell agrees with that of the frame before, from the second on it does not; likewise a
# single px, whose texture is what is to be steadied.
_CELL_AGREES, _CELL_DIFFERS = 3.0, 9.0
_AGREES, _DIFFERS = 24.0, 48.0
# How much of the way to the new frame is taken where all agrees.
_SHARE = 0.25
# Half axes of the parts that are always shown as they are now, in distances of the eyes.
_EYE, _MOUTH = (0.42, 0.26), (0.62, 0.42)


class SteadyTexture:
    """Blends each crop with the one before, px by px, where the two agree. Owns its memory; one thread.

    Crops are aligned with the face, so what stands still on the face stands still here. A px is held back only where
    neither what the crop was made of nor the crop itself changed, seen coarsely: what changed then is invented.

    Args:
        side: Of the crops, px.
        five: (5, 2) f32 px of a crop: eyes, nose tip, mouth corners. Around eyes and mouth nothing is held back.
    """

    def __init__(self, side: int, five: Points) -> None:
        small = max(1, side // _CELL)
        self._shown = np.empty((side, side, 3), np.uint8)
        self._coarse = [np.empty((small, small, 3), np.uint8) for _ in range(4)]
        self._share, self._fine = np.empty((side, side), np.uint8), np.empty((side, side), np.uint8)
        self._change = np.empty((side, side, 3), np.uint8)
        self._lively = cv2.resize(_lively(side, five), (small, small), interpolation=cv2.INTER_AREA)
        self._cell_share, self._px_share = _table(_CELL_AGREES, _CELL_DIFFERS), _table(_AGREES, _DIFFERS)
        self._blend = Blender()
        self._known = False

    def reset(self) -> None:
        """Forget the crop before: another face, another persona, or a gap in between."""
        self._known = False

    def __call__(self, made: Image, seen: Image) -> None:
        """Steady `made`, (side, side, 3) u8, in place.

        Args:
            made: The crop to be shown.
            seen: (side, side, 3) u8: what it was made of, aligned alike; only read.
        """
        now_seen, now_made, last_seen, last_made = self._coarse
        small = now_made.shape[:2]
        cv2.resize(seen, small, dst=now_seen, interpolation=cv2.INTER_AREA)
        cv2.resize(made, small, dst=now_made, interpolation=cv2.INTER_AREA)
        if self._known:
            self._judge(made)
            self._blend(self._shown, made, self._share)
            np.copyto(made, self._shown)
            cv2.resize(made, small, dst=now_made, interpolation=cv2.INTER_AREA)
        else:
            np.copyto(self._shown, made)
        self._known = True
        self._coarse = [last_seen, last_made, now_seen, now_made]

    def _judge(self, made: Image) -> None:
        """Write how much of `made` is to be shown, 0..255 by px."""
        now_seen, now_made, last_seen, last_made = self._coarse
        change = cv2.max(cv2.absdiff(now_seen, last_seen), cv2.absdiff(now_made, last_made))
        # What moves next to a cell may be in it a frame later.
        most = cv2.dilate(change.max(axis=2), np.ones((3, 3), np.uint8))
        coarse = cv2.max(cv2.LUT(most, self._cell_share), self._lively)
        cv2.resize(coarse, self._share.shape[::-1], dst=self._share, interpolation=cv2.INTER_LINEAR)
        cv2.absdiff(made, self._shown, dst=self._change)
        cv2.cvtColor(self._change, cv2.COLOR_BGR2GRAY, dst=self._fine)
        cv2.LUT(self._fine, self._px_share, dst=self._fine)
        cv2.max(self._share, self._fine, dst=self._share)


def _table(agrees: float, differs: float) -> npt.NDArray[np.uint8]:
    """(256,) u8: how much of a new value is shown, 0..255, for each change in levels."""
    share = np.interp(np.arange(256), (agrees, differs), (_SHARE, 1.0))
    return np.rint(share * 255).astype(np.uint8)


def _lively(side: int, five: Points) -> Image:
    """(side, side) u8: 255 around eyes and mouth."""
    left, right, _, corner, other = five.astype(np.float64)
    eyes = float(np.hypot(*(right - left)))
    angle = float(np.degrees(np.arctan2(*(right - left)[::-1])))
    mask = np.zeros((side, side), np.uint8)
    for middle, axes in ((left, _EYE), (right, _EYE), ((corner + other) / 2, _MOUTH)):
        centre = (round(float(middle[0])), round(float(middle[1])))
        half = (round(axes[0] * eyes), round(axes[1] * eyes))
        cv2.ellipse(mask, centre, half, angle, 0, 360, 255, -1)
    return mask
