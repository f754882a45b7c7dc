"""What is worn stays ready, whatever else is tried on, and what is not worn does not fill memory."""

import pytest

from livecam.app.wardrobe import Wardrobe
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
