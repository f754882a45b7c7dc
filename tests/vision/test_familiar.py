"""Where nobody is enrolled: whoever takes over the wearer's track, or place, is not swapped."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Face, Landmarks, Topology
from livecam.core.frame import Image
from livecam.core.people import Known, Standing
from livecam.vision.familiar import FamiliarFace, FamiliarRules
from livecam.vision.recognise import Embedding

STEP_NS = 33_333_333
IMAGE: Image = np.zeros((8, 8, 3), np.uint8)
WEARER, OTHER, UNSURE = Known(Standing.WEARER), Known(Standing.OTHER), Known(Standing.UNSURE)
ANN: Embedding = np.array([1, 0, 0], np.float32)
BOB: Embedding = np.array([0.5, np.sqrt(0.75), 0], np.float32)


def face(number: int, x: float) -> Face:
    points = np.array([[0, 0], [10, 0], [5, 5], [1, 9], [9, 9]], np.float32)
    return Face(Box(x, 0, x + 10, 10), Landmarks(points, Topology.FIVE), np.zeros(5, np.float32), 1.0, number)


@dataclass
class Looks:
    """Gives each face the look of who it is."""

    who: dict[int, Embedding | None] = field(default_factory=dict)
    told: str = "by plan"
    same: float = 0.84
    other: float = 0.68
    asked: int = 0

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        self.asked += 1
        return self.who.get(face.track_id, ANN)


class Scene:
    def __init__(self) -> None:
        self.looks = Looks()
        self.familiar = FamiliarFace(self.looks)
        self.now = 0

    def see(self, who: Mapping[int, tuple[Embedding | None, float]], frames: int = 1) -> dict[int, Known]:
        """Faces by track id: who it is, and where."""
        known: dict[int, Known] = {}
        self.looks.who = {number: look for number, (look, _) in who.items()}
        for _ in range(frames):
            self.now += STEP_NS
            faces = [face(number, x) for number, (_, x) in who.items()]
            known = dict(self.familiar(IMAGE, faces, self.now))
        return known


def test_the_first_face_is_the_wearer_and_others_are_others() -> None:
    scene = Scene()
    assert scene.see({1: (ANN, 0)}) == {1: WEARER}
    assert scene.see({1: (ANN, 0), 2: (BOB, 100)}, 30) == {1: WEARER, 2: OTHER}


def test_looking_is_cheap_while_nobody_is_near() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0), 2: (BOB, 100)}, 150)
    assert scene.looks.asked <= 11


def test_somebody_else_under_the_wearers_number_after_a_gap_is_not_swapped() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0), 2: (BOB, 100)}, 30)
    scene.see({}, 5)
    assert all(scene.see({1: (BOB, 0)}) == {1: UNSURE} for _ in range(60))
    assert scene.see({1: (BOB, 0), 3: (ANN, 50)}) == {1: OTHER, 3: WEARER}


def test_a_new_number_after_a_gap_has_to_look_like_the_wearer() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0)}, 30)
    scene.see({}, 40)
    assert scene.see({2: (BOB, 0)}) == {2: UNSURE}
    assert scene.see({3: (ANN, 0)}) == {3: WEARER}


def test_a_gap_without_anybody_else_costs_nothing() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0)}, 30)
    scene.see({}, 5)
    asked = scene.looks.asked
    assert scene.see({1: (None, 0)}) == {1: WEARER}
    assert scene.looks.asked <= asked + 1


def test_a_track_that_slips_to_somebody_near_is_noticed_at_once() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0), 2: (BOB, 100)}, 30)
    scene.see({1: (ANN, 0), 2: (BOB, 12)}, 10)
    assert scene.see({1: (BOB, 0), 2: (ANN, 12)}, FamiliarRules().doubts + 1) == {1: OTHER, 2: WEARER}


def test_who_stays_is_the_wearer_in_the_end() -> None:
    scene = Scene()
    scene.see({1: (ANN, 0)}, 30)
    scene.see({}, 60)
    assert scene.see({2: (BOB, 0)}, 140) == {2: UNSURE}
    assert scene.see({2: (BOB, 0)}, 20) == {2: WEARER}
    assert scene.see({2: (BOB, 0)}, 20) == {2: WEARER}


def test_a_source_that_was_opened_again_has_to_show_the_wearer() -> None:
    scene = Scene()
    scene.familiar.reset()
    assert scene.see({1: (ANN, 0)}, 20) == {1: WEARER}, "nobody is known yet"
    scene.familiar.reset()
    assert scene.see({5: (BOB, 0)}) == {5: UNSURE}
    assert scene.see({5: (BOB, 0), 6: (ANN, 90)}) == {5: OTHER, 6: WEARER}


def test_a_face_that_cannot_be_told_is_followed_and_not_learnt() -> None:
    scene = Scene()
    assert scene.see({1: (None, 0)}, 60) == {1: WEARER}
    assert scene.see({1: (ANN, 0)}, 60) == {1: WEARER}


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", "both", "nobody"]), st.integers(1, 9)), max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_at_most_one_is_swapped_and_nothing_grows(history: list[tuple[str, int]]) -> None:
    scene = Scene()
    faces = {"ann": (ANN, 0.0), "bob": (BOB, 30.0)}
    for who, number in history:
        here = {number + 10 * place: faces[name] for place, name in enumerate(faces) if who in (name, "both")}
        known = scene.see(here, 5)
        assert set(known) == set(here)
        assert [one.standing for one in known.values()].count(Standing.WEARER) <= 1
    assert len(scene.familiar._views) <= FamiliarRules().views
