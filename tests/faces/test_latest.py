"""A record from before the last change of a consent is not believed, in whatever run it is put back."""

import logging
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livecam.core.persona import Basis
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces import latest
from livecam.faces.consent_terms import stamped
from livecam.faces.consents import Change, Consents
from livecam.faces.erasing import erase
from livecam.faces.favourites import Favourites
from livecam.faces.library import PersonaLibrary
from livecam.faces.renewing import renew
from livecam.faces.vault import open_vault
from tests.faces.doubles import FakePreparer, photo

OLDER = "older than one that was there before"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data" / "personas"
    for number, name in enumerate(("ann", "bob")):
        library(root).add(name, [photo(tmp_path, f"{name}.png", value=50 + number)], Basis.SELF)
    return root


def library(root: Path) -> PersonaLibrary:
    """As another run has it."""
    return PersonaLibrary(root, {"mesh": FakePreparer()}, root.parent / "cache")


def marks(root: Path) -> list[Path]:
    return sorted((root.parent / "consents").iterdir())


def test_a_copy_from_before_it_was_taken_back_is_refused_at_the_next_load_until_it_is_given_anew(root: Path) -> None:
    record = root / "ann" / "consent.json"
    before = record.read_bytes()
    Consents(root).revoke("ann")
    record.write_bytes(before)
    for look in (lambda: library(root).load("ann"), lambda: Consents(root).read("ann")):
        with pytest.raises(ConsentRefused, match=f"{OLDER}.*faces consent ann --renew --basis self"):
            look()
    assert OLDER in library(root).listed("ann").problem
    assert library(root).load("bob").name == "bob"
    with pytest.raises(ConsentRefused, match="on what ground"):
        renew(root, "ann", Change(), Consents(root))
    renew(root, "ann", Change(basis=Basis.SELF), Consents(root))
    assert library(root).load("ann").name == "ann"
    record.write_bytes(before)
    with pytest.raises(ConsentRefused, match=OLDER):
        library(root).load("ann")


@pytest.mark.parametrize("erased", [False, True])
def test_a_persona_that_was_removed_and_is_put_back_is_refused_and_may_be_added_anew(
    root: Path, tmp_path: Path, erased: bool
) -> None:
    shutil.copytree(root / "ann", tmp_path / "backup")
    if erased:
        erase(root, "ann", Favourites(root.parent / "favourites.json"))
    else:
        library(root).remove("ann")
    shutil.copytree(tmp_path / "backup", root / "ann")
    with pytest.raises(ConsentRefused, match="from before it was removed"):
        library(root).load("ann")
    library(root).remove("ann")
    library(root).add("ann", [photo(tmp_path, "ann.png", value=50)], Basis.SELF)
    assert library(root).load("ann").name == "ann"


def test_what_is_known_is_for_its_owner_alone_and_names_nobody(root: Path, tmp_path: Path) -> None:
    # What is sealed holds a name of three letters by chance, once in a hundred thousand times.
    library(root).add("annabella", [photo(tmp_path, "annabella.png", value=60)], Basis.SELF)
    for path in marks(root):
        assert os.name != "posix" or path.stat().st_mode & 0o077 == 0
        assert b"annabella" not in path.name.encode() + path.read_bytes()
    assert len(marks(root)) == 3


@pytest.mark.parametrize("damage", ["changed", "another's", "a folder"])
def test_where_it_cannot_be_told_no_record_is_believed_until_it_is_given_anew(root: Path, damage: str) -> None:
    first, second = marks(root)
    if damage == "changed":
        for path in (first, second):
            path.write_bytes(path.read_bytes()[:-1] + b"\0\0")
    elif damage == "another's":
        one = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(one)
    else:
        for path in (first, second):
            path.unlink()
            path.mkdir()
    with pytest.raises(ConsentRefused, match="cannot be told, so its record is not believed"):
        library(root).load("ann")
    if damage == "a folder":
        with pytest.raises(PersonaError, match="cannot be written"):
            renew(root, "ann", Change(basis=Basis.SELF), Consents(root))
        return
    renew(root, "ann", Change(basis=Basis.SELF), Consents(root))
    assert library(root).load("ann").name == "ann"


def test_an_older_livecam_kept_none_and_its_personas_are_worn(root: Path) -> None:
    shutil.rmtree(root.parent / "consents")
    assert library(root).load("ann").name == "ann"
    Consents(root).revoke("ann")
    assert len(marks(root)) == 1


@pytest.mark.parametrize("look", [lambda root: library(root).load("ann"), lambda root: Consents(root).read("ann")])
def test_from_the_first_look_on_an_older_copy_is_refused_of_those_too(
    root: Path, look: Callable[[Path], object]
) -> None:
    record = root / "ann" / "consent.json"
    before = record.read_bytes()
    renew(root, "ann", Change(), Consents(root))
    shutil.rmtree(root.parent / "consents")
    look(root)
    record.write_bytes(before)
    with pytest.raises(ConsentRefused, match=OLDER):
        library(root).load("ann")


def test_where_nothing_can_be_kept_of_the_first_look_it_is_worn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise PersonaError("The disk is full.")

    shutil.rmtree(root.parent / "consents")
    monkeypatch.setattr(latest, "keep", full)
    assert library(root).load("ann").name == "ann"


def test_a_new_record_is_later_than_the_last_one_though_the_clock_was_set_back(root: Path) -> None:
    vault, folder = open_vault(root.parent), root / "ann"
    ahead = datetime(2099, 1, 1, tzinfo=UTC)
    latest.keep(vault, folder, stamped(ahead))
    assert latest.after(vault, folder) == ahead + timedelta(milliseconds=1)
    assert latest.after(vault, folder, ahead + timedelta(days=1)) == ahead + timedelta(days=1)
    renew(root, "ann", Change(basis=Basis.SELF), Consents(root))
    assert library(root).load("ann").consent.recorded == "2099-01-01T00:00:00.001+00:00"


def test_taking_it_back_again_keeps_what_was_not_kept(root: Path) -> None:
    before = (root / "ann" / "consent.json").read_bytes()
    Consents(root).revoke("ann")
    shutil.rmtree(root.parent / "consents")
    Consents(root).revoke("ann")
    (root / "ann" / "consent.json").write_bytes(before)
    with pytest.raises(ConsentRefused, match=OLDER):
        library(root).load("ann")


def test_who_is_removed_goes_though_nothing_can_be_kept_of_it(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(root.parent / "consents")
    (root.parent / "consents").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        library(root).remove("ann")
    assert not (root / "ann").exists()
    assert "would count again if it were put back" in caplog.text
