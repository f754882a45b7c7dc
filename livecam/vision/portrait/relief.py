"""The head as a relief: the smooth face set into a skull with ears, as depth and coverage maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.vision.portrait.geometry import OVAL, Floats, canonical, f32, interpolating
from livecam.vision.portrait.raster import rasterise
from livecam.vision.portrait.view import View, blur, polygon, spline

SKULL_CENTRE = (0.0, 3.4, -3.8)
SKULL_RADII = (7.35, 9.5, 9.4)


@dataclass(frozen=True, slots=True)
class Relief:
    """The bare head seen from the front.

    Attributes:
        depth: (H, W) f32 cm, defined everywhere: outside the head it goes on smoothly.
        coverage: (H, W) f32 0..1, 1 on the head.
        face: (H, W) f32 0..1, 1 well inside the face's oval.
        ears: (H, W) f32 0..1.
    """

    depth: Floats
    coverage: Floats
    face: Floats
    ears: Floats


def head_relief(points: Floats, view: View) -> Relief:
    """Set the face of (468, 3) cm landmarks into a skull with ears."""
    face_depth, inside = _face_depth(points, view)
    skull, skull_mask = _skull(points, view)
    gap = np.where(inside > 0.5, face_depth - skull, 0).astype(np.float32)
    weight = (inside > 0.5).astype(np.float32)
    spread = blur(gap * weight, 0.5 * view.scale) / np.maximum(blur(weight, 0.5 * view.scale), 1e-3)
    outside = skull + spread * np.exp(-_distance(inside, view) / 1.5)
    depth = np.where(inside > 0.5, face_depth, outside).astype(np.float32)
    ear_depth, ear_mask = _ears(points, view)
    oval = polygon(depth.shape, spline(view.px(points[list(OVAL)]), 8, closed=True))
    head = np.maximum(oval, skull_mask)
    depth = np.where((ear_mask > 0.02) & (head < 0.5), ear_depth, depth).astype(np.float32)
    seam = blur(f32((ear_mask > 0.02) & (oval > 0.02)), 0.1 * view.scale)
    depth = blur(depth, 0.03 * view.scale)
    depth += (blur(depth, 0.15 * view.scale) - depth) * np.clip(2 * seam, 0, 1)
    return Relief(depth, np.maximum(head, ear_mask), blur(inside, 0.1 * view.scale), ear_mask * (1 - head))


def _face_depth(points: Floats, view: View) -> tuple[Floats, Floats]:
    """(H, W) depth of the smooth face, and its mask."""
    mesh = interpolating(points, canonical().triangles, 3)
    drawn = rasterise(
        view.px(mesh.vertices), mesh.vertices[:, 2], mesh.vertices[:, 2:], mesh.triangles, (view.height, view.width)
    )[..., 0]
    inside = np.isfinite(drawn)
    return np.nan_to_num(drawn), inside.astype(np.float32)


def _distance(inside: Floats, view: View) -> Floats:
    """(H, W) cm to the face."""
    away = cv2.distanceTransform((inside < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return (away / view.scale).astype(np.float32)


def _skull(points: Floats, view: View) -> tuple[Floats, Floats]:
    """An ellipsoid as wide as the face at the temples: depth and an antialiased mask."""
    x, y = view.grid()
    widest = float(np.abs(points[list(OVAL), 0]).max())
    rx, ry, rz = widest - 0.25, SKULL_RADII[1], SKULL_RADII[2]
    radial = (x / rx) ** 2 + ((y - SKULL_CENTRE[1]) / ry) ** 2
    depth = SKULL_CENTRE[2] + rz * np.sqrt(np.clip(1 - radial, 0.002, None))
    edge = (1 - np.sqrt(radial)) * min(rx, ry) * view.scale
    above = np.clip((y - 1.0) * view.scale, 0, 1)
    return depth.astype(np.float32), (np.clip(edge + 0.5, 0, 1) * above).astype(np.float32)


def _ears(points: Floats, view: View) -> tuple[Floats, Floats]:
    """Both ears: a tilted oval shell with a rolled rim, a bowl and a lobe."""
    x, y = view.grid()
    half = float(np.abs(points[[234, 454], 0]).mean())
    dx = np.abs(x) - (half + 0.0) - 0.11 * (y - 0.6)
    dy = y - 0.6
    taper = 1 - 0.16 * np.clip(-dy / 3.0, -0.2, 1)
    radius = np.sqrt((dx / (1.05 * taper)) ** 2 + (dy / 2.95) ** 2)
    rim = np.exp(-(((radius - 0.86) / 0.10) ** 2)) * np.clip((dy + 2.2) / 1.2, 0, 1)
    ridge = np.exp(-(((radius - 0.55) / 0.10) ** 2)) * np.clip((dx + 0.5) / 0.6, 0, 1)
    bowl = np.exp(-(((dx - 0.02) / 0.34) ** 2) - ((dy + 0.25) / 0.8) ** 2)
    lobe = np.exp(-(((dx - 0.1) / 0.5) ** 2) - ((dy + 2.4) / 0.7) ** 2)
    depth = -2.9 + 0.36 * rim + 0.2 * ridge - 0.4 * bowl + 0.25 * lobe - 0.9 * np.clip(radius - 0.8, 0, 1) ** 2
    mask = np.clip((1 - radius) * view.scale * 1.2 + 0.5, 0, 1) * (dx > -1.1)
    return depth.astype(np.float32), mask.astype(np.float32)
