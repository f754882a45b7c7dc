"""Eyebrows, one stroke a hair."""

from __future__ import annotations

import numpy as np

from livecam.vision.portrait.geometry import BROW_LOWER, BROW_UPPER, Floats, f32
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.view import View, blur, linear, mix, polygon, spline, stroke


def paint_brows(colour: Floats, points: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """`colour`, (H, W, 3) f32 linear BGR, with both eyebrows drawn in."""
    mask = np.zeros(colour.shape[:2], np.float32)
    body = np.zeros_like(mask)
    for upper, lower in zip(BROW_UPPER, BROW_LOWER, strict=True):
        line, half = _spine(points, upper, lower, recipe.brows.thickness_cm)
        body = np.maximum(body, _body(line, half, view))
        _hairs(mask, line, half, recipe.brows.strokes, view, rng)
    hair = linear(recipe.brows.colour)
    soft = mix(colour, hair, 0.5 * recipe.brows.opacity * body)
    return mix(soft, hair * 0.7, np.clip(recipe.brows.opacity * blur(mask, 0.012 * view.scale), 0, 1))


def _spine(points: Floats, upper: tuple[int, ...], lower: tuple[int, ...], thickness: float) -> tuple[Floats, Floats]:
    """The brow's middle line from the nose outward, (N, 2) cm, and its half thickness there, (N,) cm."""
    middle = 0.5 * (points[list(upper), :2] + points[list(lower), :2])
    tail = middle[-1] + f32([0.35, 0.75]) * (middle[-1] - middle[-2])
    line = spline(np.vstack([middle, tail]), 16)
    t = np.linspace(0, 1, len(line), dtype=np.float32)
    half = thickness * (0.55 + 0.45 * np.clip(t / 0.25, 0, 1)) * (1 - 0.86 * np.clip((t - 0.35) / 0.65, 0, 1) ** 1.3)
    return line, half.astype(np.float32)


def _body(line: Floats, half: Floats, view: View) -> Floats:
    rise = np.stack([half * 0, half], axis=1) * np.float32(0.7)
    outline = np.vstack([line + rise, (line - rise)[::-1]])
    return polygon((view.height, view.width), view.px(outline), 0.16 * view.scale)


def _hairs(mask: Floats, line: Floats, half: Floats, count: int, view: View, rng: np.random.Generator) -> None:
    """Draw hairs that stand up near the nose and lie down along the brow further out."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    for place, offset in zip(rng.beta(1.1, 1.15, count), rng.normal(0, 0.42, count), strict=True):
        i = int(place * (len(line) - 1))
        lie = 0.18 + 0.82 * min(place / 0.45, 1.0)
        rise = (1 - lie) * 1.0 + lie * (-0.55 * np.clip(offset, -1, 1) + 0.12)
        direction = tangent[i] * lie + f32([0, rise])
        length = (0.42 + 0.28 * rng.random()) * (1 - 0.35 * place)
        t = np.linspace(-0.35, 0.65, 5)[:, None]
        root = line[i] + f32([0, np.clip(offset, -1, 1) * half[i]])
        curve = root + direction * length * t - f32([0, 0.10]) * t**2 * place
        stroke(mask, view.px(curve.astype(np.float32)), float(rng.uniform(0.5, 1.0)), 0.036 * view.scale)
