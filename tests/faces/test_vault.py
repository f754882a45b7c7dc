"""The vault: nothing readable at rest, nothing changed unnoticed, one key however many start at once."""

import os
import stat
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.errors import PersonaError
from livecam.faces import vault
from livecam.faces.vault import Vault, open_vault, system_ring


class Ring:
    def __init__(self, gives: str | None = None, forgets: bool = False) -> None:
        self.gives, self._forgets = gives, forgets

    def get_password(self, service: str, user: str, /) -> str | None:
        return self.gives

    def set_password(self, service: str, user: str, word: str, /) -> None:
        self.gives = None if self._forgets else word


class Locked(Ring):
    def get_password(self, service: str, user: str, /) -> str | None:
        raise RuntimeError("the ring is locked")


@settings(deadline=None)
@given(st.binary(max_size=400), st.text(max_size=30))
def test_what_is_sealed_comes_back_and_cannot_be_read(content: bytes, about: str) -> None:
    safe = Vault(bytes(range(32)))
    sealed = safe.seal(content, about)
    assert safe.open(sealed, about) == content
    assert len(content) < 8 or content not in sealed
    assert safe.seal(content, about) != sealed, "the same record never looks the same"


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, change: int) -> None:
    safe = Vault(bytes(32))
    sealed = bytearray(safe.seal(b"template", "ann"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(PersonaError, match="ann"):
        safe.open(bytes(sealed), "ann")


@pytest.mark.parametrize("sealed", [b"", b"LCV1", b"LCV1short", b"{}" * 40])
def test_what_is_no_record_is_refused(sealed: bytes) -> None:
    with pytest.raises(PersonaError):
        Vault(bytes(32)).open(sealed, "ann")


def test_a_record_does_not_pass_for_another_nor_in_another_installation(tmp_path: Path) -> None:
    safe = open_vault(tmp_path / "one")
    sealed = safe.seal(b"template", "ann")
    with pytest.raises(PersonaError, match="bob"):
        safe.open(sealed, "bob")
    with pytest.raises(PersonaError, match="another installation"):
        open_vault(tmp_path / "two").open(sealed, "ann")
    assert open_vault(tmp_path / "one").open(sealed, "ann") == b"template"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    open_vault(tmp_path / "data")
    key = tmp_path / "data" / "vault.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in key.parent.iterdir()] == ["vault.key"]
    key.chmod(0o640)
    with pytest.raises(PersonaError, match="chmod 600"):
        open_vault(tmp_path / "data")


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    key = tmp_path / "vault.key"
    key.write_bytes(b"short")
    key.chmod(0o600)
    with pytest.raises(PersonaError, match=r"vault\.key is damaged"):
        open_vault(tmp_path)


def test_many_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    vaults: list[Vault] = []
    threads = [threading.Thread(target=lambda: vaults.append(open_vault(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = vaults[0].seal(b"x", "ann")
    assert [each.open(sealed, "ann") for each in vaults] == [b"x"] * 8


def test_where_there_is_a_keyring_no_file_holds_the_key(tmp_path: Path) -> None:
    ring = Ring()
    sealed = open_vault(tmp_path, ring).seal(b"x", "ann")
    assert open_vault(tmp_path, ring).open(sealed, "ann") == b"x"
    (note,) = tmp_path.iterdir()
    assert (note.name, note.read_bytes()) == ("vault.in-keyring", b"")


def test_a_keyring_that_is_gone_is_told_and_no_second_key_made(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path, ring := Ring()).seal(b"who", "ann")
    with pytest.raises(PersonaError, match=r"in the system's keyring, which does not answer.*vault\.in-keyring"):
        open_vault(tmp_path)
    assert not (tmp_path / "vault.key").exists()
    assert open_vault(tmp_path, ring).open(sealed, "ann") == b"who"
    (tmp_path / "vault.in-keyring").unlink()
    assert open_vault(tmp_path)


def test_a_key_that_is_in_a_file_stays_there_when_a_keyring_comes(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path).seal(b"x", "ann")
    assert open_vault(tmp_path, Ring()).open(sealed, "ann") == b"x"


@pytest.mark.parametrize("ring", [Locked(), Ring("zz"), Ring("00"), Ring(forgets=True)])
def test_a_keyring_that_does_not_work_is_a_sentence(tmp_path: Path, ring: Ring) -> None:
    with pytest.raises(PersonaError, match="keyring"):
        open_vault(tmp_path, ring)


def test_asking_the_system_never_fails() -> None:
    ring = system_ring()
    assert ring is None or hasattr(ring, "get_password")


class _RingError(Exception):
    pass


def test_the_packages_own_errors_are_sentences_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        priority = 5

        def get_password(self, *_: str) -> str | None:
            raise _RingError("locked")

        def set_password(self, *_: str) -> None:
            raise _RingError("locked")

    modules = {
        "keyring": SimpleNamespace(get_keyring=Failing),
        "keyring.errors": SimpleNamespace(KeyringError=_RingError),
    }
    monkeypatch.setattr(vault, "import_module", modules.__getitem__)
    ring = system_ring()
    assert ring is not None
    with pytest.raises(PersonaError, match="locked"):
        open_vault(tmp_path, ring)
    with pytest.raises(RuntimeError, match="locked"):
        ring.set_password("a", "b", "c")
    monkeypatch.setattr(Failing, "priority", 0)
    assert system_ring() is None


def test_keys_for_other_uses_differ_and_stay(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    assert vault.key_for("mark") == open_vault(tmp_path).key_for("mark")
    assert len({vault.key_for("mark"), vault.key_for("audit"), open_vault(tmp_path / "other").key_for("mark")}) == 3
