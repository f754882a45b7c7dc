"""A small z-buffer: from a fine mesh to per-pixel maps, vectorised over triangles of like size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livecam.vision.portrait.geometry import Floats, Ints

Samples = tuple[npt.NDArray[np.int64], Floats, Floats]


def rasterise(points: Floats, depth: Floats, values: Floats, triangles: Ints, shape: tuple[int, int]) -> Floats:
    """Draw a mesh of small triangles with a depth test.

    Args:
        points: (N, 2) f32 px, x right and y down.
        depth: (N,) f32, larger is nearer.
        values: (N, K) f32, interpolated over each triangle.
        triangles: (M, 3) i32; any orientation.
        shape: (H, W) of the picture.

    Returns:
        (H, W, K) f32, NaN where nothing was drawn.
    """
    corners = points[triangles]
    low = np.floor(corners.min(axis=1)).astype(np.int64)
    extent = (np.ceil(corners.max(axis=1)).astype(np.int64) - low).max(axis=1) + 1
    parts: list[Samples] = []
    for size in (2, 4, 8, 16, 32, 64):
        chosen = np.flatnonzero((extent <= size) & (extent > size // 2 * (size > 2)))
        groups = np.array_split(chosen, max(1, len(chosen) * size * size // 2_000_000))
        parts += [
            _samples(corners[some], low[some], depth[triangles[some]], values[triangles[some]], size, shape)
            for some in groups
        ]
    pixel, z, value = (np.concatenate(list(column)) for column in zip(*parts, strict=True))
    order = np.argsort(z, kind="stable")
    out = np.full((shape[0] * shape[1], values.shape[1]), np.nan, np.float32)
    out[pixel[order]] = value[order]  # far to near: the last of equal pixels is the nearest and stays
    return out.reshape(*shape, -1)


def _samples(
    corners: Floats,
    low: npt.NDArray[np.int64],
    depth: Floats,
    values: Floats,
    size: int,
    shape: tuple[int, int],
) -> Samples:
    """Pixel numbers, depths and values of every pixel centre inside each triangle, by barycentric coordinates."""
    offset = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    pixels = low[:, None] + offset
    a, b, c = (corners[:, i, None].astype(np.float64) for i in range(3))
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-9, np.nan, area)
    u, v = _cross(b - pixels, c - pixels) / area, _cross(c - pixels, a - pixels) / area
    weights = np.stack([u, v, 1 - u - v], axis=-1)
    height, width = shape
    x, y = pixels[..., 0], pixels[..., 1]
    inside = (weights >= -1e-6).all(axis=-1) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    triangle, _ = np.nonzero(inside)
    chosen = weights[inside].astype(np.float32)
    value = np.einsum("nk,nkc->nc", chosen, values[triangle])
    return (y * width + x)[inside], np.einsum("nk,nk->n", chosen, depth[triangle]), value


def _cross(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    cross: npt.NDArray[np.float64] = p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]
    return cross
