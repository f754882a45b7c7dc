"""Several photos of one person, merged into one texture: a flattened face, each patch from who saw it best."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.raster import Grid, Rasteriser
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY, facing
from livecam.vision.mesh.warp import SeenTriangles, Warper, affines_between

SIDE = 800
"""Side of the atlas, px."""

_EDGE = 4
# The cylinder that the face is unrolled from: its axis lies this far behind the face's middle, in face heights, and
# one radian is drawn as wide as this share of the face height, about the radius of a cheek.
_AXIS, _RADIUS = 0.45, 0.62
_POWER = 3
# Eyes and lips of several photos, averaged, blur: another photo counts where it saw a patch about twice as squarely.
_FIRST = 6.0
_LEAST_COSINE = 0.1
_GAIN = (0.3, 3.0)
_SMALLER = 8

Plane = npt.NDArray[np.float32]


class Atlas(NamedTuple):
    """A texture on the flattened face.

    Attributes:
        image: (SIDE, SIDE, 4) u8 BGR and skin mask.
        vertices: (V, 2) f32 px of it.
        cosines: (T,) f32: the best that any photo saw each triangle at.
    """

    image: Image
    vertices: Points
    cosines: Points


class _Layer(NamedTuple):
    """One photo on the flattened face: (SIDE, SIDE, 4) f32 colours, (SIDE, SIDE) f32 weight."""

    colours: Plane
    weight: Plane


def atlas_of(faces: Sequence[tuple[Image, Points]]) -> Atlas:
    """Merge faces, each (h, w, 4) u8 BGR and skin mask with its (478, 3) f32 landmarks; the first sets the colours."""
    flat = _flattened()
    grid = Grid(0, 0, SIDE, SIDE, 1)
    seen = Rasteriser(TOPOLOGY)(flat, grid, np.empty((SIDE, SIDE), dtype=np.int16))
    shown = np.maximum(seen, 0).astype(np.intp)
    warper = Warper(SIDE, Scratch())
    vertices = [TOPOLOGY.extend(points) for _, points in faces]
    cosines = [np.clip(facing(TOPOLOGY, each), 0, 1) for each in vertices]
    layers: list[_Layer] = []
    for (image, _), each, cosine in zip(faces, vertices, cosines, strict=True):
        layer = _layer(image, affines_between(flat, TOPOLOGY.inset(each), TOPOLOGY.corners), shown, cosine, warper)
        layers.append(_equalised(layer, layers[0], seen >= 0) if layers else layer)
    layers[0] = _Layer(layers[0].colours, layers[0].weight * np.float32(_FIRST))
    total = np.sum([layer.weight for layer in layers], axis=0)
    merged = np.sum([layer.colours * layer.weight[:, :, None] for layer in layers], axis=0) / total[:, :, None]
    best = np.maximum.reduce(cosines).astype(np.float32)
    return Atlas(merged.astype(np.uint8), np.ascontiguousarray(flat[:, :2]), best)


def _flattened() -> Points:
    """(V, 3) f32 px: the canonical face unrolled from a cylinder, in the middle of the atlas; z keeps the middle up."""
    vertices = TOPOLOGY.extend(TOPOLOGY.canonical)
    angle = np.arctan2(vertices[:, 0], _AXIS - vertices[:, 2])
    place = np.stack([angle * _RADIUS, vertices[:, 1]], axis=1)
    low, high = place.min(axis=0), place.max(axis=0)
    scale = (SIDE - 2 * _EDGE) / (high - low).max()
    flat = (place - (low + high) / 2) * scale + SIDE / 2
    return np.column_stack([flat, -np.cos(angle)]).astype(np.float32)


def _layer(image: Image, affines: Plane, seen: SeenTriangles, cosine: Points, warper: Warper) -> _Layer:
    """One photo on the flattened face, weighted by how squarely it was seen and by its skin mask."""
    places = warper.coarse("atlas", affines, seen)
    colours = cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)  # type: ignore[call-overload]
    share = np.clip((cosine - _LEAST_COSINE) / (1 - _LEAST_COSINE), 1e-3, 1) ** _POWER
    weight = cv2.GaussianBlur(share.astype(np.float32)[seen], (0, 0), SIDE / 60)
    return _Layer(colours, weight * (colours[:, :, 3] / 255 + 1e-3))


def _equalised(layer: _Layer, first: _Layer, inside: npt.NDArray[np.bool_]) -> _Layer:
    """`layer` in the light of the `first`, learnt where both saw well."""
    common = np.minimum(layer.weight, first.weight) * inside + np.float32(1e-4)
    wanted, own = (_smooth(each.colours[:, :, :3], common) for each in (first, layer))
    colours = layer.colours.copy()
    colours[:, :, :3] *= np.clip((wanted + 4) / (own + 4), *_GAIN)
    return _Layer(np.clip(colours, 0, 255), layer.weight)


def _smooth(image: Plane, weight: Plane) -> Plane:
    """`image`, (SIDE, SIDE, 3) f32, averaged over wide neighbourhoods by `weight`; worked out on a small copy."""
    small = (SIDE // _SMALLER, SIDE // _SMALLER)
    weighted: Plane = np.dstack([image * weight[:, :, None], weight]).astype(np.float32, copy=False)
    sums = cv2.GaussianBlur(cv2.resize(weighted, small, interpolation=cv2.INTER_AREA), (0, 0), small[0] / 6)
    ratio: Plane = (sums[:, :, :3] / sums[:, :, 3:]).astype(np.float32, copy=False)
    mean = cv2.resize(ratio, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return mean.astype(np.float32, copy=False)
