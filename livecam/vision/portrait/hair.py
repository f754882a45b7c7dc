"""Hair: thousands of strands grown over the skull, lit along their length and drawn from back to front."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livecam.vision.portrait.geometry import OVAL, Floats, f32
from livecam.vision.portrait.light import unit
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.relief import SKULL_CENTRE, SKULL_RADII
from livecam.vision.portrait.view import View, blur, decode, encode, fixed, linear

STEPS = 24
_HAIRLINE = 8.9


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture with coverage.

    Attributes:
        colour: (H, W, 3) f32 linear BGR, meaningful a little beyond the coverage too.
        alpha: (H, W) f32 0..1.
    """

    colour: Floats
    alpha: Floats


@dataclass(frozen=True, slots=True)
class Scalp:
    """The ellipsoid that hair grows on: centre and radii, (3,) f32 cm."""

    centre: Floats
    radii: Floats

    @classmethod
    def under(cls, points: Floats) -> Scalp:
        """The skull of (468, 3) cm landmarks."""
        widest = float(np.abs(points[list(OVAL), 0]).max())
        return cls(f32(SKULL_CENTRE), f32([widest - 0.25, SKULL_RADII[1], SKULL_RADII[2]]))

    def outward(self, places: Floats) -> Floats:
        """(N, 3) unit normals near the surface."""
        normal = (places - self.centre) / self.radii**2
        return f32(normal / np.linalg.norm(normal, axis=-1, keepdims=True))

    def lifted(self, places: Floats, height: Floats) -> Floats:
        """(N, 3) `places`, pushed out to at least `height`, (N,) cm, above the skull."""
        offset = places - self.centre
        grown = self.radii + height[:, None]
        level = np.linalg.norm(offset / grown, axis=1, keepdims=True)
        return f32(self.centre + offset / np.minimum(level, 1))


def _roots(scalp: Scalp, count: int, rng: np.random.Generator) -> Floats:
    """(N, 3) cm: places on the hairy part of the front half of the skull."""
    ball = rng.standard_normal((count * 6, 3)).astype(np.float32)
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    places = scalp.centre + ball * scalp.radii
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    line = _HAIRLINE + 0.25 * np.cos(x * 0.9) - 0.075 * np.clip(x - 2.0, 0, None) ** 2.0 + rng.normal(0, 0.16, len(x))
    front = y > np.where(z > -1.2, line, 1.6 + 1.5 * np.clip(z + 4.2, 0, 4) + rng.normal(0, 0.5, len(x)))
    kept = places[front & (z > -6.5) & (y > 0.2)]
    return kept[:count].astype(np.float32)


def grow_short(scalp: Scalp, recipe: PortraitRecipe, rng: np.random.Generator) -> Floats:
    """(N, STEPS, 3) cm strands: swept up and to one side on top, close at the sides."""
    roots = _roots(scalp, recipe.hair.strands, rng)
    normal = scalp.outward(roots)
    top = np.clip((roots[:, 1] - 6.0) / 4.0, 0, 1)[:, None]
    sweep = f32([0.85, 0.45, -0.55])
    start = normal * (0.45 + 0.35 * top) + top * f32([0.35, 0.9, 0.15]) + (1 - top) * f32([0, -0.7, -0.5])
    final = top * sweep + (1 - top) * f32([0, -0.8, -0.5])
    clump = np.stack([np.sin(roots @ axis) for axis in rng.normal(0, 1.3, (3, 3)).astype(np.float32)], axis=1)
    wild = 0.22 * clump + 0.13 * rng.standard_normal(roots.shape)
    length = (1.1 + 3.6 * top[:, 0] ** 1.2) * rng.uniform(0.7, 1.1, len(roots)) * recipe.hair.volume_cm / 1.3
    return _grow(scalp, roots, start + wild, final + 1.3 * wild, length, 0.12 + 0.9 * top[:, 0])


def grow_long(scalp: Scalp, recipe: PortraitRecipe, rng: np.random.Generator) -> Floats:
    """(N, STEPS, 3) cm strands: parted, over the sides of the skull, down to the shoulders."""
    roots = _roots(scalp, recipe.hair.strands, rng)
    part = 1.3
    side = np.where(roots[:, :1] > part + rng.normal(0, 0.12, (len(roots), 1)), 1.0, -1.0)
    near_part = np.clip(1 - np.abs(roots[:, :1]) / 6.5, 0, 1)
    start = scalp.outward(roots) * 0.35 + side * near_part * f32([0.9, 0, 0]) + f32([0, -0.35, -0.1])
    final = np.hstack([side * 0.02, side * 0 - 1.0, side * 0 - 0.02])
    clump = np.stack([np.sin(roots @ axis) for axis in rng.normal(0, 0.9, (3, 3)).astype(np.float32)], axis=1)
    wild = 0.10 * clump + 0.05 * rng.standard_normal(roots.shape)
    length = rng.uniform(20, 25.5, len(roots))
    lift = recipe.hair.volume_cm * rng.uniform(0.25, 1.0, len(roots))
    strands = _grow(scalp, roots, start + wild, final + 0.8 * wild, length, lift, side[:, 0])
    inward = _contour(strands[..., 1], scalp) - side * strands[..., 0]
    stray = ((inward > 0.4) & (strands[..., 1] < 5.5)).any(axis=1)
    return strands[~stray]


def _grow(
    scalp: Scalp,
    roots: Floats,
    start: npt.NDArray[np.floating],
    final: npt.NDArray[np.floating],
    length: npt.NDArray[np.floating],
    lift: npt.NDArray[np.floating],
    side: npt.NDArray[np.floating] | None = None,
) -> Floats:
    """March every strand at once: its direction turns from `start` to `final`; the skull pushes it out.

    Long hair gives its `side`, -1 or +1, (N,): it turns sooner, waves, and stays off the face on that side.
    """
    strands = [roots]
    place = roots
    for i in range(1, STEPS):
        t = i / (STEPS - 1)
        turn = min(1.0, 1.5 * t) if side is None else min(1.0, 4.0 * t) ** 1.3
        direction = start * (1 - turn) + final * turn
        if side is not None:
            direction = direction + _wave(place, side, t)
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        place = (place + direction * (length / (STEPS - 1))[:, None]).astype(np.float32)
        place = scalp.lifted(place, (lift * min(1.0, 0.3 + 4 * t)).astype(np.float32))
        if side is not None:
            place = _off_the_face(place, side, scalp)
        strands.append(place)
    return _smoothed(np.stack(strands, axis=1))


def _smoothed(strands: Floats) -> Floats:
    """Take the corners out of every strand; roots and ends stay."""
    for _ in range(4):
        strands[:, 1:-1] = 0.25 * strands[:, :-2] + 0.5 * strands[:, 1:-1] + 0.25 * strands[:, 2:]
    return strands.astype(np.float32)


def _wave(place: Floats, side: npt.NDArray[np.floating], t: float) -> Floats:
    """A loose wave that starts below the ears and draws the ends in."""
    swing = 0.26 * side * np.sin(place[:, 1] * 0.7 + 0.6 * side) * t - 0.30 * side * max(0.0, t - 0.70) * 3
    return np.stack([swing, swing * 0, swing * 0 + 0.05], axis=1).astype(np.float32)


def _off_the_face(place: Floats, side: npt.NDArray[np.floating], scalp: Scalp) -> Floats:
    """Keep strands outside the face: at least as far out, on their side, as its contour."""
    outer = side * np.maximum(side * place[:, 0], _contour(place[:, 1], scalp))
    moved = place.copy()
    moved[:, 0] = np.where(place[:, 2] > -3.5, outer, place[:, 0])
    return moved


def _contour(y: Floats, scalp: Scalp) -> Floats:
    """Half width, cm, of what long hair leaves free at height `y`: the face and the neck."""
    half = np.interp(y, [-14, -9, -5, 0, 5, 7, 8.3, 9.0], [5.0, 5.6, 6.3, 6.8, 6.6, 5.2, 2.4, -3.0])
    return f32(half * scalp.radii[0] / 7.35)


def strand_colours(strands: Floats, scalp: Scalp, recipe: PortraitRecipe, rng: np.random.Generator) -> Floats:
    """(N, STEPS, 3) f32 sRGB 0..255 BGR: light on fibres after Kajiya and Kay (1989), on a shaded volume."""
    tangent = np.gradient(strands, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-6)
    key = unit(recipe.light.key)
    half = unit(key + f32([0, 0.25, 1]))
    across = np.sqrt(np.clip(1 - (tangent @ key) ** 2, 0, 1))
    jitter = rng.normal(0, 0.05, (len(strands), 1))
    along = tangent @ half
    tight = np.sqrt(np.clip(1 - (along + jitter) ** 2, 0, 1)) ** 60
    broad = np.sqrt(np.clip(1 - (along + 0.12 + jitter) ** 2, 0, 1)) ** 14
    normal = scalp.outward(strands)
    facing = np.clip(0.42 + 0.58 * (normal @ key), 0.12, 1)
    rooted = 0.5 + 0.5 * np.clip(np.linspace(0, 1, strands.shape[1]) / 0.35, 0, 1)
    inner = rng.uniform(0.55, 1.15, (len(strands), 1))
    base, sheen = linear(recipe.hair.base), linear(recipe.hair.shine)
    body = base * (0.45 + 0.9 * across * facing)[..., None] * (rooted * inner)[..., None]
    shine = sheen * ((0.42 * tight + 0.26 * broad) * facing * rooted * inner)[..., None]
    tint = 1 + 0.07 * rng.standard_normal((len(strands), 1, 3))
    return (encode(((body + shine) * tint).astype(np.float32)) * 255).astype(np.float32)


def draw_strands(strands: Floats, colours: Floats, recipe: PortraitRecipe, view: View) -> Layer:
    """Draw strands from back to front; gaps between them are closed by broad dark strokes underneath."""
    base = encode(linear(recipe.hair.base) * 0.42) * 255
    canvas = np.empty((view.height, view.width, 3), np.uint8)
    canvas[:] = base
    mask = np.zeros((view.height, view.width), np.uint8)
    order = np.argsort(strands[:, :4, 2].mean(axis=1) + 0.06 * strands[:, 0, 1])
    paths = fixed(view.px(strands.reshape(-1, 3)).reshape(*strands.shape[:2], 2))
    broad = max(1, round(0.16 * view.scale))
    for i in order[::2]:
        cv2.polylines(mask, [paths[i, 2:-2]], False, 255, broad, cv2.LINE_AA, 4)
    mask[:] = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(0.04 * view.scale)))
    fine = max(1, round(0.035 * view.scale))
    for i in order:
        for j in range(0, strands.shape[1] - 1, 3):
            piece = [paths[i, j : j + 4]]
            colour = [float(c) for c in colours[i, j]]
            cv2.polylines(canvas, piece, False, colour, fine, cv2.LINE_AA, 4)
            cv2.polylines(mask, piece, False, 255, fine, cv2.LINE_AA, 4)
    return Layer(decode(canvas.astype(np.float32) / 255), mask.astype(np.float32) / 255)


def hair_layers(points: Floats, recipe: PortraitRecipe, view: View, rng: np.random.Generator) -> tuple[Layer, Layer]:
    """The hair behind the neck and the hair in front of the head, for (468, 3) cm landmarks."""
    scalp = Scalp.under(points)
    strands = (grow_long if recipe.hair.style == "long" else grow_short)(scalp, recipe, rng)
    colours = strand_colours(strands, scalp, recipe, rng)
    front = draw_strands(strands, colours, recipe, view)
    return _behind(front, scalp, recipe, view), front


def _behind(front: Layer, scalp: Scalp, recipe: PortraitRecipe, view: View) -> Layer:
    """The dark inside of long hair behind the neck; nothing for short hair."""
    x, y = view.grid()
    if recipe.hair.style != "long":
        return Layer(front.colour, np.zeros_like(front.alpha))
    half = float(scalp.radii[0]) + 0.6
    mask = 1 / (1 + np.exp((np.abs(x) - half + 0.06 * np.clip(-4 - y, 0, 20)) / 0.15))
    mask = mask / (1 + np.exp((-13.0 - y) / 0.6)) * (y < 6)
    streaks = blur(
        np.repeat(np.random.default_rng(recipe.seed).normal(1, 0.25, (1, view.width)), view.height, 0).astype(
            np.float32
        ),
        1.5,
    )
    colour = linear(recipe.hair.base) * (0.30 * streaks)[..., None]
    return Layer(colour.astype(np.float32), mask.astype(np.float32))
