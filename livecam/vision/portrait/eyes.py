"""Eyes: the ball with its iris, the opening of the lids, and lashes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.vision.portrait.geometry import EYE_LOWER, EYE_UPPER, Floats, f32
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.view import View, blur, linear, mix, noise, polygon, spline, stroke


@dataclass(frozen=True, slots=True)
class Lids:
    """One eye's opening in cm.

    Attributes:
        upper: (N, 2) f32 upper margin from the outer to the inner corner.
        lower: (N, 2) f32 lower margin, likewise.
        side: -1 for the viewer's left eye, +1 for the right.
    """

    upper: Floats
    lower: Floats
    side: int

    @property
    def centre(self) -> tuple[float, float]:
        """Where the iris of an eye that looks straight ahead sits: a little above the middle of the opening."""
        middle = 0.5 * (self.upper[len(self.upper) // 2] + self.lower[len(self.lower) // 2])
        ends = 0.5 * (self.upper[0] + self.upper[-1])
        return float(0.4 * ends[0] + 0.6 * middle[0]), float(middle[1]) + 0.14


def lids(points: Floats) -> tuple[Lids, Lids]:
    """The two openings of (468, 3) cm landmarks, as smooth curves."""
    left, right = (
        Lids(spline(points[list(up), :2], 8), spline(points[list(low), :2], 8), side)
        for up, low, side in zip(EYE_UPPER, EYE_LOWER, (-1, 1), strict=True)
    )
    return left, right


def opening(lid: Lids, view: View) -> Floats:
    """(H, W) f32 antialiased mask, 1 between the lids."""
    return polygon((view.height, view.width), view.px(np.vstack([lid.upper, lid.lower[::-1]])), 0.012 * view.scale)


def eyeball(lid: Lids, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """(H, W, 3) f32 linear BGR: the ball as if it had no lids, looking straight ahead, without highlight."""
    x, y = view.grid()
    cx, cy = lid.centre
    dx, dy = (x - cx) + 0 * y, (y - cy) + 0 * x
    radius = np.sqrt(dx**2 + dy**2)
    white = _sclera(dx, radius, lid, rng, view)
    iris = _iris(dx, dy, radius, recipe, rng, view)
    edge = recipe.eyes.radius_cm
    inside = 1 / (1 + np.exp(np.minimum((radius - edge) / 0.022, 50)))
    halo = np.exp(-(((radius - edge) / 0.07) ** 2))
    return mix(white * (1 - 0.28 * halo)[..., None], iris, inside.astype(np.float32))


def _sclera(dx: Floats, radius: Floats, lid: Lids, rng: np.random.Generator, view: View) -> Floats:
    white = f32([0.56, 0.57, 0.64])
    round_off = np.clip(1 - 0.22 * (radius / 1.2) ** 2, 0.4, 1)
    pink = np.clip((np.abs(dx) - 0.75) / 0.9, 0, 1) ** 2
    inner = lid.upper[-1]
    caruncle = np.exp(-(((dx + lid.centre[0] - inner[0]) / 0.26) ** 2))
    veins = np.clip(noise(rng, radius.shape, 0.04 * view.scale), 0, 1.5) * pink
    ball = white * round_off[..., None] * (1 - (0.28 * pink + 0.06 * veins)[..., None] * f32([1.0, 0.95, 0.3]))
    return mix(ball.astype(np.float32), f32([0.20, 0.19, 0.46]), (0.8 * caruncle).astype(np.float32))


def _iris(
    dx: Floats, dy: Floats, radius: Floats, recipe: PortraitRecipe, rng: np.random.Generator, view: View
) -> Floats:
    """Fibres from the pupil outward, a dark outer ring, a pupil, and light gathered at the bottom."""
    edge = recipe.eyes.radius_cm
    part = radius / edge
    angle = np.arctan2(dy, dx)
    fibres = _fibres(angle, part, rng)
    outer, inner = linear(recipe.eyes.outer), linear(recipe.eyes.inner)
    near = np.exp(-(((part - 0.42) / 0.26) ** 2)) + 0.35 * fibres
    colour = outer + (inner - outer) * np.clip(near, 0, 1)[..., None]
    colour = colour * (1 + 0.22 * fibres)[..., None]
    gathered = np.clip(-dy / edge * 0.8 + 0.25 * -dx / edge, 0, 1) * np.clip(part, 0, 1)
    colour = colour * (1 + 0.9 * gathered)[..., None]
    ring = np.clip((part - 0.78) / 0.22, 0, 1)
    colour = colour * (1 - 0.7 * ring**1.5)[..., None]
    pupil = 1 / (1 + np.exp(np.minimum((part - 0.36) / 0.025, 50)))
    return mix(colour.astype(np.float32), f32([0.004, 0.004, 0.005]), pupil.astype(np.float32))


def _fibres(angle: Floats, part: Floats, rng: np.random.Generator) -> Floats:
    """Radial streaks in -1..1 from a random row of grey values wound round the pupil at two finenesses."""
    total = np.zeros_like(angle, dtype=np.float32)
    for count, weight in ((140, 0.6), (48, 0.4)):
        row = rng.standard_normal((6, count)).astype(np.float32)
        row = np.hstack([row, row[:, :2]])
        u = ((angle / (2 * np.pi)) % 1.0 * count).astype(np.float32)
        v = (np.clip(part, 0, 1) * 4.9).astype(np.float32)
        total += weight * cv2.remap(row, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.tanh(total).astype(np.float32)


def highlights(lid: Lids, recipe: PortraitRecipe, view: View) -> Floats:
    """(H, W) f32 0..1: the window's reflection and a faint one from below."""
    x, y = view.grid()
    cx, cy = lid.centre
    key_x, key_y = recipe.light.key[0], recipe.light.key[1]
    dx, dy = x - (cx + 0.5 * key_x * 0.5), y - (cy + 0.5 * key_y * 0.9)
    window = np.exp(-((np.abs(dx) / 0.13) ** 4) - (np.abs(dy) / 0.15) ** 4)
    below = 0.14 * np.exp(-(((x - cx - 0.22) / 0.12) ** 2) - ((y - cy + 0.3) / 0.09) ** 2)
    return f32(0.95 * window + below)


def lid_shade(lid: Lids, view: View) -> Floats:
    """(H, W) f32 0..1 factor: the ball lies in the shade of the upper lid and its lashes."""
    shape = (view.height, view.width)
    skin = 1 - polygon(shape, view.px(np.vstack([lid.upper, lid.lower[::-1]])))
    x, y = view.grid()
    above = skin * (y > np.interp(x, *_sorted(lid.lower)) + 0.05)
    return np.clip(
        1 - 0.95 * blur(above.astype(np.float32), 0.13 * view.scale) - 0.16 * blur(skin, 0.09 * view.scale), 0.08, 1
    )


def _sorted(curve: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(curve[:, 0])
    return curve[order, 0], curve[order, 1]


def paint_eye(colour: Floats, lid: Lids, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """`colour`, (H, W, 3) f32 linear BGR lit skin, with the open eye, its lid margins and its lashes drawn in."""
    ball = eyeball(lid, recipe, view, rng) * lid_shade(lid, view)[..., None]
    spark = highlights(lid, recipe, view)
    ball = ball + spark[..., None] * (1 - ball)
    drawn = _waterline(colour, lid, view)
    drawn = mix(drawn, ball.astype(np.float32), opening(lid, view))
    return paint_lashes(drawn, lid, recipe, view, rng)


def _waterline(colour: Floats, lid: Lids, view: View) -> Floats:
    """The moist, paler rim of the lower lid."""
    rim = np.zeros(colour.shape[:2], np.float32)
    stroke(rim, view.px(lid.lower - f32([0, 0.015])), 1.0, 0.07 * view.scale)
    return mix(colour, colour * 1.12 + f32([0.01, 0.012, 0.03]), 0.6 * blur(rim, 0.02 * view.scale))


def paint_lashes(colour: Floats, lid: Lids, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> Floats:
    """Draw the dark upper margin and both rows of lashes over `colour`."""
    mask = np.zeros(colour.shape[:2], np.float32)
    strength = recipe.eyes.lashes
    margin = view.px(lid.upper + f32([0, 0.012]))
    stroke(mask, margin, 0.9, (0.04 + 0.035 * strength) * view.scale)
    _row(mask, lid.upper, lid.side, 0.22 + 0.2 * strength, 1.0, 70, view, rng)
    mask *= 0.55 + 0.45 * strength
    lower = np.zeros_like(mask)
    _row(lower, lid.lower, lid.side, 0.10 + 0.08 * strength, -1.0, 36, view, rng)
    mask = np.maximum(mask, 0.35 * strength * lower)
    hair = linear(recipe.brows.colour) * np.float32(0.3 - 0.24 * strength)
    return mix(colour, hair, np.clip(0.92 * blur(mask, 0.012 * view.scale), 0, 1))


def _row(
    mask: Floats, margin: Floats, side: int, length: float, up: float, count: int, view: View, rng: np.random.Generator
) -> None:
    """Draw `count` curved lashes that fan outward along a lid margin."""
    for place in np.sort(rng.uniform(0.02, 0.9, count)):
        root = margin[int(place * (len(margin) - 1))]
        fan = side * (0.75 - 1.1 * place) + rng.normal(0, 0.10)
        size = length * rng.uniform(0.65, 1.1) * (0.6 + 0.5 * np.sin(np.pi * (0.25 + 0.7 * (1 - place))))
        t = np.linspace(0, 1, 6)[:, None]
        bend = np.hstack([fan * size * t, up * size * (0.25 * t + 0.55 * t**2)])
        stroke(mask, view.px((root + bend).astype(np.float32)), float(rng.uniform(0.45, 0.9)), 0.018 * view.scale)
