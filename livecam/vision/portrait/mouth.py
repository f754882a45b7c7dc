"""A mouth that opens: lips parted along their line, with teeth, tongue and the dark behind them."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.geometry import LIP_INNER_UPPER, Floats, f32
from livecam.vision.portrait.motion import Pose
from livecam.vision.portrait.patch import Patch
from livecam.vision.portrait.rig import CHIN_FROM_CM, CHIN_TO_CM, JAW_SHARE, ramp
from livecam.vision.portrait.view import View, blur

_LIP_CM, _NOSE_CM = 0.75, 1.75
"""Above the line of the lips: how far they move whole, and where the skin rests."""
_TOOTH_WIDTHS_CM = (0.44, 0.36, 0.40, 0.36, 0.34, 0.42)
"""From the middle outward, as seen from the front; the arch turns the outer ones away."""


class Lips:
    """Where the lips part, as curves over x. All values are plane cm, y down.

    Args:
        points: (468, 3) f32 cm landmarks, y up.
    """

    def __init__(self, points: Floats) -> None:
        line = points[[61, *LIP_INNER_UPPER, 291], :2]
        self._x, self._y = line[:, 0], -line[:, 1]
        self.half = float(np.ptp(self._x)) / 2

    def line(self, x: Floats) -> Floats:
        """Height of the closed lips' line at `x`."""
        return np.interp(x, self._x, self._y).astype(np.float32)

    def gaps(self, x: Floats, pose: Pose) -> tuple[Floats, Floats]:
        """How far the upper lip rises and the lower lip sinks at `x`."""
        half = (self.half - 0.12) * (1 - 0.18 * pose.pucker)
        lens = np.clip(1 - np.abs(x / half) ** np.float32(2.4), 0, 1).astype(np.float32) ** np.float32(0.6)
        return lens * np.float32((1 - JAW_SHARE) * pose.mouth_cm), lens * np.float32(JAW_SHARE * pose.mouth_cm)

    def moved(self, points: Floats, pose: Pose) -> Floats:
        """(N, 2) plane points of the portrait, moved as the lips part."""
        x, y = points[:, 0], points[:, 1]
        upper, lower = self.gaps(x, pose)
        above = y < self.line(x) - 1e-4
        moved = y.copy()
        for _ in range(40):
            rise = upper * _hold(self.line(x) - upper - moved, _LIP_CM, _NOSE_CM)
            sink = lower * _hold(moved - self.line(x) - lower, CHIN_FROM_CM, CHIN_TO_CM)
            moved = np.where(above, y - rise, y + sink)
        return np.stack([x, moved], axis=1).astype(np.float32)

    def split(self, points: Floats, index: tuple[int, ...], pose: Pose, lower: bool) -> Floats:
        """(N, 2) plane points of landmarks on the line itself, which go with one lip."""
        x = points[list(index), 0]
        up, down = self.gaps(x, pose)
        return np.stack([x, self.line(x) + (down if lower else -up)], axis=1).astype(np.float32)


def _hold(distance: Floats, whole: float, none: float) -> Floats:
    """1 up to `whole` cm from the lip, falling to 0 at `none`."""
    return 1 - ramp((distance - whole) / (none - whole))


class Mouth:
    """Redraws the mouth of a portrait.

    Args:
        points: (468, 3) f32 cm landmarks, y up.
        view: The portrait's.
    """

    def __init__(self, points: Floats, view: View) -> None:
        self.lips = Lips(points)
        middle, half = -float(points[13, 1]), self.lips.half
        self._skin = Patch(view, -3.3, middle - 2.0, 3.3, middle + CHIN_TO_CM + 1.4)
        self._inner = Patch(view, -half, middle - 0.5, half, middle + 1.6)
        x, y = self._inner.x, self._inner.y
        line = self.lips.line(x)
        self._upper = _teeth(x, y, line, edge=0.20, length=1.1, upper=True)
        self._lower = _teeth(x, y, line, edge=-0.26, length=1.0, upper=False)
        self._tongue = _tongue(x, y, line)
        self._moved = np.empty_like(self._upper)
        self._shown = np.full(self._upper.shape, 255, np.uint8)

    def draw(self, rest: Image, work: Image, pose: Pose) -> None:
        """Redraw the mouth of `rest`, (H, W, 4) u8 BGRA, into `work`."""
        patch = self._skin
        if pose.mouth_cm < 0.02:
            np.copyto(work[patch.rows, patch.columns], rest[patch.rows, patch.columns])
            return
        line = self.lips.line(patch.x)
        rise, sink = self.lips.gaps(patch.x, pose)
        top, bottom = line - rise, line + sink
        up = rise * _hold(top - patch.y, _LIP_CM, _NOSE_CM)
        down = sink * _hold(patch.y - bottom, CHIN_FROM_CM, CHIN_TO_CM)
        pull = np.where(patch.y < 0.5 * (top + bottom), -up, down)
        np.copyto(work[patch.rows, patch.columns], patch.pulled(rest, pull))
        self._draw_inside(work, pose)

    def _draw_inside(self, work: Image, pose: Pose) -> None:
        """Draw what shows between the lips."""
        patch = self._inner
        line = self.lips.line(patch.x)
        rise, sink = self.lips.gaps(patch.x, pose)
        top, bottom = line - rise, line + sink
        mask = patch.inside(top, bottom)
        shown = self._layers(pose)
        depth = np.minimum((patch.y - top) / 0.34, (bottom - patch.y) / 0.22 + 0.35)
        corner = np.clip(1.25 - np.abs(patch.x) / self.lips.half, 0, 1)
        shown *= (np.clip(0.4 + 0.6 * depth, 0.25, 1) * np.clip(corner * 1.6, 0.15, 1))[..., None]
        self._shown[..., :3] = shown
        box = work[patch.rows, patch.columns]
        cv2.blendLinear(self._shown, box.copy(), mask, 1 - mask, box)

    def _layers(self, pose: Pose) -> Floats:
        """(H, W, 3) f32 BGR: tongue, lower and upper teeth before the dark."""
        sink_px = JAW_SHARE * pose.mouth_cm * self._inner.view.scale
        shown = np.empty_like(self._upper[..., :3])
        shown[:] = (22, 16, 44)
        size = (shown.shape[1], shown.shape[0])
        for layer, follow in ((self._tongue, 0.8), (self._lower, 1.0)):
            shift = np.array([1, 0, 0, 0, 1, follow * sink_px]).reshape(2, 3)
            cv2.warpAffine(layer, shift, size, self._moved, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
            shown += self._moved[..., 3:] * (self._moved[..., :3] - shown)
        shown += self._upper[..., 3:] * (self._upper[..., :3] - shown)
        return shown


def _teeth(x: Floats, y: Floats, line: Floats, edge: float, length: float, upper: bool) -> Floats:
    """(H, W, 4) f32 BGR 0..255 and alpha 0..1: one row of teeth whose edge lies `edge` below the lips' line."""
    sign = np.float32(1.0 if upper else -1.0)
    shrink = 1.0 if upper else 0.72
    middle = line[:, line.shape[1] // 2][0] * 0.6 + line * 0.4
    alpha, shade = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32), np.zeros((1, x.shape[1]), np.float32)
    left = 0.0
    for i, width in enumerate(width * shrink for width in _TOOTH_WIDTHS_CM):
        centre, half = left + width / 2, width / 2
        rim = middle + edge - sign * (0.035 * i + 0.045 * (i == 1))
        dx = (np.abs(x) - centre) / half
        end = sign * (rim - y) - 0.07 * np.abs(dx) ** 4
        body = (np.abs(dx) <= 1.02) * np.clip(end * 22, 0, 1) * (sign * (rim - y) < length)
        alpha = np.maximum(alpha, body.astype(np.float32))
        shade = np.where(np.abs(dx) <= 1, (1 - 0.10 * i) * (1 - 0.28 * np.abs(dx) ** 6), shade).astype(np.float32)
        left += width
    colour = f32([196, 214, 224]) * np.clip(shade, 0.3, 1)[..., None] * (1.0 if upper else 0.82)
    gum = np.clip((sign * (middle + edge - y) - 0.75) / 0.25, 0, 1)
    full = colour + gum[..., None] * (f32([96, 92, 178]) - colour)
    return np.dstack([full, alpha]).astype(np.float32)


def _tongue(x: Floats, y: Floats, line: Floats) -> Floats:
    """(H, W, 4) f32 BGR and alpha: the tongue, lying behind the lower teeth."""
    middle = float(line.min()) + 0.12
    radial = (x / 1.55) ** 2 + ((y - middle - 0.25) / 0.62) ** 2
    alpha = np.clip((1 - radial) * 4, 0, 1)
    groove = np.exp(-((x / 0.12) ** 2))
    light = np.clip(0.9 - 0.5 * (y - middle) - 0.15 * groove, 0.3, 1.0)
    colour = f32([92, 88, 172]) * light[..., None]
    return np.dstack([colour, blur(alpha.astype(np.float32), 1.0)]).astype(np.float32)
