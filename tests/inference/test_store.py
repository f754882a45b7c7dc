"""The cache of published networks: what counts as here, and what is never used."""

import errno
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.errors import WeightsCorrupt, WeightsMissing
from livecam.inference import store
from livecam.inference.files import sha256_of, write_whole
from livecam.inference.lock import locked
from livecam.inference.model import Model, Save
from livecam.inference.store import (
    Presence,
    alone,
    digest_of,
    installed,
    model_path,
    pin,
    presence,
    refuse_absent,
    remove,
)
from tests.inference.models import content, digest, network

DATA = content()
NET = network("net", DATA)
UNKNOWN = network("unknown")


def put(model: Model, cache: Path, data: bytes) -> Path:
    path = model_path(model, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which files were read whole."""
    read: list[Path] = []

    def counting(path: Path) -> str:
        read.append(path)
        return sha256_of(path)

    monkeypatch.setattr(store, "sha256_of", counting)
    return read


def test_what_is_not_there_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    assert presence(NET, tmp_path) is Presence.ABSENT
    with pytest.raises(WeightsMissing) as caught:
        installed(NET, tmp_path)
    assert str(caught.value) == f"The network net is not in {tmp_path}. Run: livecam models pull net"


def test_the_right_file_is_used(tmp_path: Path) -> None:
    path = put(NET, tmp_path, DATA)
    assert path == tmp_path / "net" / "net.onnx"
    assert presence(NET, tmp_path) is Presence.PRESENT
    assert installed(NET, tmp_path) == path


@pytest.mark.parametrize("data", [DATA[:-1], DATA[:-1] + b"!", b""], ids=["shorter", "changed", "empty"])
def test_another_file_is_not(tmp_path: Path, data: bytes) -> None:
    put(NET, tmp_path, data)
    assert presence(NET, tmp_path) is Presence.CORRUPT
    with pytest.raises(WeightsCorrupt, match=r"net\.onnx is not what it must be.*livecam models pull net"):
        installed(NET, tmp_path)


def test_every_known_save_is_accepted(tmp_path: Path) -> None:
    other = content(1, 30_000)
    model = replace(NET, saves=(*NET.saves, Save(digest(other), 0, "another")))
    put(model, tmp_path, other)
    assert presence(model, tmp_path) is Presence.PRESENT


def test_a_file_that_looks_as_before_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    path = put(NET, tmp_path, DATA)
    assert [presence(NET, tmp_path) for _ in range(3)] == [Presence.PRESENT] * 3
    assert reads == [path]
    presence(NET, tmp_path, fresh=True)
    assert reads == [path, path]


def test_a_file_of_another_size_is_not_read(tmp_path: Path, reads: list[Path]) -> None:
    put(NET, tmp_path, DATA[:-1])
    assert presence(NET, tmp_path, fresh=True) is Presence.CORRUPT
    assert reads == []


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = put(NET, tmp_path, DATA)
    assert presence(NET, tmp_path) is Presence.PRESENT
    later = time.time_ns() + 10**9
    path.write_bytes(DATA[:-1] + b"!")
    os.utime(path, ns=(later, later))
    assert presence(NET, tmp_path) is Presence.CORRUPT


def test_a_replaced_file_of_the_same_time_and_size_is_read_again(tmp_path: Path) -> None:
    path = put(NET, tmp_path, DATA)
    assert presence(NET, tmp_path) is Presence.PRESENT
    stamp, other = path.stat(), tmp_path / "other"
    other.write_bytes(DATA[:-1] + b"!")
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(path)
    assert presence(NET, tmp_path) is Presence.CORRUPT


def test_only_reading_it_whole_finds_a_change_that_does_not_show(tmp_path: Path) -> None:
    path = put(NET, tmp_path, DATA)
    assert presence(NET, tmp_path) is Presence.PRESENT
    stamp = path.stat()
    path.write_bytes(DATA[:-1] + b"!")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert presence(NET, tmp_path, fresh=True) is Presence.CORRUPT
    assert presence(NET, tmp_path) is Presence.CORRUPT


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": 1}', '{"sha256": "x", "size": "y"}'])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, text: str) -> None:
    put(NET, tmp_path, DATA).with_name("digest.json").write_text(text)
    assert presence(NET, tmp_path) is Presence.PRESENT


def test_a_cache_that_cannot_be_written_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(NET, tmp_path, DATA)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(store, "write_whole", refuse)
    assert presence(NET, tmp_path) is Presence.PRESENT


def test_a_file_that_cannot_be_read_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(NET, tmp_path, DATA)

    def refuse(_: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(store, "sha256_of", refuse)
    assert presence(NET, tmp_path) is Presence.CORRUPT


def test_without_a_known_digest_the_users_word_counts(tmp_path: Path) -> None:
    put(UNKNOWN, tmp_path, DATA)
    assert presence(UNKNOWN, tmp_path) is Presence.UNPINNED
    with pytest.raises(WeightsMissing, match="Nobody has vouched"):
        installed(UNKNOWN, tmp_path)
    pin(UNKNOWN, tmp_path, digest(DATA))
    assert installed(UNKNOWN, tmp_path) == model_path(UNKNOWN, tmp_path)
    put(UNKNOWN, tmp_path, content(2))
    assert presence(UNKNOWN, tmp_path) is Presence.CORRUPT


def test_a_pin_does_not_stand_against_what_the_project_knows(tmp_path: Path) -> None:
    put(NET, tmp_path, content(2))
    pin(NET, tmp_path, digest(content(2)))
    assert presence(NET, tmp_path) is Presence.CORRUPT


def test_removing_takes_all_of_it(tmp_path: Path) -> None:
    assert remove("net", tmp_path) is False
    put(NET, tmp_path, DATA)
    digest_of(NET, tmp_path)
    (tmp_path / "net" / "some.partial").write_bytes(b"x")
    (tmp_path / "net" / ".taking-x").mkdir()
    assert remove("net", tmp_path) is True
    assert not (tmp_path / "net").exists()


def test_folders_are_for_their_owner_alone_and_empty_ones_are_not_left(tmp_path: Path) -> None:
    cache = tmp_path / "above" / "cache"
    with alone("net", cache):
        (cache / "net").mkdir()
    assert [path.stat().st_mode & 0o777 for path in (cache.parent, cache, cache / ".locks")] == [0o700] * 3
    assert not (cache / "net").exists()


def test_two_at_once_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_LIMIT_S", 0.0)
    with (
        alone("net", tmp_path),
        pytest.raises(WeightsMissing, match=r"Another livecam.*models pull net"),
        store.reserved("net", "net", tmp_path, limit_s=0.0),
    ):
        pass
    with alone("net", tmp_path), alone("other", tmp_path):
        pass
    with locked(tmp_path / ".locks" / "net", 0.0):
        pass


@pytest.mark.parametrize(
    ("code", "told"),
    [(errno.ENOSPC, r"is full; what was fetched of net so far is kept\. Make room"), (errno.EROFS, "cannot be kept")],
)
def test_what_the_disk_refuses_is_a_sentence(tmp_path: Path, code: int, told: str) -> None:
    with pytest.raises(WeightsMissing, match=told) as caught, alone("net", tmp_path):
        raise OSError(code, os.strerror(code))
    assert "livecam models pull net" in str(caught.value)


def test_a_cache_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("")
    with pytest.raises(WeightsMissing, match="cannot be kept"), alone("net", cache):
        pass
    assert presence(NET, cache) in {Presence.ABSENT, Presence.CORRUPT}


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"old")]
    assert path.stat().st_mode & 0o077 == 0


def test_the_memory_is_json(tmp_path: Path) -> None:
    path = put(NET, tmp_path, DATA)
    digest_of(NET, tmp_path)
    held = json.loads(path.with_name("digest.json").read_text())
    assert held == {
        "sha256": digest(DATA),
        "size": len(DATA),
        "mtime_ns": path.stat().st_mtime_ns,
        "inode": path.stat().st_ino,
    }


def test_what_a_chain_lacks_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsMissing, match=r"net, unknown are not .*livecam models pull net unknown\. Or use --preset"
    ):
        refuse_absent([NET, UNKNOWN], tmp_path)
    put(NET, tmp_path, DATA)
    with pytest.raises(WeightsMissing, match=r"^unknown is not"):
        refuse_absent([NET, UNKNOWN], tmp_path)
    refuse_absent([NET], tmp_path)
