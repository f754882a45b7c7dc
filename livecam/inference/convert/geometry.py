"""Derives `livecam/vision/mesh/face_geometry.npz`, the public description of the 468-point face mesh.

Two sources, both Apache-2.0 and both The MediaPipe Authors': the pinned wheel's `face_mesh_connections.py` (which
landmarks are joined) and attention network (which landmarks its refinements replace); and, from the source repository,
as no wheel carries it, `mediapipe/modules/face_geometry/data/geometry_pipeline_metadata_landmarks.pbtxt` (the canonical
face). Developers run this, users never do::

    python -m livecam.inference.convert.geometry WHEEL METADATA.pbtxt OUT.npz

Left is the image's left, as everywhere in livecam (the side of landmark 33, the pictured person's right): it stays
true when a camera mirrors.
"""

import re
import sys
import zipfile
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.errors import ModelError
from livecam.inference.convert.flex import read_map
from livecam.inference.convert.tflite import parse

Geometry = dict[str, npt.NDArray[np.generic]]
Edge = tuple[int, int]

METADATA_SHA256: Final = "55ca7c4c7bf195673b9d12a1b5d49d4b9c82b5ade8fed4b565496590866e359d"
CONNECTIONS: Final = "mediapipe/python/solutions/face_mesh_connections.py"
ATTENTION: Final = "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite"
LANDMARKS: Final = 468

# A ring starts at its landmark and goes clockwise as seen in the image: forehead; left corners of mouth and eyes.
RINGS: Final = {"oval": 10, "mouth": 78, "left_eye_ring": 33, "right_eye_ring": 362}
REFINEMENTS: Final = ("lips", "left_eye", "right_eye")
IRISES: Final = {"left_iris": range(468, 473), "right_iris": range(473, 478)}


def derive(wheel: Path, metadata: str) -> Geometry:
    """All arrays of the file.

    Args:
        wheel: The pinned mediapipe wheel.
        metadata: The text of geometry_pipeline_metadata_landmarks.pbtxt.

    Returns:
        What `canonical` and `from_wheel` return, together.
    """
    return canonical(metadata) | from_wheel(wheel, metadata)


def canonical(metadata: str) -> Geometry:
    """The canonical face.

    Returns:
        `vertices` (468, 3) f32 cm, x to the image's right, y up, z towards the camera; `uv` (468, 2) f32 0..1, v
        down; `triangles` (898, 3) i32, mouth and eyes closed; `procrustes_index` (33,) i32 and `procrustes_weight`
        (33,) f32, the landmarks a head pose is fitted on.
    """
    numbers = re.findall(r"vertex_buffer: (-?[\d.e-]+)", metadata)
    corners = re.findall(r"index_buffer: (\d+)", metadata)
    basis = re.findall(r"landmark_id: (\d+) weight: ([\d.e-]+)", metadata)
    rows = np.array(numbers, np.float32).reshape(LANDMARKS, 5)
    return {
        "vertices": rows[:, :3],
        "uv": rows[:, 3:],
        "triangles": np.array(corners, np.int32).reshape(-1, 3),
        "procrustes_index": np.array([row for row, _ in basis], np.int32),
        "procrustes_weight": np.array([weight for _, weight in basis], np.float32),
    }


def from_wheel(wheel: Path, metadata: str) -> Geometry:
    """What the wheel says about the mesh.

    Returns:
        `tessellation` (852, 3) i32, mouth and eyes open; its boundaries `oval` (36,), `mouth`
        (20,), `left_eye_ring` and `right_eye_ring` (16,) i32, each in order; `lips` (80,), `left_eye`, `right_eye`
        (71,), `left_iris`, `right_iris` (5,) i32: the landmark that each row of the attention network's refinement
        of that name replaces.
    """
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read(CONNECTIONS).decode()
        network = archive.read(ATTENTION)
    tessellation = _tessellation(source)
    vertices = canonical(metadata)["vertices"]
    rings = _boundary_rings(tessellation, vertices)
    irises = {name: np.array(rows, np.int32) for name, rows in IRISES.items()}
    return {"tessellation": tessellation} | rings | _refinements(network) | irises


def _tessellation(source: str) -> npt.NDArray[np.int32]:
    """Triangles from the list of edges, which holds three edges of one triangle after the other."""
    listed = source[source.index("FACEMESH_TESSELATION") :]
    edges = [(int(a), int(b)) for a, b in re.findall(r"\((\d+), *(\d+)\)", listed)]
    triangles = [
        list(dict.fromkeys(corner for edge in edges[i : i + 3] for corner in edge)) for i in range(0, len(edges), 3)
    ]
    if any(len(triangle) != 3 for triangle in triangles):
        raise ModelError("The mesh's list of edges is not made of triangles.", "Use the pinned wheel.")
    return np.array(triangles, np.int32)


def _boundary_rings(triangles: npt.NDArray[np.int32], vertices: npt.NDArray[np.generic]) -> Geometry:
    """The chains of edges that belong to one triangle only, by the landmark in RINGS that they hold."""
    uses = Counter(tuple(sorted((int(t[i]), int(t[i - 1])))) for t in triangles for i in range(3))
    neighbours: dict[int, list[int]] = {}
    for (a, b), count in uses.items():
        if count == 1:
            neighbours.setdefault(a, []).append(b)
            neighbours.setdefault(b, []).append(a)
    return {name: np.array(_ring(neighbours, start, vertices), np.int32) for name, start in RINGS.items()}


def _ring(neighbours: dict[int, list[int]], start: int, vertices: npt.NDArray[np.generic]) -> list[int]:
    ring, current = [start], neighbours[start][0]
    while current != start:
        following = next(n for n in neighbours[current] if n != ring[-1])
        ring.append(current)
        current = following
    x, y = vertices[ring, 0].astype(np.float64), vertices[ring, 1].astype(np.float64)
    twice_area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))  # positive: counter-clockwise with y up
    return ring if twice_area < 0 else [start, *ring[:0:-1]]


def _refinements(network: bytes) -> Geometry:
    """The index lists in the options of the network's own operators, in the order lips, image-left eye, image-right."""
    operators = [op for op in parse(network).operators if op.custom == "Landmarks2TransformMatrix"]
    lists = [read_map(op.custom_options)["subset_idxs"] for op in operators]
    return {name: np.array(rows, np.int32) for name, rows in zip(REFINEMENTS, lists, strict=True)}


def main(arguments: list[str]) -> None:
    """Write the file: WHEEL METADATA OUT."""
    wheel, metadata, out = (Path(argument) for argument in arguments)
    raw = metadata.read_bytes()
    if sha256(raw).hexdigest() != METADATA_SHA256:
        raise ModelError(
            f"{metadata} is not the pinned description of the face.", "Take it from MediaPipe's repository."
        )
    np.savez_compressed(out, allow_pickle=False, **derive(wheel, raw.decode()))


if __name__ == "__main__":
    main(sys.argv[1:])
