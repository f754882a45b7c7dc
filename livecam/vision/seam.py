"""Brings a painted face to the colours around it, at its edge only: the lower of two bands of a multi-band blend.

Each band of an image wants an edge as soft as its own waves are long (Burt and Adelson 1983): brightness and tone go
over from the wearer to the persona slowly, pores and hairs at once.
"""

import cv2
import numpy as np

from livecam.core.frame import Image

# The lower band is worked out on so many cells, across and down, over the new face.
_CELLS = (40, 48)
# In cells: over how many colours are averaged, and how far into the face its own colours begin to hold alone. A depth
# of 6 makes no seam less visible, and costs 0.006 of likeness.
_SIGMA, _DEPTH = 1.0, 2.5
_SHOWN = 16
_MIDDLE = 128
# The shift is found anew in every nth frame, and follows slowly, so that it does not flicker; all at once when it has
# jumped, by levels in the mean.
_EVERY = 3
_FOLLOW = 0.32
_CALM, _JUMP = 2.0, 6.0


class Seam:
    """Shifts the colours of one wearer's new face towards the wearer's own along its edge. One thread."""

    def __init__(self) -> None:
        self._wide = np.empty(0, np.uint8)
        self.reset()

    def reset(self) -> None:
        """Forget the shift: the new face is another."""
        self._shift = np.zeros((*_CELLS[::-1], 3), np.float32)
        self._known = False
        self._frames = 0

    def __call__(self, painted: Image, wearer: Image, alpha: Image) -> None:
        """Match `painted` to `wearer`, in place.

        Args:
            painted: (h, w, 3) u8, the new face.
            wearer: (h', w', 3) u8, what it will cover; the frame may end before the new face does.
            alpha: (h, w) u8: where the new face shows.
        """
        height, width = wearer.shape[:2]
        view, mask = painted[:height, :width], alpha[:height, :width]
        self._frames += 1
        if not self._known or self._frames % _EVERY == 0:
            self._find(view, wearer, mask)
        if self._known:
            self._add(view)

    def _find(self, view: Image, wearer: Image, mask: Image) -> None:
        """Find the shift anew."""
        own, new, shown = (cv2.resize(each, _CELLS, interpolation=cv2.INTER_AREA) for each in (wearer, view, mask))
        # Only what lies under the face counts: not hair, not the wall behind.
        weight = shown.astype(np.float32)
        apart = (own.astype(np.float32) - new) * weight[:, :, None]
        sums, total = (cv2.GaussianBlur(each, (0, 0), _SIGMA) for each in (apart, weight))
        within = cv2.distanceTransform((shown > _SHOWN).astype(np.uint8), cv2.DIST_L2, 3)
        edge = np.clip(1 - within / _DEPTH, 0, 1) / np.maximum(total, 1)
        if not edge.any():
            # The frame cuts off every edge of the face.
            return
        fresh = sums * edge[:, :, None]
        change = float(np.abs(fresh - self._shift)[edge > 0].mean()) if self._known else _JUMP
        self._shift += np.float32(np.interp(change, (_CALM, _JUMP), (_FOLLOW, 1.0))) * (fresh - self._shift)
        self._known = True

    def _add(self, view: Image) -> None:
        if self._wide.size < view.size:
            self._wide = np.empty(view.size * 5 // 4, np.uint8)
        wide = self._wide[: view.size].reshape(view.shape)
        # In bytes around the middle, as halves of a level: sums of bytes are what is fast.
        halves = np.clip(np.rint(self._shift * 2 + _MIDDLE), 0, 255).astype(np.uint8)
        cv2.resize(halves, (view.shape[1], view.shape[0]), dst=wide, interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(view, 1.0, wide, 0.5, -_MIDDLE / 2, dst=view)
