"""Images and matrices to try kernels on, and their exact results in floating point."""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Matrix

Floats = npt.NDArray[np.float64]


def noise(shape: tuple[int, ...], seed: int = 0) -> Image:
    """The worst case: each number for itself."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def scene(width: int, height: int, seed: int = 0) -> Image:
    """As a camera sees: large shapes, full contrast, edges a few px wide."""
    image = cv2.GaussianBlur(noise((height, width, 3), seed), (0, 0), 3)
    image = cv2.normalize(image, np.empty_like(image), 30, 220, cv2.NORM_MINMAX)
    cv2.circle(image, (width // 2, height // 2), min(width, height) // 4, (20, 240, 90), -1)
    return np.ascontiguousarray(cv2.GaussianBlur(image, (0, 0), 2.5), np.uint8)


def soft_mask(side: int) -> Image:
    """(side, side) u8: an oval that falls off softly and is 0 at the edges."""
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 3, side // 3 + 2), 0, 0, 360, (255,), -1)
    return np.ascontiguousarray(cv2.GaussianBlur(mask, (0, 0), side / 25), np.uint8)


def turned(scale: float, angle: float, centre: tuple[float, float], side: int) -> Matrix:
    """From frame px to px of a crop of `side`, with `centre` of the frame in its middle."""
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([linear, (side / 2 - linear @ centre)[:, None]])


def bilinear(image: Image, x: Floats, y: Floats) -> Floats:
    """(h, w, C) f64: `image`, (H, W, C) u8, at the places (h, w); beyond its edges it goes on as it ends."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    mixed: Floats = upper * (1 - down) + lower * down
    return mixed


def places(matrix: Matrix, width: int, height: int) -> tuple[Floats, Floats]:
    """Where `matrix` takes the px of a width x height image: x and y, (h, w) f64 each."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
    )


def apart(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float:
    """The largest difference."""
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0))
