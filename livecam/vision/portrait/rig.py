"""The head's bones: smooth expression fields and a posed relief, and the way back from the picture to the portrait.

Coordinates are plane centimetres: x to the viewer's right, y down, origin at the face's origin as drawn. A point of the
portrait plane and the relief's depth there make a point in space; a pose turns it, and the picture shows it
orthographically. Drawing needs the inverse, found by Newton's method on a coarse grid: the relief's slope is limited,
so that the map never folds within the head's range of motion.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from livecam.vision.portrait.geometry import Floats, f32, f64
from livecam.vision.portrait.motion import Pose
from livecam.vision.portrait.view import View

NODES_PER_CM = 3
STEEPEST = 1.55
"""Largest depth slope kept; 1 / tan(30 deg) = 1.7 is where a turn of 30 degrees starts to fold."""
PIVOT = f64([0.0, 6.0, -6.0])
"""Where the head turns: between the ears and the top of the neck; y down."""
ROUNDS = 4
"""Newton steps: enough for a quarter of a pixel at 25 degrees."""

Doubles = npt.NDArray[np.float64]


class Rig:
    """Maps between a posed picture and the portrait as drawn.

    Args:
        depth: (H, W) f32 cm, the head's relief at `view`.
        view: Of the portrait's head.
        points: (468, 3) f32 cm landmarks, y up.
    """

    def __init__(self, depth: Floats, view: View, points: Floats) -> None:
        self.left, self.top = -view.x / view.scale, -view.y / view.scale
        wide, tall = (round(side / view.scale * NODES_PER_CM) for side in (view.width, view.height))
        coarse = cv2.resize(depth, (wide, tall), interpolation=cv2.INTER_AREA).astype(np.float32)
        self._relief = _with_slopes(_eased(coarse))
        x = (np.arange(wide, dtype=np.float32) + 0.5) / NODES_PER_CM + np.float32(self.left)
        y = (np.arange(tall, dtype=np.float32) + 0.5) / NODES_PER_CM + np.float32(self.top)
        self._fields = _fields(x[None, :], y[:, None], points)

    def depth(self, plane: Floats) -> Floats:
        """(N,) f32 cm: the relief at (N, 2) plane points."""
        return self._sampled(self._relief, plane[None, :, 0], plane[None, :, 1])[0, :, 0]

    def picture_to_portrait(self, picture: Floats, pose: Pose) -> Floats:
        """(H, W, 2) f32 portrait plane cm that shows at (H, W, 2) picture plane cm."""
        turn, lift, shift = _matrix(pose)
        back = np.linalg.inv(turn)
        lean_x, lean_y = (np.float32(v) for v in back @ lift)
        flat = (picture - shift.astype(np.float32)) @ back.T.astype(np.float32)
        flat_x, flat_y = np.ascontiguousarray(flat[..., 0]), np.ascontiguousarray(flat[..., 1])
        x, y = flat_x - 2 * lean_x, flat_y - 2 * lean_y
        for _ in range(ROUNDS):
            z, right, down = cv2.split(self._sampled(self._relief, x, y))
            error_x, error_y = flat_x - x - z * lean_x, flat_y - y - z * lean_y
            stiff = np.maximum(1 + right * lean_x + down * lean_y, 0.2)
            pull = (error_x * right + error_y * down) / stiff
            x += np.clip(error_x - lean_x * pull, -1.5, 1.5)
            y += np.clip(error_y - lean_y * pull, -1.5, 1.5)
        moved = self._sampled(self._expression(pose), x, y)
        moved[..., 0] += x
        moved[..., 1] += y
        return moved

    def bounds(self, pose: Pose, outline: Floats) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, plane cm, of the posed (N, 3) x, y (down) and depth of points, expression apart."""
        turn, lift, shift = _matrix(pose)
        moved = outline @ np.column_stack([turn, lift]).T + shift
        (left, top), (right, bottom) = moved.min(axis=0), moved.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def portrait_to_picture(self, plane: Floats, pose: Pose) -> Floats:
        """(N, 2) f32 picture plane cm of (N, 2) portrait plane cm."""
        fields = self._expression(pose)
        moved = plane.copy()
        for _ in range(12):
            moved = plane - self._sampled(fields, moved[None, :, 0], moved[None, :, 1])[0]
        turn, lift, shift = _matrix(pose)
        z = self.depth(moved)[:, None]
        return (moved @ turn.T + z * lift + shift).astype(np.float32)

    def _expression(self, pose: Pose) -> Floats:
        """(h, w, 2) f32 cm to add to a plane point to find where in the portrait its colour comes from."""
        weights = f32([pose.mouth_cm, pose.smile, pose.pucker, pose.brow, pose.frown])
        return np.tensordot(weights, self._fields, 1).astype(np.float32)

    def _sampled(self, grid: Floats, x: Floats, y: Floats) -> Floats:
        """Bilinear samples of a node grid at plane points (H, W) `x`, `y`; nodes beyond the edge repeat."""
        column = x * np.float32(NODES_PER_CM) - np.float32(self.left * NODES_PER_CM + 0.5)
        row = y * np.float32(NODES_PER_CM) - np.float32(self.top * NODES_PER_CM + 0.5)
        return cv2.remap(grid, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.float32, copy=False
        )


def _eased(depth: Floats) -> Floats:
    """The lowest relief above `depth` that is nowhere steeper than `STEEPEST`, then smoothed a little."""
    eased = depth.copy()
    step = np.float32(STEEPEST / NODES_PER_CM)
    kernel = np.ones((3, 3), np.uint8)
    kernel[::2, ::2] = 0
    for _ in range(40):
        eased = np.maximum(eased, cv2.dilate(eased, kernel) - step)
    return cv2.GaussianBlur(eased, (0, 0), 0.8).astype(np.float32)


def _with_slopes(depth: Floats) -> Floats:
    """(h, w, 3) f32: depth and its slopes along x and y; flat at the edge, where nodes repeat."""
    down, right = (f32(slope) for slope in np.gradient(depth, 1 / NODES_PER_CM))
    for slope in (down, right):
        slope[[0, -1]] = 0
        slope[:, [0, -1]] = 0
    return np.dstack([depth, right, down]).astype(np.float32)


def _matrix(pose: Pose) -> tuple[Doubles, Doubles, Doubles]:
    """The pose as picture = turn @ plane + lift * depth + shift, y down."""
    rotation = rotation_of(pose)
    shift = pose.scale * (PIVOT - rotation @ PIVOT)[:2] + f64([pose.x, pose.y])
    shift += (1 - pose.scale) * PIVOT[:2]
    return pose.scale * rotation[:2, :2], pose.scale * rotation[:2, 2], shift


def rotation_of(pose: Pose) -> Doubles:
    """(3, 3) f64: roll after pitch after yaw, for x right, y down, z to the viewer."""
    yaw, pitch, roll = (math.radians(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
    cy, sy, cp, sp, cr, sr = (
        math.cos(yaw),
        math.sin(yaw),
        math.cos(pitch),
        math.sin(pitch),
        math.cos(roll),
        math.sin(roll),
    )
    about_y = np.array([cy, 0, sy, 0, 1, 0, -sy, 0, cy]).reshape(3, 3)
    about_x = np.array([1, 0, 0, 0, cp, -sp, 0, sp, cp]).reshape(3, 3)
    about_z = np.array([cr, -sr, 0, sr, cr, 0, 0, 0, 1]).reshape(3, 3)
    whole: Doubles = about_z @ about_x @ about_y
    return whole


def ramp(part: Floats) -> Floats:
    """Smoothstep of an array: 0 below 0, 1 above 1."""
    part = np.clip(part, 0, 1)
    return (part * part * (3 - 2 * part)).astype(np.float32)


def _fields(x: Floats, y: Floats, points: Floats) -> Floats:
    """(5, h, w, 2) f32: pull-back fields for 1 cm of open mouth, smile, pucker, raised brows and frown."""
    mouth_y, brow_y = -float(points[13, 1]), -float(points[105, 1])
    corner_x = float(points[291, 0])
    zero = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    jaw = (
        JAW_SHARE * ramp((y - mouth_y - CHIN_FROM_CM - 0.7) / (CHIN_TO_CM - CHIN_FROM_CM)) * np.exp(-((x / 5.8) ** 4))
        + zero
    )
    corner = _spot(np.abs(x), y, corner_x + 0.1, mouth_y, 1.15, 1.0)
    cheek = _spot(np.abs(x), y, corner_x + 1.3, mouth_y - 2.4, 1.6, 1.3)
    lips = _spot(x, y, 0.0, mouth_y, 2.6, 1.3)
    brows = _spot(np.abs(x), y, 3.2, brow_y, 2.6, 1.0)
    inner = _spot(np.abs(x), y, 1.5, brow_y + 0.3, 0.9, 0.8)
    side = np.tanh(x / 0.8) + zero
    return np.stack(
        [
            np.dstack([zero, -jaw]),
            np.dstack([-0.30 * side * corner, 0.34 * corner + 0.22 * cheek]),
            np.dstack([0.22 * np.clip(x, -corner_x, corner_x) * lips, zero]),
            np.dstack([zero, 0.50 * brows]),
            np.dstack([0.20 * side * inner, -0.22 * inner]),
        ]
    ).astype(np.float32)


JAW_SHARE = 0.78
"""Part of the gap that the jaw makes by sinking; the rest is the upper lip rising."""
CHIN_FROM_CM, CHIN_TO_CM = 0.9, 3.1
"""Below the line of the lips, where the chin starts to follow the jaw, and where it follows whole."""


def _spot(x: Floats, y: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    return np.exp(-0.5 * (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)).astype(np.float32)
