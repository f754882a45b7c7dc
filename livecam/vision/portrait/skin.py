"""Skin: its colours, its shine and its fine relief, painted around the landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.vision.portrait.geometry import EYE_UPPER, LIP_INNER_UPPER, LIP_OUTER_LOWER, LIP_OUTER_UPPER, Floats, f32
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.view import View, blur, fixed, linear, mix, noise, polygon, spline, spot, stroke


@dataclass(frozen=True, slots=True)
class Paint:
    """What covers a relief.

    Attributes:
        albedo: (H, W, 3) f32 linear BGR.
        gloss: (H, W) f32 0..1.
        grain: (H, W) f32 cm, fine relief.
    """

    albedo: Floats
    gloss: Floats
    grain: Floats


def skin_paint(points: Floats, ears: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Paint:
    """Paint the bare head of (468, 3) cm landmarks."""
    shape = (view.height, view.width)
    albedo = _tone(points, ears, recipe, view, rng)
    albedo = _stubble(albedo, points, recipe, view, rng)
    lips, line = _lip_masks(points, view)
    albedo = _lips(albedo, lips, line, recipe, view, rng)
    albedo *= 1 - 0.88 * _nostrils(points, view)[..., None]
    albedo *= 1 - 0.42 * _creases(points, view)[..., None] * f32([1.1, 1.0, 0.75])
    pores = noise(rng, shape, 0.02 * view.scale) + 0.7 * noise(rng, shape, 0.05 * view.scale)
    wrinkles = _vertical_grain(rng, view)
    grain = 0.0022 * pores * (1 - lips) + 0.006 * wrinkles * lips
    gloss = recipe.skin.gloss * (0.42 + 0.4 * _oily(points, view)) * (1 + 0.1 * pores) + 0.35 * lips
    return Paint(albedo.astype(np.float32), np.clip(gloss, 0, 1.2).astype(np.float32), grain.astype(np.float32))


def _tone(points: Floats, ears: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """Base colour, flushed where blood lies near the surface, mottled and freckled."""
    shape = (view.height, view.width)
    base, flush = linear(recipe.skin.base), linear(recipe.skin.flush)
    albedo = np.broadcast_to(base, (*shape, 3)).astype(np.float32)
    albedo = mix(albedo, flush, np.clip(recipe.skin.cheek_flush * _blood(points, ears, view), 0, 1))
    albedo = mix(albedo, base * f32([0.86, 0.74, 0.74]), 0.3 * _under_eyes(points, view))
    mottle = 0.022 * noise(rng, shape, 0.5 * view.scale) + 0.016 * noise(rng, shape, 0.12 * view.scale)
    albedo *= 1 + mottle[..., None] * f32([1.0, 1.1, 0.5])
    if recipe.skin.freckles > 0:
        albedo *= 1 - recipe.skin.freckles * _freckles(points, view, rng)[..., None] * f32([0.6, 0.45, 0.22])
    return albedo


def _blood(points: Floats, ears: Floats, view: View) -> Floats:
    cheek, nose, chin = points[50], points[4], points[199]
    cheeks = spot(view, (float(cheek[0]) - 0.1, float(cheek[1]) - 0.3), (1.7, 1.4), mirrored=True)
    tip = spot(view, (0.0, float(nose[1]) - 0.3), (1.2, 0.9))
    wings = spot(view, (1.5, float(points[64, 1])), (0.5, 0.6), mirrored=True)
    lids = spot(view, (3.2, float(points[159, 1]) + 0.3), (1.3, 0.5), mirrored=True)
    chin_tip = spot(view, (0.0, float(chin[1])), (1.3, 0.8))
    return f32(cheeks + 0.7 * tip + 0.6 * wings + 0.3 * lids + 0.3 * chin_tip + ears)


def _under_eyes(points: Floats, view: View) -> Floats:
    lower = points[145]
    return spot(view, (float(lower[0]) + 0.35, float(lower[1]) - 0.55), (1.1, 0.35), mirrored=True)


def _freckles(points: Floats, view: View, rng: np.random.Generator) -> Floats:
    """Small brown dots over nose and cheeks."""
    mask = np.zeros((view.height, view.width), np.float32)
    spread = f32([2.6, 1.0])
    places = rng.standard_normal((260, 2)).astype(np.float32) * spread + f32([0, points[50, 1] + 0.6])
    for place, size, depth in zip(
        view.px(places), rng.uniform(0.03, 0.075, 260), rng.uniform(0.2, 0.8, 260), strict=True
    ):
        centre = fixed(place)
        cv2.circle(
            mask, (int(centre[0]), int(centre[1])), int(size * view.scale * 16), float(depth), -1, cv2.LINE_AA, 4
        )
    return blur(mask, 0.02 * view.scale)


def _stubble(albedo: Floats, points: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """A shaved beard: a cool shade with dark grains over jaw, chin and upper lip."""
    if recipe.skin.stubble <= 0:
        return albedo
    x, y = view.grid()
    mouth = float(points[13, 1])
    line = mouth + 0.4 + 0.085 * np.clip(np.abs(x) - 3.0, 0, None) ** 2.0
    jaw = 1 / (1 + np.exp((y - line + 0.2) / 0.55))
    lip = spot(view, (1.1, mouth + 1.35), (1.3, 0.42), mirrored=True)
    zone = np.clip(jaw * np.clip((np.abs(x) + 3.2 - (mouth - y)) / 2.6 + 0.45, 0.55, 1) + 0.9 * lip, 0, 1)
    grains = np.clip(noise(rng, albedo.shape[:2], 0.025 * view.scale), 0, 2.2)
    amount = recipe.skin.stubble * zone.astype(np.float32)
    cool = albedo * f32([0.78, 0.70, 0.62])
    return mix(albedo, cool, 0.75 * amount) * (1 - 0.16 * amount * grains)[..., None]


def _lip_masks(points: Floats, view: View) -> tuple[Floats, Floats]:
    """(H, W) lips, softly edged, and the (H, W) dark line where they meet."""
    shape = (view.height, view.width)
    upper = spline(view.px(points[list(LIP_OUTER_UPPER)]), 8)
    lower = spline(view.px(points[list(LIP_OUTER_LOWER)]), 8)
    lips = polygon(shape, np.vstack([upper, lower[::-1]]), 0.055 * view.scale)
    line = np.zeros(shape, np.float32)
    meeting = spline(view.px(points[list(LIP_INNER_UPPER)]), 8)
    corners = view.px(points[[61, 291]])
    stroke(line, np.vstack([corners[:1], meeting, corners[1:]]), 1.0, 0.05 * view.scale)
    x, _ = view.grid()
    taper = np.clip((float(points[291, 0]) - np.abs(x)) / 0.55, 0.12, 1)
    return lips, blur(line, 0.03 * view.scale) * taper.astype(np.float32)


def _lips(
    albedo: Floats, lips: Floats, line: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator
) -> Floats:
    colour = linear(recipe.skin.lips)
    inner = blur(line, 0.22 * view.scale)
    shade = 1 - 0.35 * np.clip(inner / max(float(inner.max()), 1e-6), 0, 1)
    streaks = 1 + 0.05 * _vertical_grain(rng, view)
    painted = mix(albedo, colour * (shade * streaks)[..., None], 0.85 * lips)
    wide = blur(line, 0.05 * view.scale)
    dark = np.clip(1.1 * line + 0.9 * wide, 0, 1)
    return mix(painted, colour * 0.10, 0.85 * dark)


def _vertical_grain(rng: np.random.Generator, view: View) -> Floats:
    """(H, W) noise drawn out along y: the fine folds of lips."""
    fine = noise(rng, (view.height, view.width), 0.03 * view.scale)
    drawn = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.1, sigmaY=0.18 * view.scale)
    return (drawn / max(float(drawn.std()), 1e-6)).astype(np.float32)


def _nostrils(points: Floats, view: View) -> Floats:
    """(H, W) 0..1: two dark, tilted openings under the nose."""
    x, y = view.grid()
    wing, base = points[64], points[2]
    centre_x, centre_y = 0.5 * abs(float(wing[0])) + 0.12, 0.5 * float(wing[1] + base[1]) + 0.02
    dx, dy = np.abs(x) - centre_x, y - centre_y
    along, across = dx * 0.95 - dy * 0.3, dx * 0.3 + dy * 0.95
    return np.clip(1.25 * np.exp(-0.5 * ((along / 0.27) ** 4 + (across / 0.12) ** 2)), 0, 1).astype(np.float32)


def _creases(points: Floats, view: View) -> Floats:
    """(H, W) 0..1: the fold above each upper lid, faint folds beside the nose, the groove under the lip."""
    mask = np.zeros((view.height, view.width), np.float32)
    for upper in EYE_UPPER:
        lid = points[list(upper)][:, :2]
        lift = np.sin(np.linspace(0.12, np.pi - 0.3, len(lid)))[:, None] ** np.float32(0.7) * f32([0, 0.34])
        stroke(mask, spline(view.px(lid + lift), 8), 1.0, 0.05 * view.scale)
    crease = blur(mask, 0.045 * view.scale)
    return f32(np.clip(crease / max(float(crease.max()), 1e-6), 0, 1))


def _oily(points: Floats, view: View) -> Floats:
    """(H, W) about 0..1: forehead, nose and cheekbones shine most."""
    forehead = spot(view, (0.0, float(points[151, 1])), (3.4, 1.6))
    nose = spot(view, (0.0, float(points[5, 1])), (0.7, 2.4))
    bones = spot(view, (4.6, float(points[50, 1]) + 1.2), (1.5, 1.0), mirrored=True)
    return 0.7 * forehead + nose + 0.6 * bones
