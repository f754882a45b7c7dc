"""The library: whole or not at all, private, and honest about what was changed."""

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from livecam.core.frame import Image
from livecam.core.persona import Basis
from livecam.errors import ConsentRefused, PersonaError, PhotoRefused
from livecam.faces import library as library_module
from livecam.faces import store
from livecam.faces.library import BUILT_IN, Added, PersonaLibrary
from tests.faces.doubles import FakeIdentity, FakePreparer, encoded, photo

PICTURE = encoded(".jpg", value=90)


@pytest.fixture
def preparer() -> FakePreparer:
    return FakePreparer()


@pytest.fixture
def library(tmp_path: Path, preparer: FakePreparer) -> PersonaLibrary:
    return PersonaLibrary(tmp_path / "data" / "personas", {"mesh": preparer}, tmp_path / "cache", lambda: PICTURE)


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(".")]


def test_add_show_load_remove(library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path) -> None:
    first, second = photo(tmp_path, "front.png"), photo(tmp_path, "left.jpg", width=50)
    whole = library.add("ann", [first, second], Basis.WRITTEN, "Ann Example")
    assert whole == Added(library.show("ann"), ())
    added = whole.entry
    assert added.consent is not None
    assert added.consent.photo_digests == added.photos
    assert (added.consent.basis, added.consent.subject) == (Basis.WRITTEN, "Ann Example")
    assert library.names() == (BUILT_IN, "ann")
    assert preparer.prepared == [(str(first), str(second))]
    first.unlink()
    persona = library.load("ann")
    assert preparer.loaded == 1
    assert len(preparer.prepared) == 1
    assert persona.identity["mesh"] == FakeIdentity(((30, 40, 3), (30, 50, 3)))
    assert persona.consent == added.consent
    library.remove("ann")
    assert library.names() == (BUILT_IN,)
    with pytest.raises(PersonaError, match="no persona 'ann'"):
        library.load("ann")


def test_everything_is_private(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("ann", [photo(tmp_path)], Basis.SELF)
    root = tmp_path / "data" / "personas"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for path in (root / "ann", *(root / "ann").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert leftovers(root) == []


def test_photos_are_kept_byte_for_byte(library: PersonaLibrary, tmp_path: Path) -> None:
    source = photo(tmp_path, "holiday.JPG".lower())
    entry = library.add("ann", [source], Basis.SELF).entry
    assert entry.folder is not None
    assert [kept.data for kept in library.photos("ann")] == [source.read_bytes()]


def test_nothing_of_a_face_can_be_read_at_rest(library: PersonaLibrary, tmp_path: Path) -> None:
    source = photo(tmp_path, height=60, width=90)
    folder = library.add("ann", [source], Basis.SELF).entry.folder
    library.load("ann")
    assert folder is not None
    kept = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert set(kept) == {"consent.json", "persona.json", "photos/01.png.sealed", "prepared/mesh.sealed"}
    for name, content in kept.items():
        assert source.read_bytes()[:24] not in content, name
        assert b"[[60, 90, 3]]" not in content, name
    elsewhere = PersonaLibrary(tmp_path / "other" / "personas", {"mesh": FakePreparer()}, tmp_path / "cache")
    shutil.copytree(folder, tmp_path / "other" / "personas" / "ann")
    with pytest.raises(ConsentRefused, match="another installation"):
        elsewhere.load("ann")


def test_no_file_passes_for_another_ones(library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path) -> None:
    first, second = photo(tmp_path, "a.png", value=90), photo(tmp_path, "b.png", value=91)
    ann = library.add("ann", [first, second], Basis.SELF).entry.folder
    bob = library.add("bob", [first, second], Basis.SELF).entry.folder
    assert ann is not None
    assert bob is not None
    shutil.copy(bob / "prepared" / "mesh.sealed", ann / "prepared" / "mesh.sealed")
    library.load("ann")
    assert len(preparer.prepared) == 3, "bob's is not taken, though it is of the same photos"
    shutil.copy(bob / "consent.json", ann / "consent.json")
    with pytest.raises(ConsentRefused, match="another persona's"):
        library.load("ann")
    (bob / "photos" / "01.png.sealed").rename(bob / "photos" / "03.png.sealed")
    (bob / "photos" / "02.png.sealed").rename(bob / "photos" / "01.png.sealed")
    (bob / "photos" / "03.png.sealed").rename(bob / "photos" / "02.png.sealed")
    with pytest.raises(PersonaError, match=r"01\.png\.sealed was changed"):
        library.show("bob")


def test_name_clash_and_replace(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("ann", [photo(tmp_path)], Basis.SELF)
    other = photo(tmp_path, "other.png", value=7)
    for name in ("ann", "ANN"):
        with pytest.raises(PersonaError, match=r"already a persona 'ann'.*--replace"):
            library.add(name, [other], Basis.SELF)
    with pytest.raises(PersonaError, match="already a persona 'ann'"):
        library.add("ANN", [other], Basis.SELF, replace=True)
    before = library.show("ann").photos
    assert library.add("ann", [other], Basis.LICENSED, replace=True).entry.photos != before
    assert leftovers(tmp_path / "data" / "personas") == []


def test_refused_photo_leaves_the_old_persona_whole(library: PersonaLibrary, tmp_path: Path) -> None:
    before = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    black = photo(tmp_path, "black.png", value=0)
    with pytest.raises(PhotoRefused, match=r"black\.png shows no face"):
        library.add("ann", [black], Basis.SELF, replace=True)
    assert library.show("ann") == before
    assert leftovers(tmp_path / "data" / "personas") == []
    with pytest.raises(PhotoRefused):
        library.add("new", [black], Basis.SELF)
    assert library.names() == (BUILT_IN, "ann")


def test_failed_last_step_brings_the_old_one_back(
    library: PersonaLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name.startswith(".ann-"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(PersonaError, match="cannot be written: No space left"):
        library.add("ann", [photo(tmp_path, "b.png", value=1)], Basis.SELF, replace=True)
    assert library.show("ann") == before
    assert leftovers(tmp_path / "data" / "personas") == []


def test_replacement_cut_short_is_recovered(library: PersonaLibrary, tmp_path: Path) -> None:
    before = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    root = tmp_path / "data" / "personas"
    (root / "ann").rename(root / ".ann.old")
    assert library.names() == (BUILT_IN, "ann")
    assert library.show("ann") == before


def test_two_adders_of_one_name(library: PersonaLibrary, tmp_path: Path) -> None:
    target = tmp_path / "personas" / "ann"

    def add_while_another_does() -> None:
        with store.whole_folder(target, replace=False) as new:
            (new / "x").touch()
            target.mkdir()

    with pytest.raises(PersonaError, match="meanwhile"):
        add_while_another_does()
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["../ann", "a/b", "", ".x", "con", "a b"])
def test_traps_in_names(library: PersonaLibrary, tmp_path: Path, name: str) -> None:
    for act in (library.show, library.load, library.remove):
        with pytest.raises(PersonaError, match="cannot be a persona's name"):
            act(name)
    with pytest.raises(PersonaError, match="cannot be a persona's name"):
        library.add(name, [photo(tmp_path)], Basis.SELF)
    assert not (tmp_path / "data").exists()


def test_unicode_names(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("Zoe\u0308", [photo(tmp_path)], Basis.SELF)
    assert library.names() == (BUILT_IN, "Zoë")
    assert library.load("Zoë").name == "Zoë"


def test_unknown_name_names_the_nearest(library: PersonaLibrary) -> None:
    with pytest.raises(PersonaError, match="Did you mean 'nobody'"):
        library.load("nobdy")


def test_photo_rules(library: PersonaLibrary, tmp_path: Path) -> None:
    one = photo(tmp_path)
    with pytest.raises(PhotoRefused, match="no photos in"):
        library.add("ann", [], Basis.SELF)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhotoRefused, match=r"no photos in .*empty"):
        library.add("ann", [tmp_path / "empty"], Basis.SELF)
    with pytest.raises(PhotoRefused, match="There is no file"):
        library.add("ann", [tmp_path / "missing.jpg"], Basis.SELF)
    with pytest.raises(PhotoRefused, match="201 files"):
        library.add("ann", [one] * 201, Basis.SELF)
    added = library.add("ann", [one, photo(tmp_path, "copy.png"), tmp_path / "missing.jpg"], Basis.SELF)
    assert len(added.entry.photos) == 1
    assert "is the same photo as" in added.skipped[0]
    assert "There is no file" in added.skipped[1]


def test_folder_of_photos(library: PersonaLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number in range(22):
        photo(folder, f"{number:02}.png", value=100 + number)
    (folder / ".hidden").touch()
    (folder / "notes.txt").write_text("not a photo")
    added = library.add("ann", [folder], Basis.SELF)
    assert len(added.entry.photos) == 20
    assert len(added.skipped) == 3
    assert "21.png: 20 other photos are as good or better." in "".join(added.skipped)
    assert "notes.txt is no JPEG" in "".join(added.skipped)
    with pytest.raises(PhotoRefused, match=r"None of 4 photos.*notes.*And 1 more"):
        library.add("bob", [folder / "notes.txt", *(tmp_path / name for name in "abc")], Basis.SELF)


def test_what_a_swapper_refuses_is_skipped_where_others_do(library: PersonaLibrary, tmp_path: Path) -> None:
    black, good = photo(tmp_path, "black.png", value=0), photo(tmp_path)
    added = library.add("ann", [black, good], Basis.SELF)
    assert len(added.entry.photos) == 1
    assert "black.png shows no face" in added.skipped[0]
    with pytest.raises(PhotoRefused, match="shows no face"):
        library.add("bob", [black, photo(tmp_path, "other.png", value=0, width=9)], Basis.SELF)


def test_unwritable_root(tmp_path: Path, preparer: FakePreparer) -> None:
    (tmp_path / "file").touch()
    library = PersonaLibrary(tmp_path / "file" / "personas", {"mesh": preparer}, tmp_path / "cache", lambda: PICTURE)
    with pytest.raises(PersonaError, match="cannot be written"):
        library.add("ann", [photo(tmp_path)], Basis.SELF)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_root(library: PersonaLibrary, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(PersonaError, match="cannot be written: Permission denied"):
        library.add("ann", [photo(tmp_path)], Basis.SELF)


def test_new_version_prepares_again(library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path) -> None:
    library.add("ann", [photo(tmp_path)], Basis.SELF)
    old = library.load("ann").digest
    preparer.version = "2"
    assert library.load("ann").digest != old
    assert len(preparer.prepared) == 2
    library.load("ann")
    assert len(preparer.prepared) == 2


@pytest.mark.parametrize("damage", [b"[[1, 2, 3]]", b"", b"LCV1" + bytes(80)])
def test_damaged_cache_is_made_again(
    library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path, damage: bytes
) -> None:
    entry = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    assert entry.folder is not None
    (entry.folder / "prepared" / "mesh.sealed").write_bytes(damage)
    assert library.load("ann").identity["mesh"] == FakeIdentity(((30, 40, 3),))
    assert len(preparer.prepared) == 2
    shutil.rmtree(entry.folder / "prepared")
    library.load("ann")
    library.load("ann")
    assert len(preparer.prepared) == 3


def test_cache_that_the_preparer_cannot_read_is_made_again(
    library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: IO[bytes]) -> FakeIdentity:
        raise ValueError("old form")

    library.add("ann", [photo(tmp_path)], Basis.SELF)
    monkeypatch.setattr(preparer, "load", refuse)
    assert library.load("ann").identity["mesh"] == FakeIdentity(((30, 40, 3),))


def test_what_is_erased_while_it_is_loaded_does_not_come_back(
    library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = library.add("ann", [photo(tmp_path)], Basis.SELF).entry.folder
    assert folder is not None
    shutil.rmtree(folder / "prepared")
    prepare = preparer.prepare

    def erased_meanwhile(images: Sequence[Image], names: Sequence[str]) -> FakeIdentity:
        shutil.rmtree(folder)
        return prepare(images, names)

    monkeypatch.setattr(preparer, "prepare", erased_meanwhile)
    library.load("ann")
    assert not folder.exists()


def test_changed_photo_is_refused(library: PersonaLibrary, tmp_path: Path) -> None:
    entry = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    assert entry.folder is not None
    stored = entry.folder / "photos" / "01.png.sealed"
    stored.write_bytes(encoded(value=3))
    with pytest.raises(PersonaError, match=r"01\.png\.sealed was changed after it was added"):
        library.show("ann")
    assert library.load("ann").identity["mesh"] == FakeIdentity(((30, 40, 3),)), "of the photos as they were"
    stored.unlink()
    with pytest.raises(PersonaError, match=r"01\.png\.sealed cannot be read"):
        library.load("ann")
    assert "cannot be read" in library.entries()[1].problem
    library.remove("ann")


def test_links_and_pipes_are_not_followed(library: PersonaLibrary, tmp_path: Path) -> None:
    folder = library.add("ann", [photo(tmp_path)], Basis.SELF).entry.folder
    assert folder is not None
    consent, text = folder / "consent.json", (folder / "consent.json").read_bytes()
    (tmp_path / "moved.json").write_bytes(text)
    consent.unlink()
    consent.symlink_to(tmp_path / "moved.json")
    with pytest.raises(PersonaError, match=r"consent\.json cannot be read: it is a link"):
        library.load("ann")
    consent.unlink()
    os.mkfifo(consent)
    with pytest.raises(PersonaError, match=r"consent\.json cannot be read: it is no ordinary file"):
        library.load("ann")
    consent.unlink()
    consent.write_bytes(text + b" " * (1 << 17))
    with pytest.raises(PersonaError, match="larger than"):
        library.load("ann")
    consent.write_bytes(text)
    library.load("ann")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PersonaError, match="is a link, not a folder"):
        library.load("ann")
    assert "is a link" in library.entries()[1].problem


def test_what_does_not_hold_is_listed_with_its_reason_and_not_loaded(library: PersonaLibrary, tmp_path: Path) -> None:
    library.add("ann", [photo(tmp_path)], Basis.SELF, expires="2020-01-01T00:00:00.000+00:00")
    with pytest.raises(ConsentRefused, match="ended on 2020-01-01"):
        library.load("ann")
    shown = library.show("ann")
    assert "ended on 2020-01-01" in shown.problem
    assert shown.consent is not None
    with pytest.raises(ConsentRefused, match="on what ground"):
        library.add("bob", [photo(tmp_path)], Basis.UNSTATED)
    assert library.names() == (BUILT_IN, "ann")


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        '{"format": 3, "added": "x", "photos": [1]}',
        '{"format": 2, "added": "x", "photos": []}',
        '{"format": 2, "added": "x", "photos": [{"file": "../../secret.png", "sha256": "%s"}]}' % ("0" * 64),
        '{"format": 2, "added": "x", "photos": [{"file": "01.png", "sha256": "0"}]}',
        " " * 70_000,
        "[" * 100_000,
    ],
)
def test_forged_record_is_refused(library: PersonaLibrary, tmp_path: Path, record: str) -> None:
    entry = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    assert entry.folder is not None
    (entry.folder / "persona.json").write_text(record)
    with pytest.raises(PersonaError, match=r"persona\.json"):
        library.load("ann")


def test_persona_needs_its_consent(library: PersonaLibrary, tmp_path: Path) -> None:
    entry = library.add("ann", [photo(tmp_path)], Basis.SELF).entry
    assert entry.folder is not None
    record = entry.folder / "consent.json"
    text = record.read_text()
    record.write_text(text.replace("false", "true"))
    with pytest.raises(ConsentRefused, match="changed after it was signed"):
        library.load("ann")
    about = entry.folder / "persona.json"
    record.write_text(text)
    about.write_text(about.read_text().replace(entry.photos[0], "0" * 64))
    with pytest.raises(ConsentRefused, match="covers other photos"):
        library.load("ann")
    record.unlink()
    with pytest.raises(PersonaError, match=r"consent\.json cannot be read"):
        library.load("ann")


def test_built_in_is_always_there_and_cannot_be_touched(
    library: PersonaLibrary, preparer: FakePreparer, tmp_path: Path
) -> None:
    persona = library.load(BUILT_IN)
    assert persona.name == "nobody"
    assert persona.consent.basis is Basis.SYNTHETIC
    assert library.load("nobody").digest == persona.digest
    assert len(preparer.prepared) == 1
    for name in ("nobody", "Nobody"):
        with pytest.raises(PersonaError, match="built-in persona and cannot be replaced"):
            library.add(name, [photo(tmp_path)], Basis.SELF, replace=True)
    with pytest.raises(PersonaError, match="cannot be removed"):
        library.remove("nobody")
    (tmp_path / "data" / "personas" / "nobody").mkdir(parents=True)
    assert library.names() == ("nobody",)


def test_built_in_works_without_a_writable_cache(tmp_path: Path, preparer: FakePreparer) -> None:
    (tmp_path / "file").touch()
    library = PersonaLibrary(tmp_path / "none", {"mesh": preparer}, tmp_path / "file", lambda: PICTURE)
    assert library.load("nobody").identity["mesh"] == FakeIdentity(((30, 40, 3),))


def test_built_in_picture_comes_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert library_module.built_in_photo().startswith(b"\xff\xd8\xff")
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    with pytest.raises(PersonaError, match="Install livecam again"):
        library_module.built_in_photo()


def test_stray_files_and_badly_named_folders(library: PersonaLibrary, tmp_path: Path) -> None:
    root = tmp_path / "data" / "personas"
    (root / "not a name").mkdir(parents=True)
    (root / "stray.txt").touch()
    entries = library.entries()
    assert [entry.name for entry in entries] == ["nobody", "not a name"]
    assert "cannot be a persona's name" in entries[1].problem
