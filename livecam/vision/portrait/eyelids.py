"""Eyes that look about and blink: the ball moves behind an opening whose lids draw together."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.eyes import Lids, eyeball, highlights, lids
from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.motion import Pose
from livecam.vision.portrait.patch import Patch
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.render import develop
from livecam.vision.portrait.rig import ramp
from livecam.vision.portrait.view import View

_UPPER_SHARE = 0.9
"""Part of a blink that the upper lid does."""
_REACH_UP_CM, _REACH_DOWN_CM = 1.75, 1.1
"""Over this distance from the margin the skin gives way to a lid."""
_OVERSAMPLING = 3


class Eyelids:
    """One eye's opening as curves over x, plane cm, y down.

    Args:
        lid: The opening as drawn, y up.
    """

    def __init__(self, lid: Lids) -> None:
        self._upper, self._lower = _by_x(lid.upper), _by_x(lid.lower)
        self.left, self.right = float(self._upper[0, 0]), float(self._upper[-1, 0])

    def margins(self, x: Floats) -> tuple[Floats, Floats]:
        """Upper and lower margin at `x`; they meet in the corners and go on level beyond them."""
        upper = np.interp(x, self._upper[:, 0], self._upper[:, 1]).astype(np.float32)
        lower = np.interp(x, self._lower[:, 0], self._lower[:, 1]).astype(np.float32)
        return upper, np.maximum(lower, upper)

    def closing(self, x: Floats, blink: float) -> tuple[Floats, Floats]:
        """How far the upper margin sinks and the lower one rises at `x`."""
        upper, lower = self.margins(x)
        gap = (lower - upper) * np.float32(0.97 * blink)
        return gap * np.float32(_UPPER_SHARE), gap * np.float32(1 - _UPPER_SHARE)

    def moved(self, points: Floats, blink: float) -> Floats:
        """(N, 2) plane points of the portrait, moved as the lids close; points far from this eye stay."""
        x, y = points[:, 0], points[:, 1]
        upper, lower = self.margins(x)
        sink, rise = self.closing(x, blink)
        middle = 0.5 * (upper + lower)
        moved = y.copy()
        for _ in range(40):
            down = sink * (1 - ramp((upper + sink - moved) / _REACH_UP_CM))
            up = rise * (1 - ramp((moved - lower + rise) / _REACH_DOWN_CM))
            moved = np.where(y <= middle, y + down, y - up)
        return np.stack([x, moved], axis=1).astype(np.float32)


def _by_x(curve: Floats) -> Floats:
    """A lid margin sorted by x, y turned down."""
    return (curve[np.argsort(curve[:, 0], kind="stable")] * f32([1, -1])).astype(np.float32)


class Eye:
    """Redraws one eye of a portrait.

    Args:
        lid: The opening as drawn.
        recipe: Whose eye it is.
        view: The portrait's.
    """

    def __init__(self, lid: Lids, recipe: PortraitRecipe, view: View) -> None:
        self.eyelids = Eyelids(lid)
        left, right, middle = self.eyelids.left, self.eyelids.right, -lid.centre[1]
        self._skin = Patch(view, left - 0.35, middle - 2.6, right + 0.35, middle + 1.9)
        self._inner = Patch(view, left, middle - 0.9, right, middle + 0.9)
        self._ball = _developed(lid, recipe, self._inner.view)
        spark = highlights(lid, recipe, self._inner.view)
        self._spark = (spark * 235)[..., None].astype(np.float32)
        self._looking = np.empty_like(self._ball)
        self._shown = np.full((*self._ball.shape[:2], 4), 255, np.uint8)

    def draw(self, rest: Image, work: Image, pose: Pose) -> None:
        """Redraw the eye of `rest`, (H, W, 4) u8 BGRA, into `work`."""
        self._draw_skin(rest, work, pose.blink)
        patch = self._inner
        upper, lower = self.eyelids.margins(patch.x)
        sink, rise = self.eyelids.closing(patch.x, pose.blink)
        mask = patch.inside(upper + sink, lower - rise) * (lower - upper > 0.02)
        self._turn_ball(pose, upper + sink, lower - rise)
        box = work[patch.rows, patch.columns]
        cv2.blendLinear(self._shown, box.copy(), mask, 1 - mask, box)

    def _draw_skin(self, rest: Image, work: Image, blink: float) -> None:
        """The lids and the skin around, as far as the lids have moved."""
        patch = self._skin
        if blink < 0.01:
            np.copyto(work[patch.rows, patch.columns], rest[patch.rows, patch.columns])
            return
        upper, lower = self.eyelids.margins(patch.x)
        sink, rise = self.eyelids.closing(patch.x, blink)
        upper, lower = upper + sink, lower - rise
        down = sink * (1 - ramp((upper - patch.y) / _REACH_UP_CM))
        up = rise * (1 - ramp((patch.y - lower) / _REACH_DOWN_CM))
        skin = patch.pulled(rest, np.where(patch.y < 0.5 * (upper + lower), down, -up))
        np.copyto(work[patch.rows, patch.columns], skin)

    def _turn_ball(self, pose: Pose, upper: Floats, lower: Floats) -> None:
        """Draw the ball, turned to the gaze, in the shade of the lids, with its highlight."""
        patch = self._inner
        scale = patch.view.scale
        shift = f32([[1, 0, pose.gaze_x * scale], [0, 1, pose.gaze_y * scale]])
        size = (self._ball.shape[1], self._ball.shape[0])
        cv2.warpAffine(self._ball, shift, size, self._looking, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        below = np.clip((patch.y - upper) / 0.42, 0, 1)
        above = np.clip((lower - patch.y) / 0.10, 0, 1)
        shade = (0.30 + 0.70 * np.sqrt(below)) * (0.8 + 0.2 * above)
        shown = self._looking * shade[..., None]
        shown += self._spark * (1 - shown * np.float32(1 / 255))
        self._shown[..., :3] = np.clip(shown, 0, 255)


def _developed(lid: Lids, recipe: PortraitRecipe, view: View) -> Floats:
    """(H, W, 3) f32 sRGB 0..255: the eyeball drawn at a multiple of the size and reduced."""
    light = eyeball(lid, recipe, view.enlarged(_OVERSAMPLING), np.random.default_rng(recipe.seed))
    small = cv2.resize(light, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return develop(small.astype(np.float32))


def eyes(points: Floats, recipe: PortraitRecipe, view: View) -> tuple[Eye, Eye]:
    """Both eyes of a portrait with (468, 3) f32 cm landmarks."""
    left, right = lids(points)
    return Eye(left, recipe, view), Eye(right, recipe, view)
