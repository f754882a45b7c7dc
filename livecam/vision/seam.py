"""Brings a painted face to the colours around it, at its edge only: the lower of two bands of a multi-band blend.

Each band of an image wants an edge as soft as its own waves are long (Burt and Adelson 1983): brightness and tone go
over from the wearer to the persona slowly, pores and hairs at once.
"""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.step import STEP, Step

# The lower band is worked out on so many cells, across and down, over the new face.
_CELLS = (40, 48)
# In cells: over how many colours are averaged, and how far into the face its own colours begin to hold alone. A depth
# of 6 makes no seam less visible, and costs 0.006 of likeness.
_SIGMA, _DEPTH = 2.5, 2.5
_SHOWN = 16
_MIDDLE = 128
# The shift is found anew in every frame and follows slowly, so that it does not flicker; the faster, the farther it is
# off in the mean, levels. Found in every third frame, it moves in steps, and flickers more in motion than one that
# keeps up with the wearer's edge. The share is of a thirtieth of a second.
_FOLLOW = 0.1
_CALM, _JUMP = 1.0, 4.0
# Images are halved for as long as they are so many times finer than the cells, at a fifth of the time.
_FINE = 3

Plane = npt.NDArray[np.float32]


def _averages(cells: int) -> Plane:
    """(cells, cells) f32: by how much each cell along an axis counts (row) in the average at each (column)."""
    return cv2.GaussianBlur(np.eye(cells, dtype=np.float32), (2 * round(4 * _SIGMA) + 1, 1), _SIGMA)  # type: ignore[return-value]


_ACROSS, _DOWN = _averages(_CELLS[0]), _averages(_CELLS[1]).T.copy()


class Seam:
    """Shifts the colours of one wearer's new face towards the wearer's own along its edge. One thread."""

    def __init__(self) -> None:
        self._wide = np.empty(0, np.uint8)
        self._scratch = Scratch()
        self.reset()

    def reset(self) -> None:
        """Forget the shift: the new face is another."""
        self._shift = np.zeros((3, *_CELLS[::-1]), np.float32)
        self._known = False

    def __call__(self, painted: Image, wearer: Image, alpha: Image, step: Step = STEP) -> None:
        """Match `painted` to `wearer`, in place.

        Args:
            painted: (h, w, 3) u8, the new face.
            wearer: (h', w', 3) u8, what it will cover; the frame may end before the new face does.
            alpha: (h, w) u8: where the new face shows.
            step: The time since the last frame.
        """
        height, width = wearer.shape[:2]
        view, mask = painted[:height, :width], alpha[:height, :width]
        self._find(view, wearer, mask, step)
        if self._known:
            self._add(view)

    def _find(self, view: Image, wearer: Image, mask: Image, step: Step) -> None:
        """Find the shift anew."""
        own, new, shown = (_by_cells(each, self._scratch) for each in (wearer, view, mask))
        # Only what lies under the face counts: not hair, not the wall behind.
        planes = np.empty((4, *shown.shape), np.float32)
        apart, weight = planes[:3], planes[3]
        weight[:] = shown
        np.multiply(np.subtract(own, new, dtype=np.int16).transpose(2, 0, 1), weight, out=apart)
        sums, total = _blurred(planes)
        within = cv2.distanceTransform((shown > _SHOWN).astype(np.uint8), cv2.DIST_L2, 3)
        near = np.maximum(1 - within / np.float32(_DEPTH), 0)
        cells = np.count_nonzero(near)
        if not cells:
            # The frame cuts off every edge of the face.
            return
        news = sums * (near / np.maximum(total, 1)) - self._shift
        change = float(np.abs(news).sum(where=near > 0)) / (3 * cells) if self._known else _JUMP
        news *= np.float32(_taken(change, step))
        self._shift += news
        self._known = True

    def _add(self, view: Image) -> None:
        if self._wide.size < view.size:
            self._wide = np.empty(view.size * 5 // 4, np.uint8)
        wide = self._wide[: view.size].reshape(view.shape)
        # In bytes around the middle, as halves of a level: sums of bytes are what is fast.
        halves = np.clip(np.rint(self._shift * 2 + _MIDDLE), 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()
        cv2.resize(halves, (view.shape[1], view.shape[0]), dst=wide, interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(view, 1.0, wide, 0.5, -_MIDDLE / 2, dst=view)


def _taken(change: float, step: Step) -> float:
    """Which share of a mean `change`, levels, is followed in this step."""
    taken = 0.0
    for part in step.parts():
        # What has jumped passes at once, however short a frame is.
        ends = part.share(part.loosened(_FOLLOW)), 1.0
        taken += (1 - taken) * float(np.interp(change * (1 - taken), (_CALM, _JUMP), ends))
    return taken


def _blurred(planes: Plane) -> tuple[Plane, Plane]:
    """The first three of (4, rows, columns) f32 `planes` averaged over each cell's neighbourhood, and the last."""
    blurred: Plane = _DOWN @ (planes @ _ACROSS)
    return blurred[:3], blurred[3]


def _by_cells(image: Image, scratch: Scratch) -> Image:
    """`image`, (h, w, ...) u8, averaged over the cells; a new array. It works in the `scratch`."""
    columns, rows = _CELLS
    halvings = 0
    while image.shape[0] >= _FINE * rows and image.shape[1] >= _FINE * columns:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        halvings += 1
        half = scratch(f"halved.{image.ndim}.{halvings}", (height, width, *image.shape[2:]), np.uint8)
        cv2.resize(image[: 2 * height, : 2 * width], (width, height), dst=half, interpolation=cv2.INTER_AREA)
        image = half
    return cv2.resize(image, _CELLS, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
