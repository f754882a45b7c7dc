"""A rectangle of the portrait that is redrawn for every frame: pixel grids in plane cm and reusable buffers."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.view import View


class Patch:
    """A box of the portrait, given in plane cm (y down), cut to whole pixels of `view`.

    Attributes:
        rows, columns: Slices into the portrait.
        x: (1, W) f32 plane cm of the pixel columns.
        y: (H, 1) f32 plane cm of the pixel rows.
        view: The same camera for the box alone.
    """

    def __init__(self, view: View, left: float, top: float, right: float, bottom: float) -> None:
        first = np.floor(view.px(f32([[left, -top]])))[0].astype(int)
        last = np.ceil(view.px(f32([[right, -bottom]])))[0].astype(int)
        x0, y0 = max(int(first[0]), 0), max(int(first[1]), 0)
        x1, y1 = min(int(last[0]), view.width), min(int(last[1]), view.height)
        self.rows, self.columns = slice(y0, y1), slice(x0, x1)
        self.view = View(x1 - x0, y1 - y0, view.scale, view.x - x0, view.y - y0)
        x, y = self.view.grid()
        self.x, self.y = x, -y
        self._map_x = np.broadcast_to(np.arange(x1 - x0, dtype=np.float32), (y1 - y0, x1 - x0)).copy()
        self._rows_px = np.arange(y1 - y0, dtype=np.float32)[:, None]
        self._skin = np.empty((y1 - y0, x1 - x0, 4), np.uint8)

    def pulled(self, portrait: Image, rise_cm: Floats) -> Image:
        """The box of `portrait`, every pixel taken from `rise_cm`, (H, W), further up. Valid until the next call."""
        rows = self._rows_px - rise_cm * np.float32(self.view.scale)
        return cv2.remap(
            portrait[self.rows, self.columns], self._map_x, rows, cv2.INTER_LINEAR, self._skin, cv2.BORDER_REPLICATE
        ).astype(np.uint8, copy=False)

    def inside(self, upper: Floats, lower: Floats) -> Floats:
        """(H, W) f32 0..1 antialiased: between two curves given as (1, W) plane cm."""
        scale = np.float32(self.view.scale)
        return f32(np.clip(np.minimum(self.y - upper, lower - self.y) * scale + 0.5, 0, 1))
