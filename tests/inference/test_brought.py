"""Networks in folders that a user already has."""

import errno
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.errors import WeightsCorrupt, WeightsMissing
from livecam.inference import brought
from livecam.inference.brought import Haul, look, take
from livecam.inference.model import Model, Save
from livecam.inference.progress import Silent
from livecam.inference.store import DigestUnknown, Presence, presence
from tests.inference.models import content, digest, network

DATA, OTHER = content(), content(1, 50_000)
NET = network("net", DATA, OTHER)
UNKNOWN = network("unknown", urls=["https://example.org/models/Unknown_v2.onnx"])
PACKED = network("packed", content(2), urls=["https://example.org/pack%201.zip?x=1#sub/inner.onnx"])


def search(place: Path, *models: Model) -> Haul:
    return look(place, models or (NET, UNKNOWN, PACKED), Silent())


def names(haul: Haul) -> dict[str, str]:
    return {find.model.name: find.path.name for find in haul.finds}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "brought"
    path.mkdir()
    return path


def test_files_are_recognised_whatever_they_are_called(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "whatever.bin").write_bytes(OTHER)
    (folder / "noise.onnx").write_bytes(content(9))
    haul = search(folder)
    assert names(haul) == {"net": "whatever.bin"}
    assert (haul.looked_at, haul.complete, haul.strangers) == (2, True, ())
    path = take(haul.finds[0], tmp_path / "cache")
    assert path.read_bytes() == OTHER
    assert presence(NET, tmp_path / "cache") is Presence.PRESENT
    assert path.stat().st_ino == (folder / "a" / "b" / "whatever.bin").stat().st_ino
    assert {entry.name for entry in path.parent.iterdir()} == {"net.onnx", "digest.json"}


def test_a_single_file_can_be_named(folder: Path) -> None:
    (folder / "x").write_bytes(DATA)
    assert names(search(folder / "x")) == {"net": "x"}


def test_only_files_of_a_known_size_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counting(path: Path) -> str:
        read.append(path.name)
        return ""

    monkeypatch.setattr(brought, "sha256_of", counting)
    for name, size in (("big.onnx", 40_001), ("right.bin", 40_000)):
        (folder / name).write_bytes(content(3, size))
    search(folder)
    assert read == ["right.bin"]


def test_where_a_size_is_not_known_every_network_is_read(folder: Path) -> None:
    sizeless = replace(NET, saves=(Save(digest(DATA), 0, "somebody"),))
    (folder / "x.ONNX").write_bytes(DATA)
    (folder / "y.bin").write_bytes(DATA)
    assert names(search(folder, sizeless)) == {"net": "x.ONNX"}


def test_known_names_with_unknown_content_are_told(folder: Path) -> None:
    (folder / "net.onnx").write_bytes(content(5))
    haul = search(folder)
    assert haul.finds == ()
    (stranger,) = haul.strangers
    assert (stranger.path.name, stranger.model, stranger.sha256) == ("net.onnx", "net", digest(content(5)))


def test_a_network_of_unknown_digest_goes_by_its_name_and_the_users_word(folder: Path, tmp_path: Path) -> None:
    (folder / "unknown_V2.onnx").write_bytes(DATA[:-1])
    (folder / "unknown.onnx").write_text("<html>")
    haul = search(folder, UNKNOWN)
    assert names(haul) == {"unknown": "unknown_V2.onnx"}
    assert [stranger.path.name for stranger in haul.strangers] == ["unknown.onnx"]
    cache = tmp_path / "cache"
    with pytest.raises(DigestUnknown):
        take(haul.finds[0], cache)
    assert not (cache / "unknown").exists()
    take(haul.finds[0], cache, frozenset([digest(DATA[:-1])]))
    assert presence(UNKNOWN, cache) is Presence.PRESENT


def test_an_archive_that_an_origin_names_is_looked_into(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(folder / "pack 1.zip", "w") as held:
        held.writestr("sub/inner.onnx", content(2))
        held.writestr("sub/net.onnx", DATA)
    haul = search(folder)
    assert names(haul) == {"packed": "pack 1.zip"}
    assert take(haul.finds[0], tmp_path / "cache").read_bytes() == content(2)


@pytest.mark.parametrize("held", [{"sub/inner.onnx": content(3)}, {"else": b""}], ids=["other", "none"])
def test_an_archive_without_it_is_passed_over(folder: Path, held: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "pack 1.zip", "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    assert search(folder).finds == ()


def test_links_are_followed_inside_only(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(DATA)
    (folder / "file").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert search(folder).looked_at == 0
    (folder / "blobs").mkdir()
    (folder / "blobs" / "1a2b").write_bytes(DATA)
    (folder / "blobs" / "1a2b").rename(folder / "blobs" / "3c")
    (folder / "net.onnx").symlink_to(folder / "blobs" / "3c")
    haul = search(folder)
    assert names(haul) == {"net": "net.onnx"}
    path = take(haul.finds[0], tmp_path / "cache")
    assert not path.is_symlink()
    assert path.read_bytes() == DATA


def test_the_search_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = folder.joinpath(*"abc")
    deep.mkdir(parents=True)
    (deep / "net").write_bytes(DATA)
    assert names(search(folder)) == {"net": "net"}
    monkeypatch.setattr(brought, "DEEPEST", 3)
    assert (search(folder).finds, search(folder).complete) == ((), False)
    monkeypatch.setattr(brought, "MOST_FILES", 2)
    for name in "xyz":
        (folder / name).write_bytes(b"x")
    assert (search(folder).looked_at, search(folder).complete) == (2, False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "net.onnx")
    assert search(folder).looked_at == 0


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no such folder cannot be read: No such file"):
        search(tmp_path / "no such folder")


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_a_folder_that_cannot_be_read_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(WeightsMissing, match="Permission denied"):
        search(folder)


def test_parts_that_cannot_be_read_are_passed_over_and_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "net").write_bytes(DATA)
    monkeypatch.setattr(brought, "sha256_of", refuse)
    haul = search(folder)
    assert (haul.finds, haul.complete) == ((), False)


def test_where_links_do_not_work_it_is_copied(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "x").write_bytes(DATA)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = take(search(folder).finds[0], tmp_path / "cache")
    assert path.read_bytes() == DATA
    assert path.stat().st_ino != (folder / "x").stat().st_ino
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_changed_since_it_was_found_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "x").write_bytes(DATA)
    haul = search(folder)
    (folder / "x").write_bytes(content(4))
    with pytest.raises(WeightsCorrupt, match="changed while it was taken"):
        take(haul.finds[0], tmp_path / "cache")
    assert presence(NET, tmp_path / "cache") is Presence.ABSENT


def test_a_read_only_file_can_be_taken(folder: Path, tmp_path: Path) -> None:
    (folder / "x").write_bytes(DATA)
    (folder / "x").chmod(0o444)
    assert take(search(folder).finds[0], tmp_path / "cache").read_bytes() == DATA
