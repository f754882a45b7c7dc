"""The face in three dimensions: the canonical mesh, given proportions and made smooth.

Units are centimetres of the canonical face: x to the viewer's right, y up, z towards the viewer, origin between the
ears. Landmark numbers are MediaPipe's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from livecam.vision.portrait.recipe import FaceShape

Floats = npt.NDArray[np.floating]
"""Arrays of reals; f32 wherever a docstring says so, f64 only in passing."""
Ints = npt.NDArray[np.int32]


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """`values` as an f32 array."""
    return np.asarray(values, np.float32)


def f64(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`values` as an f64 array."""
    return np.asarray(values, np.float64)


OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
LIP_OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIP_OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIP_INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIP_INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
EYE_UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
"""Upper lid margin, outer corner first; the viewer's left eye, then the right."""
EYE_LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
BROW_UPPER = ((107, 66, 105, 63, 70), (336, 296, 334, 293, 300))
"""Upper edge of the eyebrow, nose end first; the viewer's left, then the right."""
BROW_LOWER = ((55, 65, 52, 53, 46), (285, 295, 282, 283, 276))


@dataclass(frozen=True, slots=True)
class Mesh:
    """A triangle mesh.

    Attributes:
        vertices: (N, 3) f32 cm.
        triangles: (M, 3) i32, counter-clockwise seen from outside.
    """

    vertices: Floats
    triangles: Ints


@lru_cache(maxsize=1)
def canonical() -> Mesh:
    """MediaPipe's canonical face: 468 vertices in cm and 898 triangles, eyes and mouth closed by triangles."""
    path = files("livecam.vision.mesh") / "face_geometry.npz"
    with path.open("rb") as file, np.load(file) as data:
        return Mesh(data["vertices"].astype(np.float32), data["triangles"].astype(np.int32))


def proportioned(shape: FaceShape) -> Floats:
    """(468, 3) f32 cm: the canonical vertices moved to the proportions of `shape`, mouth closed, eyes opened."""
    rest = canonical().vertices
    moved = rest + sum(_pulls(rest, shape))
    return _smile(_open_eyes(_close_mouth(moved, shape), shape), shape).astype(np.float32)


def _bump(rest: Floats, centre: Sequence[float], radii: Sequence[float]) -> Floats:
    """(468, 1) f32 weights of a Gaussian around `centre` and its mirror image, 1 at the centre."""
    left = (rest - f32(centre)) / f32(radii)
    right = (rest * f32([-1, 1, 1]) - f32(centre)) / f32(radii)
    both: Floats = np.exp(-0.5 * np.minimum((left**2).sum(1), (right**2).sum(1)))[:, None]
    return both


def _pulls(rest: Floats, shape: FaceShape) -> list[Floats]:
    """Displacements, (468, 3) f32 each: one smooth pull a proportion, outward along x where it is a width."""
    side = np.tanh(rest[:, :1] / 0.8)
    out = np.hstack([side, side * 0, side * 0])
    up, front = f32([0, 1, 0]), f32([0, 0, 1])
    eye = _bump(rest, (-3.15, 2.65, 3.7), (1.6, 0.9, 2.0))
    return [
        shape.jaw_width * _bump(rest, (-6.0, -6.0, 0.0), (2.4, 2.6, 5.0)) * out,
        shape.cheek_width * _bump(rest, (-6.6, -0.5, 1.0), (2.2, 2.4, 6.0)) * out,
        shape.temple_width * _bump(rest, (-6.8, 5.0, 0.5), (2.2, 2.4, 6.0)) * out,
        -shape.chin_length * _bump(rest, (0.0, -9.6, 4.5), (4.2, 2.4, 6.0)) * up,
        shape.chin_width * _bump(rest, (-2.6, -8.8, 4.0), (2.0, 1.8, 4.0)) * out,
        shape.nose_width * _bump(rest, (-1.5, -1.1, 5.6), (0.7, 0.8, 1.4)) * out,
        -shape.nose_length * _bump(rest, (0.0, -1.2, 6.8), (1.5, 1.5, 2.0)) * up,
        shape.nose_bridge * _bump(rest, (0.0, 2.4, 5.8), (0.9, 2.0, 1.4)) * front,
        shape.eye_spacing * eye * out,
        shape.brow_height * _bump(rest, (-3.2, 4.6, 4.5), (2.6, 0.75, 3.0)) * up,
        shape.mouth_width * _bump(rest, (-2.4, -4.35, 4.3), (1.0, 0.9, 1.6)) * out,
        shape.eye_tilt * eye * np.tanh((np.abs(rest[:, :1]) - 3.15) / 1.0) * up,
    ]


def _close_mouth(points: Floats, shape: FaceShape) -> Floats:
    """Bring the inner lips together and give both lips their fullness."""
    closed = points.copy()
    upper, lower = list(LIP_INNER_UPPER), list(LIP_INNER_LOWER)
    line = 0.5 * (points[upper] + points[lower])
    line[:, 1] += 0.04 - 0.05 * np.abs(np.linspace(-1, 1, len(upper)))
    closed[upper], closed[lower] = line, line
    bow = np.sin(np.linspace(0, np.pi, len(upper)))[:, None] * f32([0, 1, 0.35])
    closed[list(LIP_OUTER_UPPER)] += bow * (shape.lip_upper - 0.08)
    closed[list(LIP_OUTER_LOWER)] -= bow * f32([1, 1, -1]) * (shape.lip_lower - 0.06)
    return closed


def _open_eyes(points: Floats, shape: FaceShape) -> Floats:
    """Open the lids by `eye_height` and lengthen them by `eye_width`: the canonical eye is nearly shut."""
    opened = points.copy()
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        arch = np.sin(np.linspace(0, np.pi, len(upper)) ** np.float32(0.96))[:, None] ** np.float32(0.8)
        opened[list(upper)] += arch * f32([0, 0.72, 0.1]) * shape.eye_height
        opened[list(lower)] -= arch * f32([0, 0.28, 0]) * shape.eye_height
        ring = sorted({*upper, *lower})
        middle = points[ring].mean(axis=0)
        stretch = (points[ring, :1] - middle[:1]) / 1.25
        opened[ring, :1] += 0.5 * shape.eye_width * stretch
    return opened


def _smile(points: Floats, shape: FaceShape) -> Floats:
    """Lift and draw back the corners of the mouth by `smile` cm."""
    corner = _bump(points, (-2.4, -4.35, 4.3), (0.8, 0.8, 2.0)) * shape.smile
    side = np.sign(points[:, :1])
    lift: Floats = points + corner * np.hstack([0.5 * side, side * 0 + 0.9, side * 0 - 0.3])
    return lift


def subdivided(mesh: Mesh, times: int) -> Mesh:
    """Loop's smooth subdivision (1987), boundary rules included, `times` over; the first N vertices stay first."""
    for _ in range(times):
        mesh = _loop_once(mesh)
    return mesh


def _loop_once(mesh: Mesh) -> Mesh:
    vertices, triangles = mesh.vertices.astype(np.float64), mesh.triangles
    halves = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    opposite = np.concatenate([triangles[:, 2], triangles[:, 0], triangles[:, 1]])
    edges, where, count = np.unique(np.sort(halves, axis=1), axis=0, return_inverse=True, return_counts=True)
    where = where.reshape(-1)
    across = np.zeros((len(edges), 3))
    np.add.at(across, where, vertices[opposite])
    ends = vertices[edges].sum(axis=1)
    middle = np.where(count[:, None] == 2, 0.375 * ends + 0.125 * across, 0.5 * ends)
    even = _even(vertices, edges, count)
    ab, bc, ca = (where.reshape(3, -1) + len(vertices)).astype(np.int32)
    a, b, c = triangles.T
    quads = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return Mesh(np.vstack([even, middle]).astype(np.float32), np.vstack([np.stack(t, axis=1) for t in quads]))


def _even(vertices: npt.NDArray[np.float64], edges: Ints, count: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """New places of the old vertices: Loop's weights inside, the cubic B-spline's on the boundary."""
    inside = count == 2
    sums, degree = _neighbours(vertices, edges)
    beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / degree)) ** 2) / degree
    even: npt.NDArray[np.float64] = vertices * (1 - degree * beta) + beta * sums
    border, _ = _neighbours(vertices, edges[~inside])
    on_border = np.unique(edges[~inside])
    even[on_border] = 0.75 * vertices[on_border] + 0.125 * border[on_border]
    return even


def _neighbours(
    vertices: npt.NDArray[np.float64], edges: Ints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of the neighbours' places, (N, 3), and their number, (N, 1)."""
    sums, degree = np.zeros_like(vertices), np.zeros((len(vertices), 1))
    for one, other in ((0, 1), (1, 0)):
        np.add.at(sums, edges[:, one], vertices[edges[:, other]])
        np.add.at(degree, edges[:, one], 1)
    return sums, np.maximum(degree, 1)


def interpolating(points: Floats, triangles: Ints, times: int, rounds: int = 4) -> Mesh:
    """A smooth mesh that passes (nearly) through `points`: control points are moved until the surface meets them."""
    control = points.copy()
    for _ in range(rounds):
        smooth = subdivided(Mesh(control, triangles), 2)
        control += 0.8 * (points - smooth.vertices[: len(points)])
    return subdivided(Mesh(control, triangles), times)
