"""Lighting a relief: normals, contact shade, a cast shadow, soft wrapped light and two lobes of shine.

Light is linear. Directions are (x right, y up, z to the viewer).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.recipe import Light
from livecam.vision.portrait.view import blur, linear

_WRAP = f32([0.10, 0.18, 0.42])
"""How far light creeps round the edge, blue, green, red: red travels furthest in skin (Green, GPU Gems ch. 16)."""


def normals(depth: Floats, scale: float) -> Floats:
    """(H, W, 3) f32 unit normals of a depth map in cm at `scale` px a cm."""
    dx = cv2.Scharr(depth, cv2.CV_32F, 1, 0, scale=scale / 32)
    dy = cv2.Scharr(depth, cv2.CV_32F, 0, 1, scale=scale / 32)
    normal = np.dstack([-dx, dy, np.ones_like(depth)])
    return f32(normal / np.linalg.norm(normal, axis=2, keepdims=True))


def contact_shade(depth: Floats, scale: float) -> Floats:
    """(H, W) f32 0..1: darker where the relief lies below its surroundings, at three sizes (a cavity map)."""
    shade = np.ones_like(depth)
    for sigma_cm, strength in ((0.18, 1.6), (0.5, 0.55), (1.6, 0.16)):
        below = np.clip(blur(depth, sigma_cm * scale) - depth, 0, None)
        shade *= 1 / (1 + strength * 3 * below)
    return shade


def cast_shadow(
    depth: Floats, scale: float, towards: Floats, reach_cm: float = 3.0, softness_cm: float = 0.12
) -> Floats:
    """(H, W) f32 0..1, 0 in full shadow: walk from each point towards the light over the relief."""
    flat = towards / np.linalg.norm(towards[:2])
    lit = np.ones_like(depth)
    size = (depth.shape[1], depth.shape[0])
    for step_cm in np.linspace(0.12, reach_cm, 22):
        shift = f32([[1, 0, flat[0] * step_cm * scale], [0, 1, -flat[1] * step_cm * scale]])
        ahead = cv2.warpAffine(
            depth, shift, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        above = ahead - (depth + flat[2] * step_cm)
        lit = np.minimum(lit, 1 - np.clip(above / (0.25 + 0.25 * step_cm), 0, 1))
    return np.clip(blur(lit.astype(np.float32), softness_cm * scale), 0, 1)


def wrapped(normal: Floats, towards: Floats, wrap: Floats = _WRAP) -> Floats:
    """(H, W, 3) f32 diffuse light that wraps round the terminator, a little more for red: a cheap subsurface look."""
    facing = (normal @ towards)[..., None]
    return np.clip((facing + wrap) / (1 + wrap), 0, None).astype(np.float32) ** np.float32(1.25)


def shine(normal: Floats, towards: Floats, power: float) -> Floats:
    """(H, W) f32 Blinn-Phong highlight seen from the front."""
    half = towards + f32([0, 0, 1])
    half /= np.linalg.norm(half)
    facing = np.clip(normal @ half, 0, 1).astype(np.float32)
    return facing ** np.float32(power)


def unit(direction: npt.ArrayLike) -> Floats:
    """(3,) f32 of length 1."""
    vector = f32(direction)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def lit(
    depth: Floats, albedo: Floats, gloss: Floats, light: Light, scale: float, grain: Floats | None = None
) -> Floats:
    """Light a relief.

    Args:
        depth: (H, W) f32 cm, larger is nearer.
        albedo: (H, W, 3) f32 linear BGR 0..1.
        gloss: (H, W) f32 0..1.
        light: The lamps.
        scale: px a cm.
        grain: (H, W) f32 cm of fine relief that the shade and shadow ignore.

    Returns:
        (H, W, 3) f32 linear BGR.
    """
    fine = normals(depth if grain is None else depth + grain, scale)
    broad = normals(blur(depth, 0.06 * scale), scale)
    key, fill = unit(light.key), unit((-light.key[0], 0.1, 0.9))
    shade, shadow = contact_shade(depth, scale), cast_shadow(depth, scale, key)
    soft = shadow[..., None] ** f32([1.15, 1.1, 0.75])  # shadows on skin glow red at their edge
    normal = 0.55 * fine + 0.45 * broad
    lamp = linear(light.key_colour) * np.float32(light.key_strength)
    colour = albedo * lamp * wrapped(normal, key) * soft
    colour += albedo * light.fill_strength * wrapped(normal, fill) * shade[..., None]
    sky = 0.62 + 0.38 * normal[..., 1:2]
    colour += albedo * light.ambient * sky * f32([1.04, 1.0, 0.98]) * shade[..., None] ** np.float32(1.4)
    spark = 0.10 * shine(fine, key, 14) + 0.16 * shine(fine, key, 60)
    colour += lamp * (gloss * spark * shadow)[..., None]
    colour += 0.05 * (gloss * shine(fine, fill, 22) * shade)[..., None]
    return colour.astype(np.float32)
