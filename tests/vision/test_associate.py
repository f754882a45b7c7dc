"""Whose face is whose: by overlap, and by looks."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box
from livecam.core.frame import Image, Points
from livecam.vision.associate import Look, LookRules, Looks, associate, near, returned, small_look

FIVE = np.array([[70, 80], [130, 80], [100, 115], [78, 150], [122, 150]], np.float32)
boxes = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 100), st.floats(1, 80)).map(
        lambda one: Box(one[0], one[1], one[0] + one[2], one[1] + one[2])
    ),
    max_size=6,
)


def person(seed: int, side: int = 200) -> Image:
    noise = np.random.default_rng(seed).normal(0, 1, (side, side, 3)).astype(np.float32)
    return np.clip(128 + 900 * cv2.GaussianBlur(noise, (0, 0), 9), 0, 255).astype(np.uint8)


def look(seed: int) -> Look:
    found = small_look(person(seed), FIVE)
    assert found is not None
    return found


@settings(deadline=None)
@given(boxes, boxes, st.floats(0.05, 0.9))
def test_nobody_without_overlap_and_each_once(expected: list[Box], found: list[Box], least: float) -> None:
    taken = associate(expected, found, least)
    assert len(set(taken.values())) == len(taken)
    assert all(expected[row].iou(found[column]) >= least for row, column in taken.items())
    free = [column for column in range(len(found)) if column not in taken.values()]
    for row in range(len(expected)):
        if row not in taken:
            assert all(expected[row].iou(found[column]) < least for column in free)


def test_the_surest_pair_comes_first_and_looks_count_like_overlap() -> None:
    expected = [Box(0, 0, 10, 10), Box(4, 0, 14, 10)]
    found = [Box(4, 0, 14, 10), Box(0, 0, 10, 10)]
    assert associate(expected, found, 0.2) == {0: 1, 1: 0}
    assert associate(expected, found, 0.2, [[0.9, 0.1], [0.1, 0.9]]) == {0: 0, 1: 1}


def test_looks_know_one_again_in_other_light_and_place_and_not_another() -> None:
    looks = Looks()
    looks.learn(look(1))
    dark = small_look((person(1) * 0.5 + 20).astype(np.uint8), FIVE)
    turned = small_look(cv2.rotate(person(1), cv2.ROTATE_90_CLOCKWISE).astype(np.uint8), _turned(FIVE))
    for same in (dark, turned):
        like = looks.like(same)
        assert like is not None
        assert like > LookRules().same
    other = looks.like(look(2))
    assert other is not None
    assert other < LookRules().same


def test_looks_are_bounded_and_keep_the_first() -> None:
    looks = Looks()
    for seed in range(100):
        looks.learn(look(seed))
    like, last = looks.like(look(0)), looks.like(look(99))
    assert like is not None
    assert last is not None
    assert min(like, last) > 0.99
    assert len(looks._gallery) <= 6


def test_there_is_no_look_of_nothing() -> None:
    assert small_look(np.zeros((200, 200, 3), np.uint8), FIVE) is None
    assert small_look(person(1), FIVE * 0) is None
    assert small_look(person(1), FIVE * np.float32(np.nan)) is None
    assert Looks().like(look(1)) is None


def test_near_is_touching_when_grown() -> None:
    assert near(Box(0, 0, 10, 10), Box(14, 0, 24, 10))
    assert not near(Box(0, 0, 10, 10), Box(16, 0, 26, 10))


@dataclass
class Somebody:
    """Somebody who is out of sight."""

    number: int
    looks: Looks = field(default_factory=Looks)
    persons: Looks = field(default_factory=Looks)


def test_who_comes_back_is_told_by_the_recogniser_then_by_looks_then_by_place() -> None:
    rules, ann, bob = LookRules(), Somebody(1), Somebody(2)
    assert returned([ann, bob], [], None, None, rules) is None
    assert returned([ann, bob], [2], None, None, rules) is bob
    ann.looks.learn(look(1))
    bob.looks.learn(look(2))
    assert returned([ann, bob], [], look(2), None, rules) is bob
    assert returned([ann, bob], [2], look(3), None, rules) is None
    ann.persons.learn(look(5))
    bob.persons.learn(look(6))
    assert returned([ann, bob], [2], look(2), look(5), rules) is ann


def _turned(points: Points) -> Points:
    """As `cv2.ROTATE_90_CLOCKWISE` turns a picture of 200 px."""
    return np.stack([199 - points[:, 1], points[:, 0]], axis=1).astype(np.float32)
