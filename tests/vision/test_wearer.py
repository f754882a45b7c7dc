"""The lock: whoever is not surely enrolled is not swapped, whatever the looks say."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Face, Landmarks, Topology
from livecam.core.frame import Image
from livecam.core.people import Known, Standing
from livecam.vision.recognise import Embedding
from livecam.vision.wearer import LockRules, WearerLock

STEP_NS = 33_333_333
IMAGE: Image = np.zeros((8, 8, 3), np.uint8)
RULES = LockRules(every_s=0.5, unsure_s=0.06, proofs=3, doubts=2, vague=8, blind_s=5.0)


def face(number: int) -> Face:
    points = np.array([[0, 0], [10, 0], [5, 5], [1, 9], [9, 9]], np.float32)
    return Face(Box(0, 0, 10, 10), Landmarks(points, Topology.FIVE), np.zeros(5, np.float32), 1.0, number)


def at(cosine: float) -> Embedding:
    """Somebody who is so much like "me", whose only view is (1, 0)."""
    return np.array([cosine, np.sqrt(max(0.0, 1 - cosine**2))], np.float32)


@dataclass
class Looks:
    """Gives each face the look that is planned for it, and counts."""

    plan: dict[int, Embedding | None]
    told: str = "by plan"
    same: float = 0.6
    other: float = 0.3
    seen: list[int] = field(default_factory=list)

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        self.seen.append(face.track_id)
        return self.plan[face.track_id]


class Scene:
    def __init__(self, plan: dict[int, Embedding | None], people: tuple[str, ...] = ("me",)) -> None:
        self.looks = Looks(plan)
        sides = ([1, 0], [0, 1])
        views = {person: np.array([side], np.float32) for person, side in zip(people, sides, strict=False)}
        self.lock = WearerLock(self.looks, views, RULES)
        self.now = 0

    def run(self, frames: int = 1, *numbers: int) -> dict[int, Known]:
        known: dict[int, Known] = {}
        for _ in range(frames):
            self.now += STEP_NS
            faces = [face(number) for number in numbers or tuple(self.looks.plan)]
            known = dict(self.lock(IMAGE, faces, self.now))
            assert set(known) == {one.track_id for one in faces}
        return known


ME, UNSURE, OTHER = Known(Standing.WEARER, "me"), Known(Standing.UNSURE), Known(Standing.OTHER)


def test_the_enrolled_face_is_the_wearer_from_its_first_frame_wherever_it_stands_in_the_order() -> None:
    assert Scene({1: at(0.1), 2: at(0.9)}).run() == {1: UNSURE, 2: ME}


def test_a_stranger_counts_as_one_after_three_looks_and_before_that_is_not_believed() -> None:
    scene = Scene({1: at(0.1)})
    assert scene.run() == {1: UNSURE}
    assert scene.run(10) == {1: OTHER}


def test_what_cannot_be_told_stays_unsure_for_ever() -> None:
    for look in (at(0.45), None):
        scene = Scene({1: look})
        assert all(scene.run() == {1: UNSURE} for _ in range(100))


def test_one_bad_look_does_not_end_the_swap_and_two_do() -> None:
    scene = Scene({1: at(0.9)})
    scene.run(30)
    scene.looks.plan[1] = at(0.0)
    while scene.looks.seen.count(1) < 3:
        assert scene.run() == {1: ME}
    assert scene.run(3) == {1: UNSURE}


def test_a_wearer_who_cannot_be_told_for_long_is_one_no_longer() -> None:
    scene = Scene({1: at(0.9)})
    scene.run(30)
    scene.looks.plan[1] = None
    assert scene.run(120) == {1: ME}, "turned away for four seconds"
    assert scene.run(60) == {1: UNSURE}


def test_a_track_that_slips_to_somebody_else_is_noticed_within_a_second() -> None:
    scene = Scene({1: at(0.9)})
    scene.run(100)
    for look in (at(0.0), at(0.45)):
        scene.looks.plan[1] = look
        assert scene.run(35)[1] != ME
        scene.looks.plan[1] = at(0.9)
        assert scene.run(35)[1] == ME


def test_two_faces_that_look_like_one_person_are_not_both_swapped() -> None:
    scene = Scene({1: at(0.7), 2: at(0.95)})
    for _ in range(100):
        known = scene.run()
        assert [number for number, each in known.items() if each == ME] == [2]


def test_two_enrolled_people_are_told_apart() -> None:
    known = Scene({1: at(0.1), 2: at(0.95)}, ("me", "you")).run()
    assert known == {1: Known(Standing.WEARER, "you"), 2: ME}


def test_a_face_that_turns_into_another_enrolled_person_is_unsure_first() -> None:
    scene = Scene({1: at(0.95)}, ("me", "you"))
    scene.run(30)
    scene.looks.plan[1] = at(0.05)
    seen = [scene.run()[1] for _ in range(40)]
    changes = [each for before, each in zip([ME, *seen], seen, strict=False) if each != before]
    assert changes == [UNSURE, Known(Standing.WEARER, "you")]


def test_settled_faces_cost_one_look_in_half_a_second_and_never_two_in_a_frame() -> None:
    scene = Scene({1: at(0.9), 2: at(0.0), 3: at(0.0)})
    scene.run(20)
    scene.looks.seen.clear()
    for _ in range(300):
        before = len(scene.looks.seen)
        scene.run()
        assert len(scene.looks.seen) - before <= 1
    assert len(scene.looks.seen) <= 3 * 300 * STEP_NS / 0.5e9 + 3


def test_who_is_gone_is_forgotten_and_nothing_grows() -> None:
    scene = Scene({number: at(0.9) for number in range(1, 400)})
    for number in range(1, 400):
        scene.run(1, number)
    scene.looks.plan[1] = at(0.0)
    assert scene.run(1, 1) == {1: UNSURE}, "what was known of an old track was not kept"
    scene.lock.reset()
    assert scene.run(1, 2) == {2: ME}


def test_a_lock_without_people_is_refused() -> None:
    with pytest.raises(ValueError, match="enrolled"):
        WearerLock(Looks({}), {})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1, 1), st.booleans()), max_size=60))
def test_nobody_is_a_wearer_whose_looks_never_said_so(history: list[tuple[int, float, bool]]) -> None:
    scene, proven = Scene({}), set[int]()
    for number, cosine, there in history:
        scene.looks.plan[number] = at(cosine)
        if there and cosine >= scene.looks.same - 1e-6:
            proven.add(number)
        known = scene.run(1, *(sorted(scene.looks.plan) if not there else [number]))
        wearers = {each for each, what in known.items() if what.standing is Standing.WEARER}
        assert len(wearers) <= 1
        proven |= {each for each in known if (look := scene.looks.plan[each]) is not None and look[0] >= 0.6 - 1e-6}
        assert wearers <= proven
