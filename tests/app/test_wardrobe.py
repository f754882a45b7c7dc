"""What is worn stays ready, whatever else is tried on, and what is not worn does not fill memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from livecam.app.wardrobe import Wardrobe, stamp_of, weight_of
from livecam.core.frame import Image
from livecam.core.persona import Basis, Consent, Persona
from livecam.errors import PersonaError

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Texture:
    levels: tuple[Image, ...]


class Library:
    def __init__(self, identity: Mapping[str, object] | None = None) -> None:
        self.loaded: list[str] = []
        self._identity = identity or {}

    def load(self, name: str) -> Persona:
        if name == "eve":
            raise PersonaError("There is no persona 'eve'.")
        self.loaded.append(name)
        return Persona(name, self._identity, Consent(Basis.SELF, "", "", ()), str(len(self.loaded)))


def test_what_is_ready_is_not_made_again() -> None:
    library = Library()
    wardrobe = Wardrobe(library.load)
    assert wardrobe.get("ann") is None
    ann = wardrobe.prepare("ann")
    assert wardrobe.prepare("ann") is ann is wardrobe.get("ann")
    assert library.loaded == ["ann"]
    with pytest.raises(PersonaError):
        wardrobe.prepare("eve")


def test_of_fifty_personas_the_worn_and_the_kept_ones_stay() -> None:
    wardrobe = Wardrobe(Library({"mesh": np.empty(MEGABYTE, np.uint8)}).load, most_bytes=5 * MEGABYTE + MEGABYTE // 2)
    wardrobe.prepare("grace", keep=True)
    wardrobe.prepare("ann")
    for number in range(50):
        wardrobe.prepare(f"p{number}")
        assert wardrobe.get("ann") is not None, "worn in every frame"
    assert wardrobe.get("grace") is not None
    ready = [number for number in range(50) if wardrobe.get(f"p{number}") is not None]
    assert ready == [46, 47, 48, 49]


def test_what_was_just_made_ready_stays_however_large_it_is() -> None:
    wardrobe = Wardrobe(Library({"mesh": np.empty(MEGABYTE, np.uint8)}).load, most_bytes=1)
    assert wardrobe.prepare("ann") is wardrobe.get("ann")
    wardrobe.prepare("bob")
    assert wardrobe.get("bob") is not None
    assert wardrobe.get("ann") is None


def test_a_persona_weighs_what_its_arrays_do_wherever_they_are() -> None:
    texture = Texture((np.zeros((100, 100, 4), np.uint8), np.zeros((50, 50, 4), np.uint8)))
    heavy = Library({"mesh": texture, "other": [np.zeros(1000, np.float32), 5, "text"]}).load("ann")
    assert weight_of(heavy) - weight_of(Library().load("bob")) == 40_000 + 10_000 + 4_000


def test_what_has_changed_is_made_again_when_it_is_next_put_on() -> None:
    library = Library()
    wardrobe = Wardrobe(library.load)
    before = wardrobe.prepare("ann")
    wardrobe.forget("ann")
    assert wardrobe.get("ann") is before, "no frame goes without"
    assert wardrobe.prepare("ann") is not before
    assert library.loaded == ["ann", "ann"]


def test_what_another_program_changed_is_made_again_and_what_it_removed_is_gone() -> None:
    library, stamps = Library(), {"ann": 1}
    wardrobe = Wardrobe(library.load, stamp=stamps.get)
    before = wardrobe.prepare("ann")
    assert wardrobe.prepare("ann") is before
    stamps["ann"] = 2
    assert wardrobe.get("ann") is before, "no frame goes without"
    after = wardrobe.prepare("ann")
    assert after is not before
    assert wardrobe.prepare("ann") is after


def test_whom_is_withdrawn_nobody_wears_until_it_is_made_ready_again() -> None:
    library = Library()
    wardrobe = Wardrobe(library.load)
    wardrobe.prepare("ann", keep=True)
    assert set(wardrobe.ready()) == {"ann"}
    assert wardrobe.withdraw("ann")
    assert wardrobe.get("ann") is None
    assert wardrobe.ready() == {}
    assert not wardrobe.withdraw("ann")
    wardrobe.prepare("bob")
    assert wardrobe.prepare("ann") is wardrobe.get("ann") is not None
    assert library.loaded == ["ann", "bob", "ann"]


def test_a_persona_that_is_replaced_or_removed_has_another_stamp(tmp_path: Path) -> None:
    assert stamp_of(tmp_path) is None
    (tmp_path / "persona.json").write_text("{}")
    before = stamp_of(tmp_path)
    assert before == stamp_of(tmp_path) is not None
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "other.json").replace(tmp_path / "persona.json")
    assert stamp_of(tmp_path) not in (None, before)
    assert stamp_of(tmp_path / "a\0b") is None
