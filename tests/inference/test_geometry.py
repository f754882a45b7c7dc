"""The committed description of the face mesh against the package it was derived from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from livecam.errors import ModelError
from livecam.inference.convert import geometry as derived

Geometry = Mapping[str, npt.NDArray[np.generic]]
SMALL = 40_000


def metadata_of(geometry: Geometry) -> str:
    """The committed canonical face in the text form that the derivation reads."""
    rows = np.hstack([geometry["vertices"], geometry["uv"]])
    lines = [f"landmark_id: {row} weight: {weight}" for row, weight in _basis(geometry)]
    lines += [f"vertex_buffer: {value:.6f}" for value in rows.ravel()]
    lines += [f"index_buffer: {row}" for row in geometry["triangles"].ravel()]
    return "\n".join(lines)


def _basis(geometry: Geometry) -> list[tuple[int, float]]:
    return list(zip(geometry["procrustes_index"].tolist(), geometry["procrustes_weight"].tolist(), strict=True))


def test_committed_file_is_what_the_wheel_gives(geometry: Geometry, mesh_wheel: Path) -> None:
    made = derived.derive(mesh_wheel, metadata_of(geometry))
    assert made.keys() == geometry.keys()
    for name, array in made.items():
        assert array.dtype == geometry[name].dtype, name
        np.testing.assert_array_equal(array, geometry[name], err_msg=name)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vertices", (468, 3)),
        ("uv", (468, 2)),
        ("triangles", (898, 3)),
        ("tessellation", (852, 3)),
        ("oval", (36,)),
        ("mouth", (20,)),
        ("left_eye_ring", (16,)),
        ("right_eye_ring", (16,)),
        ("lips", (80,)),
        ("left_eye", (71,)),
        ("right_eye", (71,)),
        ("left_iris", (5,)),
        ("right_iris", (5,)),
    ],
)
def test_shapes(name: str, shape: tuple[int, ...], geometry: Geometry) -> None:
    assert geometry[name].shape == shape


def test_file_is_small() -> None:
    path = Path(derived.__file__).parents[2] / "vision" / "mesh" / "face_geometry.npz"
    assert path.stat().st_size < SMALL


def test_left_is_the_images_left(geometry: Geometry) -> None:
    x = np.asarray(geometry["vertices"])[:, 0]
    assert x[geometry["left_eye_ring"]].max() < 0 < x[geometry["right_eye_ring"]].min()
    assert x[geometry["left_eye"]].max() < 0 < x[geometry["right_eye"]].min()


@pytest.mark.parametrize("name", ["oval", "mouth", "left_eye_ring", "right_eye_ring"])
def test_rings_go_clockwise_round_the_opening(name: str, geometry: Geometry) -> None:
    ring = geometry[name]
    edges = {frozenset(edge) for edge in zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True)}
    triangles = geometry["tessellation"].tolist()
    uses = [sum(edge <= set(triangle) for triangle in triangles) for edge in edges]
    assert uses == [1] * len(ring)
    x, y = np.asarray(geometry["vertices"], np.float64)[ring, :2].T
    assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) < 0


def test_refuses_edges_that_are_no_triangles() -> None:
    with pytest.raises(ModelError, match="triangles"):
        derived._tessellation("FACEMESH_TESSELATION = [(1, 2), (3, 4), (5, 6)]")


def test_refuses_another_canonical_face(tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.pbtxt"
    metadata.write_text("vertex_buffer: 1.0")
    with pytest.raises(ModelError, match="pinned description"):
        derived.main([str(tmp_path / "wheel"), str(metadata), str(tmp_path / "out.npz")])
