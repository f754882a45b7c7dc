"""The demo wearer, moved: a posed, talking, blinking head over still shoulders, drawn into a frame in a few ms."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.vision.portrait.assets import BODY_VIEW, HEAD_VIEW, DemoParts, demo_parts
from livecam.vision.portrait.eyelids import eyes
from livecam.vision.portrait.geometry import LIP_INNER_LOWER, LIP_INNER_UPPER, Floats, f32, f64, proportioned
from livecam.vision.portrait.motion import Pose
from livecam.vision.portrait.mouth import Mouth
from livecam.vision.portrait.overlay import LARGEST_CELL, Box, Overlay, premultiplied
from livecam.vision.portrait.recipe import WEARER
from livecam.vision.portrait.rig import Rig, ramp
from livecam.vision.portrait.view import View

NODE_CM = 0.47
"""Distance of the nodes at which the warp is worked out; between them it is linear."""
_NECK_HALF_CM, _NECK_TOP_CM, _NECK_END_CM = 10.5, 5.0, 14.2
"""The part of the body that leans after the head: half its width, and its rows, y down."""
_NAPE = f64([[0.0, 9.0, -4.0]])
"""The point of the head that the neck's upper end follows: plane cm and depth."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the puppet sits: its face's origin at (`x`, `y`) px, at `scale` px a cm, of a width x height frame."""

    x: float
    y: float
    scale: float
    width: int
    height: int

    def plane(self, box: Box, cell: int) -> Floats:
        """(rows, columns, 2) f32 plane cm of the centres of `box`'s cells."""
        x, y = box.cells(cell)
        return np.dstack(np.meshgrid((x - self.x) / self.scale, (y - self.y) / self.scale)).astype(np.float32)

    def cell(self, size_cm: float) -> int:
        """A cell of about `size_cm`, in whole px."""
        return min(max(round(size_cm * self.scale), 2), LARGEST_CELL)

    def cut(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The box of whole px, inside the frame, that holds a rectangle of plane cm; at least 2 px a side."""
        x0 = min(max(int(self.x + left * self.scale), 0), self.width - 2)
        y0 = min(max(int(self.y + top * self.scale), 0), self.height - 2)
        x1 = min(max(int(self.x + right * self.scale) + 2, x0 + 2), self.width)
        y1 = min(max(int(self.y + bottom * self.scale) + 2, y0 + 2), self.height)
        return Box(x0, y0, x1 - x0, y1 - y0)


class Puppet:
    """The demo wearer at one place of a frame.

    Args:
        stage: Where.
        parts: The drawn parts; the committed ones unless given.
    """

    def __init__(self, stage: Stage, parts: DemoParts | None = None) -> None:
        parts = demo_parts() if parts is None else parts
        self._stage = stage
        self._points = proportioned(WEARER.face)
        self._view = _zoomed(HEAD_VIEW, stage.scale / HEAD_VIEW.scale)
        self._rest = premultiplied(parts.head, parts.head_alpha, (self._view.width, self._view.height))
        self._work = self._rest.copy()
        self._rig = Rig(parts.depth, HEAD_VIEW, self._points)
        self._mouth = Mouth(self._points, self._view)
        self._eyes = eyes(self._points, WEARER, self._view)
        outline = _outline(self._rest[..., 3], self._view)
        self._outline = np.column_stack([outline, self._rig.depth(outline)]).astype(np.float64)
        self._overlay = Overlay(stage.width, stage.height)
        self._body_view = _zoomed(BODY_VIEW, stage.scale / BODY_VIEW.scale)
        self._body = premultiplied(parts.body, parts.body_alpha, (self._body_view.width, self._body_view.height))
        self._neck_box = stage.cut(-_NECK_HALF_CM, _NECK_TOP_CM, _NECK_HALF_CM, _NECK_END_CM)

    def draw_still(self, image: Image) -> None:
        """Draw what never moves, the shoulders, into `image`, (H, W, 3) u8 BGR. `draw` goes on top of it."""
        view = self._body_view
        still = self._body.copy()
        rows = slice(0, round(view.y + _NECK_END_CM * view.scale))
        columns = slice(round(view.x - _NECK_HALF_CM * view.scale), round(view.x + _NECK_HALF_CM * view.scale))
        still[rows, columns] = 0
        box = Box(0, 0, self._stage.width, self._stage.height)
        plane = self._stage.plane(box, LARGEST_CELL)
        self._overlay.lay(still, view.px(plane * f32([1, -1])), LARGEST_CELL, image, box, None)

    def draw(self, image: Image, pose: Pose, grain: Image | None = None) -> None:
        """Draw neck and head into `image`, (H, W, 3) u8 BGR, which already shows the shoulders.

        `grain`, (h, w, 3) u8 at least as large as the head, is added to them.
        """
        self._draw_neck(image, pose, grain)
        self._mouth.draw(self._rest, self._work, pose)
        for eye in self._eyes:
            eye.draw(self._rest, self._work, pose)
        left, top, right, bottom = self._rig.bounds(pose, self._outline)
        box = self._stage.cut(left - 0.3, top - 0.3, right + 0.3, bottom + 1.2)
        cell = self._stage.cell(NODE_CM)
        plane = self._rig.picture_to_portrait(self._stage.plane(box, cell), pose)
        plane *= np.float32(self._view.scale)
        plane += f32([self._view.x, self._view.y])
        self._overlay.lay(self._work, plane, cell, image, box, grain)

    def _draw_neck(self, image: Image, pose: Pose, grain: Image | None) -> None:
        """The neck leans: its upper end goes with the head, its lower end stays in the collar."""
        left, top, _, _ = self._rig.bounds(pose, _NAPE)
        box, cell = self._neck_box, self._stage.cell(2 * NODE_CM)
        plane = self._stage.plane(box, cell)
        follow = ramp((_NECK_END_CM - plane[..., 1]) / (_NECK_END_CM - float(_NAPE[0, 1])))
        plane[..., 0] -= follow * np.float32(left)
        plane[..., 1] -= follow * np.float32(min(top - float(_NAPE[0, 1]), 0.0))
        source = self._body_view.px(plane * f32([1, -1]))
        self._overlay.lay(self._body, source, cell, image, box, grain)

    def landmarks(self, pose: Pose) -> Points:
        """(468, 2) f32 px of the frame: where the drawn face's landmarks are at `pose`."""
        plane = (self._points[:, :2] * f32([1, -1])).astype(np.float32)
        moved = self._mouth.lips.moved(plane, pose)
        for index, lower in ((LIP_INNER_UPPER[1:-1], False), (LIP_INNER_LOWER[1:-1], True)):
            moved[list(index)] = self._mouth.lips.split(plane, index, pose, lower)
        for eye, side in zip(self._eyes, (-1, 1), strict=True):
            near = np.flatnonzero(side * plane[:, 0] > 0)
            moved[near] = eye.eyelids.moved(moved[near], pose.blink)
        picture = self._rig.portrait_to_picture(moved, pose)
        return picture * np.float32(self._stage.scale) + f32([self._stage.x, self._stage.y])


def _zoomed(view: View, zoom: float) -> View:
    """The view with sides of whole pixels at a zoom; pixel centres stay aligned."""
    wide, tall = round(view.width * zoom), round(view.height * zoom)
    exact = wide / view.width
    return View(wide, tall, view.scale * exact, (view.x + 0.5) * exact - 0.5, (view.y + 0.5) * exact - 0.5)


def _outline(alpha: Image, view: View) -> Floats:
    """(N, 2) f32 plane cm: points along the head's outline, enough to bound it when posed."""
    contours, _ = cv2.findContours((alpha > 3).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    edge = np.vstack([contour[:, 0] for contour in contours])[:: max(1, view.width // 60)].astype(np.float32)
    return ((edge - f32([view.x, view.y])) / np.float32(view.scale)).astype(np.float32)
