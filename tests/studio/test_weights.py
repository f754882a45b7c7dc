"""Weights are given out only while they are what was registered."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.config import Paths
from livecam.errors import StudioError
from livecam.inference.recipe import Licence
from livecam.studio import published
from livecam.studio.layouts import BASE, Component, Form
from livecam.studio.locks import lock_path, write_lock
from livecam.studio.registering import ACCEPTED, SHOWN, look, register
from livecam.studio.terms import Slot
from livecam.studio.weights import slots_of, states, vectors_of, weights_of
from tests.studio.model_files import EYES_SHAPES, FREELY, SMALL, safetensors, small_parts, write


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUX.1 is small here, and there is no other."""
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": SMALL})
    monkeypatch.setattr("livecam.studio.weights.CAPS", ("flux1", "tiny"))


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    return small_parts(tmp_path / "models")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config", tmp_path / "data", tmp_path / "cache")


@pytest.fixture(autouse=True)
def registered(small: None, given: dict[str, Path], paths: Paths) -> None:
    register(look("flux1", given), paths, ACCEPTED)


def refused(paths: Paths, *, fresh: bool = False) -> str:
    with pytest.raises(StudioError) as told:
        weights_of("flux1", paths, fresh=fresh)
    return str(told.value)


def test_they_are_given_by_slot_and_extra(given: dict[str, Path], paths: Paths) -> None:
    weights = weights_of("flux1", paths)
    assert weights is not None
    assert weights.base == given[BASE].resolve()
    assert weights.adapters == {slot: given[slot] for slot in (Slot.ATTENTION, Slot.LANDMARKS)}
    assert weights.extras == {"eva": given["eva"]}


def test_whose_vectors_an_adapter_knows_is_told_by_its_file(
    given: dict[str, Path], paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulid = SMALL.parts[Slot.ATTENTION]
    others = Form("another", {"elsewhere": (1,)}, vectors="one"), replace(pulid.forms[0], vectors="two")
    eyes = replace(SMALL.parts["eva"], fills=Slot.TOKENS)
    control = replace(SMALL.parts[Slot.LANDMARKS].folder or Component("", frozenset()), form=others[0])
    parts = {
        Slot.ATTENTION: replace(pulid, forms=others),
        Slot.LANDMARKS: replace(SMALL.parts[Slot.LANDMARKS], folder=control),
        "eva": eyes,
    }
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": replace(SMALL, parts=parts)})
    assert vectors_of("flux1", paths) == {Slot.ATTENTION: "two", Slot.LANDMARKS: "one"}
    parts["eva"] = replace(eyes, forms=(replace(eyes.forms[0], vectors="three"),))
    assert vectors_of("flux1", paths)[Slot.TOKENS] == "three"
    weights = weights_of("flux1", paths)
    assert weights is not None
    assert slots_of("flux1", weights) == frozenset(Slot)
    given[Slot.ATTENTION].write_bytes(b"no tensors")
    with pytest.raises(StudioError, match="not a sound safetensors file"):
        vectors_of("flux1", paths)
    assert vectors_of("tiny", paths) == {}
    lock_path("flux1", paths).unlink()
    assert vectors_of("flux1", paths) == {}


def test_a_backend_that_needs_none_gets_none(paths: Paths) -> None:
    assert weights_of("tiny", paths) is None
    with pytest.raises(StudioError, match="There is no studio backend"):
        weights_of("none", paths)


def test_nothing_registered_says_where_to_fetch_it(paths: Paths) -> None:
    lock_path("flux1", paths).unlink()
    told = refused(paths)
    assert "No weights are registered for flux1 (a small base). Fetch them yourself from somebody/base" in told
    assert "livecam studio register flux1 --base FOLDER" in told
    assert "--backend tiny" in told


def test_a_changed_file_of_the_same_size_is_refused(given: dict[str, Path], paths: Paths) -> None:
    content = bytearray(given["eva"].read_bytes())
    content[-1] ^= 1
    write(given["eva"], bytes(content))
    assert "eva.safetensors is not what was registered: its SHA-256 is " in refused(paths)


def test_a_change_that_hides_is_found_when_all_is_read(given: dict[str, Path], paths: Paths) -> None:
    before = given["eva"].stat()
    content = bytearray(given["eva"].read_bytes())
    content[-1] ^= 1
    given["eva"].write_bytes(content)
    os.utime(given["eva"], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights_of("flux1", paths) is not None, "what the remembered digests trust"
    assert "is not what was registered" in refused(paths, fresh=True)


def test_a_file_of_another_size_or_none_is_refused(given: dict[str, Path], paths: Paths) -> None:
    write(given["eva"], safetensors({**EYES_SHAPES, "more": (1,)}))
    assert "another size" in refused(paths)
    given["eva"].unlink()
    assert "eva.safetensors is gone" in refused(paths)


@pytest.mark.parametrize("name", ["transformer/more.safetensors", "tokenizer/added_tokens.json"])
def test_a_new_file_in_a_folder_that_is_read_is_refused(given: dict[str, Path], paths: Paths, name: str) -> None:
    write(given[BASE] / name, safetensors({"a": (1,)}))
    assert f"holds a file that was not registered: {name}" in refused(paths)


def test_code_that_came_later_is_refused(given: dict[str, Path], paths: Paths) -> None:
    write(given[BASE] / "pipeline.py", b"program")
    assert "is a program" in refused(paths)


def test_a_file_exchanged_for_a_link_is_refused(given: dict[str, Path], paths: Paths, tmp_path: Path) -> None:
    path = given[BASE] / "transformer" / "config.json"
    path.rename(tmp_path / "config.json")
    path.symlink_to(tmp_path / "config.json")
    assert "leads out of its folder" in refused(paths)


def test_terms_in_other_words_are_asked_for_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Licence("Research", "a university", False, "Not even research.", "LICENSE")
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": replace(SMALL, base=replace(SMALL.base, licence=other))})
    assert "in other words than when you accepted them" in refused(paths)


def test_terms_that_nobody_accepted_are_refused(
    given: dict[str, Path], paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": FREELY})
    register(look("flux1", given), paths, SHOWN)
    assert weights_of("flux1", paths) is not None
    monkeypatch.setattr(published, "LAYOUTS", {"flux1": SMALL})
    assert "were not accepted" in refused(paths)


def test_a_lock_without_a_base_or_with_a_part_that_is_none_is_refused(paths: Paths) -> None:
    lock = json.loads(lock_path("flux1", paths).read_text())
    held = register(look("flux1", {name: Path(part["path"]) for name, part in lock["parts"].items()}), paths, ACCEPTED)
    write_lock(replace(held, parts={"eva": held.parts["eva"]}), paths)
    assert "names no base" in refused(paths)
    write_lock(replace(held, parts={**held.parts, "nose": held.parts["eva"]}), paths)
    assert "no part 'nose'" in refused(paths)


def test_states_tell_what_is_here_without_reading_it(given: dict[str, Path], paths: Paths) -> None:
    found = {state.name: state for state in states(paths)}
    assert (found["flux1"].problem, found["tiny"].problem, found["tiny"].lock) == ("", "", None)
    assert found["flux1"].size == sum(
        path.stat().st_size
        for path in given[BASE].parent.rglob("*")
        if path.suffix in (".safetensors", ".json", ".txt")
    )
    given["eva"].unlink()
    assert "is gone" in next(states(paths)).problem
    lock_path("flux1", paths).write_text("{")
    assert "changed by hand" in next(states(paths)).problem
    lock_path("flux1", paths).unlink()
    assert next(states(paths)).lock is None
