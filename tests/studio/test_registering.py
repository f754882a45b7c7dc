"""What a user brings is looked at, agreed to, and locked."""

import hashlib
from pathlib import Path

import pytest

from livecam.config import Paths
from livecam.errors import StudioError
from livecam.studio import published
from livecam.studio.layouts import BASE
from livecam.studio.locks import read_lock
from livecam.studio.registering import ACCEPTED, SHOWN, look, register, terms_digest, terms_told
from livecam.studio.terms import Slot
from tests.studio.model_files import FREELY, PULID_SHAPES, SMALL, safetensors, small_parts, write


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUX.1 is small here."""
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": SMALL})


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    return small_parts(tmp_path / "models")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config", tmp_path / "data", tmp_path / "cache")


def refused(given: dict[str, Path]) -> str:
    with pytest.raises(StudioError) as told:
        look("flux1", given)
    return str(told.value)


def test_all_is_found_and_locked_with_size_and_digest(given: dict[str, Path], paths: Paths) -> None:
    found = look("flux1", given)
    lock = register(found, paths, ACCEPTED)
    assert read_lock("flux1", paths) == lock
    assert lock.parts.keys() == given.keys()
    assert lock.how == ACCEPTED
    weights = given[BASE] / "transformer" / "diffusion_pytorch_model.safetensors"
    locked = lock.parts[BASE].files["transformer/diffusion_pytorch_model.safetensors"]
    assert locked.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert locked.size == weights.stat().st_size
    assert lock.parts["eva"].files.keys() == {""}
    assert "README.md" not in lock.parts[BASE].files
    assert found.size == sum(file.size for part in lock.parts.values() for file in part.files.values())


def test_nothing_is_copied_or_changed(given: dict[str, Path], paths: Paths, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "models").rglob("*")}
    register(look("flux1", given), paths, ACCEPTED)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "models").rglob("*")} == before
    assert len([path for path in paths.data.rglob("*") if path.is_file()]) == 1


def test_terms_that_ask_for_an_answer_are_not_passed_by(
    given: dict[str, Path], paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudioError, match="have to be accepted"):
        register(look("flux1", given), paths, SHOWN)
    assert read_lock("flux1", paths) is None
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": FREELY})
    assert register(look("flux1", given), paths, SHOWN).how == SHOWN


def test_each_licence_is_shown_once_with_all_it_is_of(given: dict[str, Path]) -> None:
    told = look("flux1", given).terms
    assert told.count("Research only.") == 1
    assert "a small base, a small PuLID\nLicence: Research" in told
    assert "small control network, small eyes\nLicence: MIT" in told.replace("a small control", "small control")
    assert terms_digest(SMALL, given) == hashlib.sha256(told.encode()).hexdigest()
    assert terms_told(SMALL, [BASE]) != told


def test_without_a_base_or_an_adapter_nothing_is_registered(given: dict[str, Path]) -> None:
    assert "does not know whom to show. Add --tokens or --attention or --landmarks" in refused({BASE: given[BASE]})
    assert "base of flux1 was not named" in refused({Slot.LANDMARKS: given[Slot.LANDMARKS]})


def test_an_adapter_asks_for_what_it_needs(given: dict[str, Path]) -> None:
    del given["eva"]
    assert refused(given) == (
        "a small PuLID does not work without small eyes (somebody/eyes eyes.pt). Add --extra eva=FILE."
    )


def test_a_file_in_the_wrong_slot_is_told_by_its_key(given: dict[str, Path]) -> None:
    given["eva"] = given[Slot.ATTENTION]
    assert "is not the eyes: it has no key" in refused(given)


def test_a_slot_without_weights_and_an_unknown_extra_are_told(given: dict[str, Path]) -> None:
    assert "no public tokens weights" in refused({**given, Slot.TOKENS: given["eva"]})
    assert "has no part 'nose'" in refused({**given, "nose": given["eva"]})


def test_a_pickle_is_refused_unopened(given: dict[str, Path], tmp_path: Path) -> None:
    assert "livecam studio convert" in refused({**given, "eva": write(tmp_path / "eva.pt", b"cos\nsystem\n")})


def test_a_folder_where_a_file_belongs_is_refused(given: dict[str, Path], tmp_path: Path) -> None:
    assert "is not a .safetensors file" in refused({**given, "eva": tmp_path})


def test_an_unknown_backend_is_told() -> None:
    with pytest.raises(StudioError, match="There is no studio backend 'sd15'"):
        look("sd15", {})


def test_registering_again_replaces_the_lock(given: dict[str, Path], paths: Paths) -> None:
    register(look("flux1", given), paths, ACCEPTED)
    write(given[Slot.ATTENTION], safetensors({**PULID_SHAPES, "more": (1,)}))
    lock = register(look("flux1", {BASE: given[BASE], Slot.LANDMARKS: given[Slot.LANDMARKS]}), paths, ACCEPTED)
    assert read_lock("flux1", paths) == lock
    assert Slot.ATTENTION not in lock.parts


def test_a_file_that_goes_away_meanwhile_is_a_sentence(given: dict[str, Path], paths: Paths) -> None:
    found = look("flux1", given)
    given["eva"].unlink()
    with pytest.raises(StudioError, match=r"eva.safetensors cannot be read"):
        register(found, paths, ACCEPTED)
