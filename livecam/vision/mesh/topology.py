"""The face mesh: which landmarks form triangles, rings and pairs. Constant data, loaded once.

Conventions. Landmarks come from the network in image axes: x right, y down, z towards the scene (smaller is nearer),
all in px. The canonical face in ``face_geometry.npz`` is metric with y up and z towards the camera; it is turned into
image axes once, here, by `pose.canonical_shape`, which also makes forehead to chin 1: the face height, the unit of all
sizes in this package. "Left" is always the image's left, as in core.face.

Besides the 468 landmarks the mesh has 38 vertices of its own: an outer ring, one for each vertex of the oval and a
little outside it, so that the texture can be sampled beyond the edge; and the two iris centres, so that eyes can look.
"""

from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Points
from livecam.vision.mesh.pose import PoseFitter, canonical_shape, face_height, mean_row

LANDMARKS = 468
"""Landmarks of the face itself; rows from here on are the irises, five each, centre first."""

_LEFT_IRIS, _RIGHT_IRIS = 468, 473
_RING_OUT = 0.18
_RING_DEPTH = 0.05
_INSET = 0.05
# Eye corners, nose, forehead, chin, cheek bones and jaw angles: what the skull moves and expressions hardly do.
_RIGID = (33, 133, 362, 263, 6, 168, 197, 195, 5, 4, 1, 10, 151, 9, 152, 234, 454, 127, 356, 58, 288)

Indices: TypeAlias = npt.NDArray[np.int32]
"""Rows of a landmark or vertex array, int32."""


class Pair(NamedTuple):
    """Two lids or lips that meet when they close; row i of one lies across from row i of the other."""

    upper: Indices
    lower: Indices


@dataclass(frozen=True, slots=True, eq=False)
class MeshTopology:
    """All that is constant about the mesh.

    Attributes:
        canonical: (468, 3) f32, an average neutral face in image axes, centred, face height 1.
        triangles: (T, 3) i32 rows of a vertex array: `skin` of them tile the face without holes, then come those
            that close mouth and eyes, then from `inner` on the strip between oval and outer ring.
        corners: `triangles` as three (T,) arrays.
        orientation: (T,) f32, +1 or -1: sign of each triangle's area when it faces the camera.
        oval: (36,) rows around the face, clockwise as seen, from the forehead.
        mouth: (20,) rows around the mouth's opening, clockwise from its left corner.
        eyes: (16,) rows around each eye's opening, left then right, clockwise from the left corner.
        lips: (80,) rows of the lips.
        lip_pair: Inner upper and lower lip.
        lid_pairs: Upper and lower lid, left then right.
        mirror: (468,) the row on the other side of the face.
        skin: How many triangles are skin.
        inner: How many triangles lie inside the oval.
    """

    canonical: Points
    triangles: Indices
    corners: tuple[Indices, Indices, Indices]
    orientation: Points
    oval: Indices
    mouth: Indices
    eyes: tuple[Indices, Indices]
    lips: Indices
    lip_pair: Pair
    lid_pairs: tuple[Pair, Pair]
    mirror: Indices
    skin: int
    inner: int

    @property
    def vertices(self) -> int:
        """How many vertices a vertex array has: landmarks, outer ring, iris centres."""
        return LANDMARKS + len(self.oval) + 2

    def extend(self, points: Points) -> Points:
        """The vertex array of a face's landmarks.

        Args:
            points: (468, 3) or (478, 3) f32 px; without irises the eyes look straight ahead.

        Returns:
            (`vertices`, 3) f32: the landmarks, the outer ring, the left and the right iris centre.
        """
        vertices = np.empty((self.vertices, 3), dtype=np.float32)
        vertices[:LANDMARKS] = points[:LANDMARKS]
        oval = points[self.oval]
        ring = vertices[LANDMARKS:-2]
        np.subtract(oval, mean_row(oval), out=ring)
        ring *= np.float32(_RING_OUT)
        ring[:, 2] = _RING_DEPTH * face_height(points)
        ring += oval
        for row, iris, eye in zip((-2, -1), (_LEFT_IRIS, _RIGHT_IRIS), self.eyes, strict=True):
            vertices[row] = mean_row(points[eye])
            if len(points) > iris:
                vertices[row, :2] = points[iris, :2]
        return vertices

    def inset(self, vertices: Points) -> Points:
        """A copy of a vertex array with oval and outer ring drawn in a little.

        A texture is sampled at these, so that no hair or background is seen at the edge.
        """
        drawn = vertices.copy()
        edge = np.concatenate([self.oval, np.arange(LANDMARKS, LANDMARKS + len(self.oval))])
        drawn[edge, :2] += (vertices[self.oval, :2].mean(axis=0) - vertices[edge, :2]) * np.float32(_INSET)
        return drawn


def facing(topology: MeshTopology, vertices: Points) -> Points:
    """(T,) f32: cosine between each triangle's normal and the line of sight, negative where it faces away."""
    first, second, third = topology.corners
    # Coordinate by coordinate: three times as fast as arrays of short rows.
    x, y, z = np.ascontiguousarray(vertices.T)
    ax, ay, az = x[second] - x[first], y[second] - y[first], z[second] - z[first]
    bx, by, bz = x[third] - x[first], y[third] - y[first], z[third] - z[first]
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    cosines: Points = nz / (np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-6)) * topology.orientation
    return cosines


def load_topology() -> MeshTopology:
    """Read the mesh from the package's data file and derive the rest."""
    with resources.files(__package__).joinpath("face_geometry.npz").open("rb") as file, np.load(file) as data:
        arrays = {name: data[name] for name in data.files}
    oval, mouth = arrays["oval"], arrays["mouth"]
    eyes = (arrays["left_eye_ring"], arrays["right_eye_ring"])
    fillings = [_ladder(mouth), _star(eyes[0], -2, oval), _star(eyes[1], -1, oval)]
    skin = len(arrays["tessellation"])
    inner = skin + sum(len(filling) for filling in fillings)
    triangles = np.concatenate([arrays["tessellation"], *fillings, _strip(oval)]).astype(np.int32)
    canonical = canonical_shape(arrays["vertices"]).astype(np.float32)
    topology = MeshTopology(
        canonical=canonical,
        triangles=triangles,
        corners=(triangles[:, 0].copy(), triangles[:, 1].copy(), triangles[:, 2].copy()),
        orientation=np.ones(len(triangles), dtype=np.float32),
        oval=oval,
        mouth=mouth,
        eyes=eyes,
        lips=arrays["lips"],
        lip_pair=_pair(mouth),
        lid_pairs=(_pair(eyes[0]), _pair(eyes[1])),
        mirror=_mirror(canonical),
        skin=skin,
        inner=inner,
    )
    _orient(topology)
    for array in (canonical, triangles, *topology.corners, topology.orientation, topology.mirror, *arrays.values()):
        array.flags.writeable = False
    return topology


def _orient(topology: MeshTopology) -> None:
    """Fill in `orientation` from the canonical face, which looks straight at the camera."""
    vertices = topology.extend(topology.canonical)
    topology.orientation[:] = np.sign(_areas(vertices, topology.triangles))
    # Its mouth and eyes are nearly closed: opened for what fills them, so that this has an area.
    for pair in (topology.lip_pair, *topology.lid_pairs):
        vertices[pair.upper, 1] -= 0.02
        vertices[pair.lower, 1] += 0.02
    filling = slice(topology.skin, topology.inner)
    topology.orientation[filling] = np.sign(_areas(vertices, topology.triangles[filling]))


def _areas(vertices: Points, triangles: Indices) -> Points:
    """(T,) f32: twice the signed area of each triangle in the picture plane."""
    corners = vertices[triangles, :2]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas: Points = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return areas


def _mirror(canonical: Points) -> Indices:
    """(468,) i32: the row nearest to each landmark's mirror image."""
    flipped = canonical * np.array([-1, 1, 1], dtype=np.float32)
    distances = np.linalg.norm(canonical[:, None] - flipped[None], axis=2)
    nearest: Indices = distances.argmin(axis=0).astype(np.int32)
    return nearest


def _pair(ring: Indices) -> Pair:
    """Upper and lower half of a ring that starts at its left corner and runs clockwise, corners left out."""
    half = len(ring) // 2
    return Pair(ring[1:half].copy(), ring[:half:-1].copy())


def _ladder(ring: Indices) -> Indices:
    """Triangles that fill a ring by rungs between its upper and lower half."""
    upper, lower = (side.tolist() for side in _pair(ring))
    left, right = int(ring[0]), int(ring[len(ring) // 2])
    rungs = [(left, upper[0], lower[0]), (upper[-1], right, lower[-1])]
    for (a, b), (c, d) in zip(pairwise(upper), pairwise(lower), strict=True):
        rungs += [(a, b, c), (b, d, c)]
    return np.array(rungs, dtype=np.int32)


def _star(ring: Indices, centre: int, oval: Indices) -> Indices:
    """Triangles from a ring to the vertex that lies `centre` rows from the end (negative) of the vertex array."""
    hub = LANDMARKS + len(oval) + 2 + centre
    return np.array([(a, b, hub) for a, b in _around(ring)], dtype=np.int32)


def _strip(oval: Indices) -> Indices:
    """Triangles between the oval and the outer ring."""
    strip = []
    for k, (a, b) in enumerate(_around(oval)):
        c, d = LANDMARKS + k, LANDMARKS + (k + 1) % len(oval)
        strip += [(a, b, c), (b, d, c)]
    return np.array(strip, dtype=np.int32)


def _around(ring: Indices) -> list[tuple[int, int]]:
    """The edges of a ring."""
    rows = ring.tolist()
    return list(zip(rows, rows[1:] + rows[:1], strict=True))


TOPOLOGY = load_topology()
"""The one mesh; its arrays are read-only."""


def rigid_fitter() -> PoseFitter:
    """Finds head poses from the landmarks that expressions move least."""
    return PoseFitter(TOPOLOGY.canonical.astype(np.float64), np.array(_RIGID, dtype=np.int32))
