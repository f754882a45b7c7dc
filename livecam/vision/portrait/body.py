"""Neck, shoulders, a crew-neck jumper, and a blurred room behind."""

from __future__ import annotations

import numpy as np

from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.hair import Layer
from livecam.vision.portrait.light import lit
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.view import View, blur, linear, mix, noise


def body_layer(points: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Layer:
    """Everything below the head, for (468, 3) cm landmarks of the face above it."""
    jaw = float(np.abs(points[[172, 397], 0]).mean())
    chin = float(points[152, 1])
    neck_half = 0.86 * jaw
    neck = _lit_neck(neck_half, chin, recipe, view, rng)
    cloth, collar = _cloth(neck_half, view, rng)
    depth, coverage = cloth
    weave = 0.008 * noise(rng, depth.shape, 0.05 * view.scale)
    albedo = (
        np.broadcast_to(linear(recipe.cloth), (*depth.shape, 3))
        * (1 + 0.05 * noise(rng, depth.shape, 0.04 * view.scale))[..., None]
    )
    shirt = lit(depth, albedo.astype(np.float32), np.full_like(depth, 0.04), recipe.light, view.scale, weave)
    under = blur(coverage, 0.25 * view.scale)
    neck = Layer(neck.colour * (1 - 0.45 * under * (1 - coverage))[..., None], neck.alpha)
    colour = mix(neck.colour, shirt, coverage)
    return Layer(colour, np.maximum(neck.alpha, coverage) + 0 * collar)


def _lit_neck(half: float, chin: float, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Layer:
    x, y = view.grid()
    flare = half + 0.05 * np.clip(-9.0 - y, 0, None) + 0.16 * np.clip(-10.6 - y, 0, 4.0) ** 2
    part = np.clip(np.abs(x) / flare, 0, 0.999)
    depth = -6.0 + half * np.sqrt(1 - part**2)
    tendon = np.exp(-(((np.abs(x) - half * (0.25 + 0.055 * (y + 16))) / 0.8) ** 2))
    hollow = np.exp(-((x / 1.1) ** 2) - ((y + 15.2) / 0.9) ** 2)
    larynx = np.exp(-((x / 0.9) ** 2) - ((y - chin + 3.2) / 1.2) ** 2)
    depth = depth + 0.30 * tendon - 0.5 * hollow + 0.22 * recipe.skin.stubble * larynx
    shape = (view.height, view.width)
    albedo = linear(recipe.skin.base) * f32([0.92, 0.90, 0.92])
    full = np.broadcast_to(albedo, (*shape, 3)) * (1 + 0.02 * noise(rng, shape, 0.4 * view.scale))[..., None]
    depth = depth.astype(np.float32)
    colour = lit(depth, full.astype(np.float32), np.full(shape, 0.12, np.float32), recipe.light, view.scale)
    reach = np.exp(-np.clip(chin + 0.2 - 0.07 * x**2 - y, 0, None) / 2.6)
    shade = 1 - 0.74 * reach[..., None] * f32([1.0, 0.98, 0.9])
    behind = np.sqrt(np.clip(1 - (np.clip(y - chin - 1.2, 0, None) / 3.2) ** 2, 0, 1))
    alpha = np.clip((flare * behind - np.abs(x)) * view.scale + 0.5, 0, 1) * (y < chin + 4.4) * (y > -17.5)
    return Layer((colour * shade).astype(np.float32), alpha.astype(np.float32))


def _cloth(neck_half: float, view: View, rng: np.random.Generator) -> tuple[tuple[Floats, Floats], Floats]:
    """((depth cm, coverage), collar band), (H, W) f32 each, of a jumper over the shoulders."""
    x, y = view.grid()
    wide = np.abs(x)
    shoulder = -13.0 - 0.17 * np.clip(wide - neck_half, 0, None) - 0.11 * np.clip(wide - 14.5, 0, None) ** 2.0
    meet = neck_half + 1.0
    neckline = -15.8 + 2.8 * np.clip(wide / meet, 0, 1) ** 2.4
    top = np.where(wide > meet, shoulder + 0.17, neckline)
    below = (top - y) * view.scale
    coverage = np.clip(below + 0.5, 0, 1).astype(np.float32)
    round_chest = 9.0 * np.sqrt(
        1 - (np.minimum(wide, 24.0 - 2.0 * np.exp(-np.clip(wide - 18, 0, None) / 4)) / 26.0) ** 2
    )
    slope = -2.2 * np.exp(-np.clip(top - y, 0, None) / 2.2)
    band = np.clip(1 - np.abs((top - y) - 0.75) / 0.75, 0, 1) * np.clip((meet - wide) / 0.6, 0, 1)
    folds = _folds(view, rng)
    depth = -8.5 + round_chest + slope + 0.28 * np.sqrt(band) + 0.16 * folds
    return (blur(depth.astype(np.float32), 0.05 * view.scale), coverage), band.astype(np.float32)


def _folds(view: View, rng: np.random.Generator) -> Floats:
    """Soft folds that run from the shoulders towards the middle."""
    x, y = view.grid()
    lean = 0.7 * np.tanh(x / 4) * y + x
    wander = noise(rng, (view.height, view.width), 2.5 * view.scale)
    amount = np.clip((-15.5 - y) / 6, 0, 1)
    return (np.sin(lean * 0.55 + 1.6 * wander) * amount).astype(np.float32)


def backdrop(recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """(H, W, 3) f32 linear BGR: a room far out of focus, with a window on the lit side."""
    x, y = view.grid()
    wall = linear(recipe.backdrop)
    level = 0.62 + 0.02 * y - 0.008 * x
    room = np.clip(level, 0.15, 1.2)[..., None] * wall
    room = room + 0.30 * _box(x, y, (-19.0, 8.0), (7.0, 12.0), 2.2)[..., None] * f32([1.0, 0.98, 0.94])
    for centre, size, colour in _furniture(rng):
        room = mix(room.astype(np.float32), linear(colour) * np.float32(0.75), 0.8 * _box(x, y, centre, size, 1.0))
    plant = linear((62, 92, 58))
    for _ in range(26):
        place = f32([23.5, -6.0]) + rng.normal(0, 1, 2) * f32([2.6, 5.0])
        leaf = np.exp(-(((x - place[0]) / 1.3) ** 2) - ((y - place[1]) / 2.0) ** 2)
        room = mix(room.astype(np.float32), plant * rng.uniform(0.5, 1.3), (0.5 * leaf).astype(np.float32))
    return np.maximum(blur(f32(room), 0.4 * view.scale), 0)


def _box(x: Floats, y: Floats, centre: tuple[float, float], size: tuple[float, float], soft: float) -> Floats:
    """(H, W) f32: a box with blurred edges; `size` is half width and half height, cm."""
    wide = 0.5 - 0.5 * np.tanh((np.abs(x - centre[0]) - size[0]) / (0.8 * soft))
    tall = 0.5 - 0.5 * np.tanh((np.abs(y - centre[1]) - size[1]) / (0.8 * soft))
    return f32(wide * tall)


def _furniture(rng: np.random.Generator) -> list[tuple[tuple[float, float], tuple[float, float], tuple[int, int, int]]]:
    """A shelf with books to the right of the window: centre, half size, colour."""
    pieces = [((20.0, 2.2), (11.0, 0.45), (112, 84, 62)), ((20.0, 13.0), (11.0, 0.45), (112, 84, 62))]
    colours = [(140, 74, 62), (72, 92, 122), (188, 168, 132), (84, 106, 92), (176, 130, 80), (96, 84, 110)]
    left = 11.0
    for i in range(13):
        wide, tall = rng.uniform(0.5, 0.95), rng.uniform(2.4, 3.9)
        pieces.append(((left + wide, 2.7 + tall), (wide, tall), colours[int(rng.integers(len(colours)))]))
        left += 2 * wide + 0.1 + (1.4 if i == 6 else 0)
    return pieces
