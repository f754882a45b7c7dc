"""Where centimetres land in the picture, and the few drawing helpers everything shares."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.vision.portrait.geometry import Floats, f32
from livecam.vision.portrait.recipe import Colour

_SHIFT = 4


@dataclass(frozen=True, slots=True)
class View:
    """An orthographic camera: `scale` px a cm, the face's origin at (`x`, `y`) px of a `width` x `height` picture."""

    width: int
    height: int
    scale: float
    x: float
    y: float

    def enlarged(self, factor: int) -> View:
        """The same view with `factor` times as many pixels a side; pixel centres stay aligned."""
        shift = (factor - 1) / 2
        return View(
            self.width * factor,
            self.height * factor,
            self.scale * factor,
            self.x * factor + shift,
            self.y * factor + shift,
        )

    def px(self, points: Floats) -> Floats:
        """(N, 2) f32 px of (N, 2..3) cm."""
        flipped = points[..., :2] * f32([self.scale, -self.scale])
        return (flipped + f32([self.x, self.y])).astype(np.float32)

    def grid(self) -> tuple[Floats, Floats]:
        """Every pixel's x, (1, W), and y, (H, 1), in cm; they broadcast."""
        x = (np.arange(self.width, dtype=np.float32) - np.float32(self.x)) / np.float32(self.scale)
        y = (np.float32(self.y) - np.arange(self.height, dtype=np.float32)) / np.float32(self.scale)
        return x[None, :], y[:, None]


def linear(colour: Colour) -> Floats:
    """(3,) f32 linear-light blue, green, red of an sRGB red, green, blue."""
    return decode(f32(colour[::-1]) / 255)


def decode(encoded: Floats) -> Floats:
    """SRGB 0..1 to linear light (IEC 61966-2-1)."""
    low = encoded / 12.92
    high = ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, low, high).astype(np.float32)


def encode(light: Floats) -> Floats:
    """Linear light to sRGB 0..1 (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    high = 1.055 * light ** np.float32(1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, high).astype(np.float32)


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur; wide ones on a reduced picture, which is as smooth and much faster."""
    if sigma <= 6:
        return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)).astype(np.float32)
    step = int(sigma // 3)
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(width // step, 2), max(height // step, 2)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Floats:
    """(H, W) f32 smooth noise of unit deviation whose grains are about `sigma` px."""
    step = max(1, int(sigma // 2))
    height, width = shape
    grains = rng.standard_normal((height // step + 2, width // step + 2)).astype(np.float32)
    smooth = cv2.GaussianBlur(grains, (0, 0), sigma / step)
    full = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC)
    return (full / max(float(full.std()), 1e-6)).astype(np.float32)


def spline(points: Floats, steps: int, closed: bool = False) -> Floats:
    """A Catmull-Rom curve through (N, 2) points with `steps` pieces between neighbours."""
    if closed:
        padded = np.vstack([points[-1:], points, points[:2]])
    else:
        padded = np.vstack([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat = curve.reshape(-1, points.shape[1])
    return (flat if closed else np.vstack([flat, points[-1:]])).astype(np.float32)


def polygon(shape: tuple[int, int], points: Floats, feather: float = 0.0) -> Floats:
    """(H, W) f32 mask, 1 inside the polygon of (N, 2) px, antialiased, then blurred by `feather` px."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_AA, _SHIFT)
    soft = mask.astype(np.float32) / 255
    return blur(soft, feather) if feather > 0 else soft


def fixed(points: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Px as the fixed-point integers (4 fractional bits) that cv2's drawing takes."""
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def stroke(mask: Floats, points: Floats, value: float, width: float) -> None:
    """Draw an open line of `width` px (at least 1) and `value` into a f32 mask; cv2 antialiases 8-bit ones only."""
    cv2.polylines(mask, [fixed(points)], False, value, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def spot(view: View, centre: tuple[float, float], radii: tuple[float, float], mirrored: bool = False) -> Floats:
    """(H, W) f32 Gaussian spot around `centre` cm, 1 in the middle; `mirrored` adds its twin across x = 0."""
    x, y = view.grid()
    tall = np.exp(-0.5 * ((y - centre[1]) / radii[1]) ** 2)
    wide = np.exp(-0.5 * ((x - centre[0]) / radii[0]) ** 2)
    if mirrored:
        wide = np.maximum(wide, np.exp(-0.5 * ((x + centre[0]) / radii[0]) ** 2))
    return f32(tall * wide)


def mix(under: Floats, over: Floats, alpha: Floats) -> Floats:
    """`over` laid over `under`, both (H, W, 3) or broadcastable, by (H, W) alpha 0..1."""
    return (under + (over - under) * alpha[..., None]).astype(np.float32)
