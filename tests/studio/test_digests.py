"""Digests are remembered for files that look as they did, and for no others."""

import hashlib
import os
from pathlib import Path

import pytest

from livecam.studio import digests
from livecam.studio.digests import Digests


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.updates: list[tuple[int, int]] = []

    def update(self, stage: str, done: int, total: int) -> None:
        assert stage == "checking"
        self.updates.append((done, total))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {"one": tmp_path / "one", "two": tmp_path / "two"}
    for name, path in made.items():
        path.write_bytes(name.encode() * 100)
    return made


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_are_read_once(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, store = Told(), tmp_path / "cache" / "digests.json"
    assert Digests(store).of(files, told) == {name: sha(path) for name, path in files.items()}
    assert told.updates == [(300, 600), (600, 600)]
    monkeypatch.setattr(digests, "sha256_of", lambda *_: pytest.fail("was read again"))
    assert Digests(store).of(files) == {name: sha(path) for name, path in files.items()}


def test_it_can_be_told_to_read_them_anyway(files: dict[str, Path], tmp_path: Path) -> None:
    store, told = tmp_path / "digests.json", Told()
    Digests(store).of(files)
    before = files["one"].stat()
    files["one"].write_bytes(b"X" * 300)
    os.utime(files["one"], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Digests(store).of(files)["one"] != sha(files["one"]), "what the cache trusts"
    assert Digests(store, fresh=True).of(files, told)["one"] == sha(files["one"])
    assert told.updates[-1] == (600, 600)


@pytest.mark.parametrize("change", ["time", "size", "inode"])
def test_a_file_that_looks_otherwise_is_read(files: dict[str, Path], tmp_path: Path, change: str) -> None:
    store, path = tmp_path / "digests.json", files["one"]
    Digests(store).of(files)
    before = path.stat()
    if change == "inode":
        (tmp_path / "new").write_bytes(b"X" * 300)
        (tmp_path / "new").replace(path)
    else:
        path.write_bytes(b"X" * (301 if change == "size" else 300))
    later = 0 if change != "time" else 1_000_000_000
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + later))
    assert Digests(store).of(files)["one"] == sha(path)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{", b'{"files": []}', b'{"files": {"a": 1}}', b'{"files": {"a": {"sha256": 1}}}'),
        *(
            b'{"files": {"a": {"sha256": "x", "size": "1", "mtime_ns": 1, "inode": 1}}}',
            b"[" * 100_000,
            b" " * (9 << 20),
        ),
    ],
)
def test_what_cannot_be_read_is_started_anew(files: dict[str, Path], tmp_path: Path, content: bytes) -> None:
    store = tmp_path / "digests.json"
    store.write_bytes(content)
    assert Digests(store).of(files)["two"] == sha(files["two"])
    assert Digests(store).known(files["two"]) == sha(files["two"])


def test_a_cache_that_cannot_be_written_is_done_without(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert Digests(tmp_path / "file" / "digests.json").of(files)["one"] == sha(files["one"])
