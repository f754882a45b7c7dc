"""The watch's memory: what is reported, for how long, and who is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.vision.sightings import Memory, WatchRules

RULES = WatchRules()
FIVE = Landmarks(np.zeros((5, 2), np.float32), Topology.FIVE)
WEARER = Box(500, 200, 800, 500)
OTHER = Box(850, 200, 1100, 450)


def seen(box: Box, score: float = 0.9) -> Detection:
    return Detection(box, FIVE, score)


def moved(box: Box, dx: float) -> Box:
    return Box(box.x1 + dx, box.y1, box.x2 + dx, box.y2)


def covers(boxes: tuple[Box, ...], box: Box) -> bool:
    return any(found.overlap(box) > 0.9 * box.area for found in boxes)


def test_what_is_seen_is_reported_as_it_is() -> None:
    assert set(Memory(RULES)([seen(WEARER), seen(OTHER)], ())) == {WEARER, OTHER}


def test_a_missed_face_is_reported_until_it_is_forgotten_and_grows() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER)], ())
    reports = [memory([], ()) for _ in range(RULES.remember)]
    assert all(covers(boxes, WEARER) for boxes in reports)
    areas = [boxes[0].area for boxes in reports]
    assert areas == sorted(areas)
    assert areas[-1] == pytest.approx(WEARER.area * (1 + 2 * RULES.growth_limit) ** 2)
    assert memory([], ()) == ()


def test_a_lone_doubt_is_forgotten_soon_but_stays_when_it_comes_again() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER, 0.4)], ())
    for _ in range(RULES.doubt):
        assert covers(memory([], ()), WEARER)
    assert memory([], ()) == ()
    memory([seen(WEARER, 0.4)], ())
    memory([seen(WEARER, 0.4)], ())
    assert all(covers(memory([], ()), WEARER) for _ in range(RULES.remember))


def test_a_moving_face_leaves_nothing_behind() -> None:
    memory = Memory(RULES)
    for frame in range(40):
        box = moved(WEARER, 40 * frame - 500)
        assert memory([seen(box)], ()) == (box,)


def test_a_face_that_was_missed_for_a_while_is_taken_up_again() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER)], ())
    for _ in range(6):
        memory([], ())
    back = moved(WEARER, 200)
    assert memory([seen(back)], ()) == (back,)


def test_of_two_faces_side_by_side_the_missed_one_stays() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER), seen(OTHER)], ())
    for _ in range(RULES.remember):
        boxes = memory([seen(WEARER)], ())
        assert WEARER in boxes
        assert covers(boxes, OTHER)


def test_a_small_face_before_a_large_one_is_another() -> None:
    memory = Memory(RULES)
    small = Box(640, 340, 680, 380)
    memory([seen(small)], ())
    assert covers(memory([seen(WEARER)], ()), small)
    assert len(memory([seen(WEARER)], ())) == 2


def test_both_networks_on_one_face_count_once() -> None:
    assert Memory(RULES)([seen(WEARER), seen(moved(WEARER, 10), 0.5)], ()) == (WEARER,)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(-15, 15))
def test_no_run_of_misses_shorter_than_the_memory_uncovers_a_face(hits: list[bool], speed: int) -> None:
    """Whatever is seen or missed, a face once seen for sure stays covered while it drifts slowly."""
    memory = Memory(RULES)
    memory([seen(WEARER)], ())
    misses = 0
    for frame, hit in enumerate(hits, start=1):
        misses = 0 if hit else misses + 1
        box = moved(WEARER, speed * frame / 10)
        boxes = memory([seen(box, 0.36)] if hit else [], ())
        assert covers(boxes, box) or misses > RULES.remember


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.floats(0, 1000), st.floats(5, 300), st.floats(0.35, 1)), max_size=4), max_size=30)
)
def test_everything_found_in_a_frame_is_covered_in_it(frames: list[list[tuple[float, float, float]]]) -> None:
    memory = Memory(RULES)
    for found in frames:
        boxes = memory([seen(Box(x, 0, x + size, size), score) for x, size, score in found], ())
        for x, size, _ in found:
            assert any(box.iou(Box(x, 0, x + size, size)) > 0.3 for box in boxes)


def test_the_wearer_is_not_reported_even_when_the_watch_misses_him() -> None:
    memory = Memory(RULES)
    hits = [True, True, True, False, False]
    for frame, hit in enumerate(hits):
        box = moved(WEARER, 75 * frame)
        assert memory([seen(box)] if hit else [], [box]) == ()


def test_nobody_hides_behind_the_wearer() -> None:
    """Cheek to cheek, the bystander missed for a while and the wearer seen; then the other way round."""
    cheek = moved(WEARER, 220)
    memory = Memory(RULES)
    assert memory([seen(WEARER), seen(cheek)], [WEARER]) == (cheek,)
    for _ in range(RULES.remember):
        assert covers(memory([seen(WEARER)], [WEARER]), cheek)
    memory = Memory(RULES)
    memory([seen(WEARER), seen(cheek)], [WEARER])
    for _ in range(5):
        assert memory([seen(cheek)], [WEARER]) == (cheek,)


def test_a_face_on_the_wearers_face_is_another() -> None:
    small = Box(600, 300, 680, 380)
    assert Memory(RULES)([seen(WEARER), seen(small)], [WEARER]) == (small,)


def test_who_is_followed_no_more_is_reported_again_also_when_just_missed() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER), seen(OTHER)], [WEARER])
    boxes = memory([seen(OTHER)], [OTHER])
    assert covers(boxes, WEARER)
    assert not covers(boxes, OTHER)


def test_when_the_wearer_is_found_again_his_own_memory_goes() -> None:
    memory = Memory(RULES)
    assert memory([seen(WEARER)], []) == (WEARER,)
    assert memory([], [moved(WEARER, 20)]) == ()
    assert memory([seen(moved(WEARER, 60))], [moved(WEARER, 60)]) == ()


def test_two_known_faces_are_two() -> None:
    assert Memory(RULES)([seen(WEARER), seen(OTHER)], [WEARER, OTHER]) == ()


def test_cleared_is_forgotten() -> None:
    memory = Memory(RULES)
    memory([seen(WEARER)], ())
    memory.clear()
    assert memory([], ()) == ()
