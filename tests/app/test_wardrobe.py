"""What is worn stays ready, whatever else is tried on, and what is not worn does not fill memory."""

from pathlib import Path

import pytest

from livecam.app.wardrobe import Wardrobe, stamp_of
from livecam.core.persona import Basis, Consent, Persona
from livecam.errors import PersonaError


class Library:
    def __init__(self) -> None:
        self.loaded: list[str] = []

    def load(self, name: str) -> Persona:
        if name == "eve":
            raise PersonaError("There is no persona 'eve'.")
        self.loaded.append(name)
        return Persona(name, {}, Consent(Basis.SELF, "", "", ()), str(len(self.loaded)))


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
    wardrobe = Wardrobe(Library().load, most=5)
    wardrobe.prepare("grace", keep=True)
    wardrobe.prepare("ann")
    for number in range(50):
        wardrobe.prepare(f"p{number}")
        assert wardrobe.get("ann") is not None, "worn in every frame"
    assert wardrobe.get("grace") is not None
    ready = [number for number in range(50) if wardrobe.get(f"p{number}") is not None]
    assert ready == [46, 47, 48, 49]


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


def test_a_persona_that_is_replaced_or_removed_has_another_stamp(tmp_path: Path) -> None:
    assert stamp_of(tmp_path) is None
    (tmp_path / "persona.json").write_text("{}")
    before = stamp_of(tmp_path)
    assert before == stamp_of(tmp_path) is not None
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "other.json").replace(tmp_path / "persona.json")
    assert stamp_of(tmp_path) not in (None, before)
    assert stamp_of(tmp_path / "a\0b") is None
