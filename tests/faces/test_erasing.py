"""Erasing works on whatever lies there under a persona's name, takes nothing else, and says what is gone."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from livecam.core.persona import Basis
from livecam.errors import PersonaError
from livecam.faces.erasing import erase
from livecam.faces.favourites import Favourites
from livecam.faces.library import PersonaLibrary
from tests.faces.doubles import FakePreparer, photo

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    library = PersonaLibrary(tmp_path / "personas", {"mesh": FakePreparer()}, tmp_path / "cache")
    for name in ("ann", "ann-lee", "bob"):
        library.add(name, [photo(tmp_path, f"{name}.png", value=50 + len(name))], Basis.SELF)
    return tmp_path / "personas"


def favourites(root: Path) -> Favourites:
    return Favourites(root.parent / "favourites.json")


def test_what_was_begun_or_moved_aside_goes_too_and_nobody_elses(root: Path) -> None:
    for name in (".ann-abcd_123", ".ann.old", ".ann-lee-abcdefgh", ".bob-abcdefgh"):
        (root / name).mkdir()
        (root / name / "x").write_bytes(b"a face")
    receipt = erase(root, "ann", favourites(root), lambda: NOW)
    assert sorted(path.name for path in root.iterdir()) == [".ann-lee-abcdefgh", ".bob-abcdefgh", "ann-lee", "bob"]
    assert (receipt.persona, receipt.erased, receipt.left) == ("ann", "2026-07-01T12:00:00+00:00", ())
    files = {Path(gone.file).relative_to(root).as_posix(): gone for gone in receipt.files}
    assert set(files) == {
        ".ann-abcd_123/x",
        ".ann.old/x",
        "ann/consent.json",
        "ann/persona.json",
        "ann/photos/01.png.sealed",
        "ann/prepared/mesh.sealed",
    }
    assert files[".ann.old/x"].sha256 == hashlib.sha256(b"a face").hexdigest()
    assert (files[".ann.old/x"].bytes, receipt.favourite) == (6, False)
    with pytest.raises(PersonaError, match="no persona 'ann'"):
        erase(root, "ann", favourites(root))


def test_what_cannot_be_used_can_be_erased(root: Path) -> None:
    for file in ("persona.json", "consent.json"):
        (root / "bob" / file).write_bytes(b"\xff")
    os.mkfifo(root / "bob" / "pipe")
    (root / "bob" / "away").symlink_to(root / "ann", target_is_directory=True)
    receipt = erase(root, "bob", favourites(root))
    assert receipt.photos == ()
    assert {Path(gone.file).name for gone in receipt.files if not gone.sha256} == {"pipe"}
    assert (root / "ann" / "persona.json").is_file(), "no link is followed"
    assert not (root / "bob").exists()


def test_of_a_link_only_the_link_goes(root: Path, tmp_path: Path) -> None:
    (root / "bob").rename(tmp_path / "kept")
    (root / "bob").symlink_to(tmp_path / "kept", target_is_directory=True)
    receipt = erase(root, "bob", favourites(root))
    assert [gone.sha256 for gone in receipt.files] == [""]
    assert not (root / "bob").is_symlink()
    assert (tmp_path / "kept" / "persona.json").is_file()


def test_what_cannot_be_removed_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("livecam.faces.store.shutil.rmtree", refuse)
    receipt = erase(root, "ann", favourites(root))
    assert "Read-only file system" in receipt.left[0]
    assert receipt.files == ()


@pytest.mark.parametrize(("name", "told"), [("nobody", "cannot be erased"), ("Nobody", "cannot be erased")])
def test_nobody_stays(root: Path, name: str, told: str) -> None:
    with pytest.raises(PersonaError, match=told):
        erase(root, name, favourites(root))


@pytest.mark.parametrize("name", ["../personas", "", ".", "ann/../bob", "a\0b", "ann*"])
def test_no_name_leads_elsewhere(root: Path, name: str) -> None:
    with pytest.raises(PersonaError, match="cannot be a persona's name"):
        erase(root, name, favourites(root))
    assert len(list(root.iterdir())) == 3


def test_where_there_is_no_folder_there_is_nobody(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match="no persona 'ann'"):
        erase(tmp_path / "none", "ann", favourites(tmp_path / "none"))


def test_a_receipt_that_cannot_be_written_is_said(root: Path, tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match="cannot be written"):
        erase(root, "ann", favourites(root)).write(tmp_path / "none" / "receipt.json")
