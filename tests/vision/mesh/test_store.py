import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from livecam.errors import PersonaError
from livecam.vision.mesh.store import load, save
from tests.vision.mesh.drawn import drawn_identity


@pytest.fixture(name="members", scope="module")
def saved_members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("store") / "good.npz"
    save(drawn_identity(), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(array: object, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=allow_pickle)
    return stream.getvalue()


def write(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_round_trip(tmp_path: Path) -> None:
    identity = drawn_identity()
    save(identity, tmp_path / "p.npz")
    again = load(tmp_path / "p.npz")
    assert len(again.levels) == len(identity.levels)
    for one, other in zip(identity.levels, again.levels, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.vertices, other.vertices)
    np.testing.assert_array_equal(identity.shape, again.shape)
    np.testing.assert_allclose(identity.cosines, again.cosines)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("shape.npy", npy(np.full((468, 3), np.nan))),
        ("shape.npy", npy(np.full((468, 3), 1e9))),
        ("shape.npy", npy(np.zeros((468, 3), np.float32))),
        ("shape.npy", npy(np.zeros((467, 3)))),
        ("vertices.npy", npy(np.full((506, 2), np.inf, np.float32))),
        ("vertices.npy", npy(np.full((506, 2), 1e6, np.float32))),
        ("cosines.npy", npy(np.zeros(3, np.float32))),
        ("image.npy", npy(np.zeros((64, 64, 3), np.uint8))),
        ("image.npy", npy(np.zeros((64, 64, 4), np.uint8))[:-10]),
        ("image.npy", npy(np.zeros((64, 64, 4), np.uint8)) + b"more"),
        ("image.npy", npy(np.zeros((8, 64, 4), np.uint8))),
        ("image.npy", npy(np.zeros((4, 64, 64), np.uint8).T)),
        ("image.npy", npy([{"a": 1}], allow_pickle=True)),
        (
            "image.npy",
            b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (999999999, 99999, 4)}\n",
        ),
        ("image.npy", b"\x93NUMPY\x01\x00\x10\x00__import__('os')"),
        ("image.npy", b"\x93NUMPY\x03\x00\x00\x00\x00\x00"),
        ("image.npy", b"junk"),
        ("format.npy", npy(np.int32(99))),
        ("format.npy", None),
    ],
)
def test_hostile_members_are_refused(tmp_path: Path, members: dict[str, bytes], name: str, data: bytes | None) -> None:
    changed = {key: value for key, value in members.items() if key != name}
    if data is not None:
        changed[name] = data
    with pytest.raises(PersonaError, match=r"bad\.npz"):
        load(write(tmp_path / "bad.npz", changed))


def test_the_unchanged_members_are_accepted(tmp_path: Path, members: dict[str, bytes]) -> None:
    assert load(write(tmp_path / "good.npz", members)).levels


def test_what_is_not_an_archive_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    (tmp_path / "text.npz").write_bytes(b"hello")
    whole = write(tmp_path / "whole.npz", members).read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    (tmp_path / "flipped.npz").write_bytes(flipped)
    for name in ("text.npz", "half.npz", "flipped.npz", "missing.npz"):
        with pytest.raises(PersonaError, match="Prepare it again"):
            load(tmp_path / name)
