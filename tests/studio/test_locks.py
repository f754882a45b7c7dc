"""What was registered is written down, and read back only as it was written."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.config import Paths
from livecam.errors import StudioError
from livecam.studio.locks import File, Lock, Locked, forget, lock_path, read_lock, write_lock

HERE = Paths(Path("config"), Path("data"), Path("cache"))
LOCK = Lock(
    "flux1",
    "ab" * 32,
    "2026-11-21T10:00:00+00:00",
    "asked",
    {"base": Locked("/models/base", "MIT", {"vae/config.json": File(3, "cd" * 32), "a.json": File(1, "ef" * 32)})},
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config", tmp_path / "data", tmp_path / "cache")


def test_it_is_read_back_as_written_and_for_its_owner_alone(paths: Paths) -> None:
    path = write_lock(LOCK, paths)
    assert read_lock("flux1", paths) == LOCK
    assert path == lock_path("flux1", paths)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["version"] == 1
    assert LOCK.parts["base"].paths()["vae/config.json"] == Path("/models/base/vae/config.json")
    assert Locked("/a/b.safetensors", "", {"": File(1, "")}).paths() == {"": Path("/a/b.safetensors")}


def test_nothing_is_registered_where_there_is_no_lock(paths: Paths) -> None:
    assert read_lock("flux1", paths) is None
    assert not forget("flux1", paths)


def test_it_is_forgotten(paths: Paths) -> None:
    write_lock(LOCK, paths)
    assert forget("flux1", paths)
    assert read_lock("flux1", paths) is None


EDITS: list[Callable[[dict[str, object]], object]] = [
    lambda held: held.update(version=2),
    lambda held: held.update(backend="klein4b"),
    lambda held: held.pop("terms"),
    lambda held: held.update(terms="xy" * 32),
    lambda held: held.update(accepted=None),
    lambda held: held.update(parts=[]),
    lambda held: held.update(parts={"base": {"path": "models/base", "licence": "MIT", "files": {}}}),
    lambda held: held.update(parts={"base": {"path": "/a", "licence": "MIT", "files": {"a": {"size": "1"}}}}),
    lambda held: held.update(parts={"base": {"path": "/a", "licence": "MIT", "files": {"a": [1]}}}),
    *(
        lambda held, name=name: held.update(
            parts={"base": {"path": "/a", "licence": "MIT", "files": {name: {"size": 1, "sha256": "ab" * 32}}}}
        )
        for name in ("../a", "a/../../b", "/etc/passwd", "a//b", "./a", "a\\..\\b")
    ),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_lock_that_was_changed_by_hand_is_refused(paths: Paths, edit: Callable[[dict[str, object]], object]) -> None:
    path = write_lock(LOCK, paths)
    held = json.loads(path.read_text())
    edit(held)
    path.write_text(json.dumps(held))
    with pytest.raises(StudioError, match="changed by hand"):
        read_lock("flux1", paths)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b" " * (5 << 20)])
def test_a_damaged_lock_is_refused(paths: Paths, content: bytes) -> None:
    write_lock(LOCK, paths).write_bytes(content)
    with pytest.raises(StudioError, match="livecam studio register flux1"):
        read_lock("flux1", paths)


def test_what_the_disk_refuses_is_a_sentence(paths: Paths) -> None:
    paths.data.write_bytes(b"a file in the way")
    with pytest.raises(StudioError, match="cannot be written"):
        write_lock(LOCK, paths)
    paths.data.unlink()
    lock_path("flux1", paths).mkdir(parents=True)
    with pytest.raises(StudioError, match="cannot be deleted"):
        forget("flux1", paths)
    with pytest.raises(StudioError, match="cannot be read"):
        read_lock("flux1", paths)
