"""From a recipe to a picture: layers drawn at twice the size, put together and developed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.body import backdrop, body_layer
from livecam.vision.portrait.brows import paint_brows
from livecam.vision.portrait.eyes import lids, paint_eye
from livecam.vision.portrait.geometry import Floats, f32, proportioned
from livecam.vision.portrait.hair import Layer, hair_layers
from livecam.vision.portrait.light import lit
from livecam.vision.portrait.recipe import PortraitRecipe
from livecam.vision.portrait.relief import Relief, head_relief
from livecam.vision.portrait.skin import skin_paint
from livecam.vision.portrait.view import View, blur, encode, mix

OVERSAMPLING = 2
EXPOSURE = np.float32(0.92)


@dataclass(frozen=True, slots=True)
class Layers:
    """A portrait taken apart, all at the same size.

    Attributes:
        head: Face, ears and the hair in front.
        body: Neck, shoulders and the hair behind.
        room: (H, W, 3) f32 linear BGR.
        depth: (H, W) f32 cm, the head's relief, continued smoothly outside it.
        points: (468, 3) f32 cm, the face's landmarks.
        view: Where cm land in px.
    """

    head: Layer
    body: Layer
    room: Floats
    depth: Floats
    points: Floats
    view: View


def draw_layers(recipe: PortraitRecipe, view: View) -> Layers:
    """Draw every layer of `recipe` at `view`, without oversampling."""
    points = proportioned(recipe.face)
    streams = [np.random.default_rng([recipe.seed, i]) for i in (0, 1, 3)]
    relief = head_relief(points, view)
    back, front = hair_layers(points, recipe, view, streams[0])
    face = _face(points, relief.depth, relief.ears, front, recipe, view, streams[1])
    head = _over(Layer(_bled(face, relief, view), relief.coverage), front)
    body = draw_body(recipe, view)
    body = _over(back, Layer(_hair_shade(body.colour, front, view), body.alpha))
    return Layers(head, body, backdrop(recipe, view, streams[2]), relief.depth, points, view)


def draw_body(recipe: PortraitRecipe, view: View) -> Layer:
    """Draw neck and shoulders of `recipe` at `view`, as no hair shades them."""
    return body_layer(proportioned(recipe.face), recipe, view, np.random.default_rng([recipe.seed, 2]))


def _face(
    points: Floats,
    depth: Floats,
    ears: Floats,
    hair: Layer,
    recipe: PortraitRecipe,
    view: View,
    rng: np.random.Generator,
) -> Floats:
    paint = skin_paint(points, ears, recipe, view, rng)
    colour = lit(depth, paint.albedo, paint.gloss, recipe.light, view.scale, paint.grain)
    colour = paint_brows(colour, points, recipe, view, rng)
    for lid in lids(points):
        colour = paint_eye(colour, lid, recipe, view, rng)
    return _hair_shade(colour, hair, view)


def _bled(colour: Floats, relief: Relief, view: View) -> Floats:
    """`colour` carried on beyond the edge of the head, where the relief says nothing about light."""
    solid = f32(
        cv2.erode(
            (relief.coverage > 0.5).astype(np.float32), np.ones((3, 3), np.uint8), iterations=round(0.13 * view.scale)
        )
    )
    sigma = 0.12 * view.scale
    spread = blur(colour * solid[..., None], sigma) / np.maximum(blur(solid, sigma), 1e-4)[..., None]
    return mix(spread, colour, solid)


def _hair_shade(colour: Floats, hair: Layer, view: View) -> Floats:
    """Darken what lies just under the hair."""
    drop = f32([[1, 0, 0.1 * view.scale], [0, 1, 0.35 * view.scale]])
    lowered = cv2.warpAffine(hair.alpha, drop, (view.width, view.height))
    shade = 0.34 * blur(lowered.astype(np.float32), 0.35 * view.scale) + 0.16 * blur(hair.alpha, 0.8 * view.scale)
    return (colour * (1 - shade[..., None] * f32([1.08, 1.0, 0.85]))).astype(np.float32)


def _over(under: Layer, upper: Layer) -> Layer:
    """`upper` on `under`; colours stay defined outside the coverage."""
    alpha = upper.alpha + under.alpha * (1 - upper.alpha)
    share = upper.alpha / np.maximum(alpha, 1e-4)
    return Layer(mix(under.colour, upper.colour, share), alpha.astype(np.float32))


def develop(light: Floats) -> Floats:
    """Linear light to sRGB 0..255 f32 with a soft shoulder, so that highlights do not clip."""
    exposed = light * EXPOSURE
    toned = exposed * (1 + exposed * np.float32(0.28)) / (1 + exposed * np.float32(0.42))
    return (encode(toned.astype(np.float32)) * 255).astype(np.float32)


def rounded(levels: Floats) -> Image:
    """0..255 reals as u8."""
    return np.asarray(np.clip(levels + 0.5, 0, 255), np.uint8)


def portrait(recipe: PortraitRecipe, view: View) -> Image:
    """(H, W, 3) u8 BGR: the finished portrait of `recipe`."""
    layers = draw_layers(recipe, view.enlarged(OVERSAMPLING))
    light = mix(mix(layers.room, layers.body.colour, layers.body.alpha), layers.head.colour, layers.head.alpha)
    small = cv2.resize(light, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return rounded(develop(f32(small)))


def landmarks_px(recipe: PortraitRecipe, view: View) -> Floats:
    """(468, 2) f32 px: where the drawn face's landmarks are."""
    return view.px(proportioned(recipe.face))
