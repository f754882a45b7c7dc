from collections.abc import Iterator

import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.mask.steady import SteadyMasker

STEP_NS = 33_333_333
CROP = np.zeros((32, 32, 3), np.uint8)


class Scripted:
    """Gives one mask after another."""

    def __init__(self, masks: Iterator[Image]) -> None:
        self._masks = masks

    def __call__(self, crop: Image, out: Image) -> Image:
        np.copyto(out, next(self._masks))
        return out


def shown(masks: list[Image], times: list[int] | None = None) -> list[Image]:
    """What is made of `masks`, at the times given in steps."""
    clock = iter(times or range(len(masks)))
    steady = SteadyMasker(Scripted(iter(masks)), lambda: next(clock) * STEP_NS)
    return [steady(CROP, np.empty((32, 32), np.uint8)) for _ in masks]


def flat(value: int) -> Image:
    return np.full((32, 32), value, np.uint8)


def test_an_unsure_edge_calms_down() -> None:
    rng = np.random.default_rng(0)
    masks = [np.clip(128 + rng.normal(0, 8, (32, 32)), 0, 255).astype(np.uint8) for _ in range(40)]
    before = np.abs(np.diff(np.array(masks[10:], int), axis=0)).mean()
    after = np.abs(np.diff(np.array(shown(masks)[10:], int), axis=0)).mean()
    assert after < 0.4 * before


@pytest.mark.parametrize(("old", "new"), [(255, 0), (0, 255), (200, 80)])
def test_what_has_moved_is_followed_at_once(old: int, new: int) -> None:
    np.testing.assert_array_equal(shown([flat(old), flat(old), flat(new)])[-1], flat(new))


@pytest.mark.parametrize(("old", "new"), [(100, 110), (110, 100), (0, 1), (255, 254)])
def test_it_goes_towards_what_is_asked_never_past_it_and_arrives(old: int, new: int) -> None:
    values = [int(mask[0, 0]) for mask in shown([flat(old)] + [flat(new)] * 30)]
    assert values == sorted(values, reverse=new < old)
    assert values[-1] == new
    assert abs(new - old) == 1 or values[1] != new


@pytest.mark.parametrize("times", [[0, 1, 40], [5, 6, 3]])
def test_it_starts_afresh_after_a_gap(times: list[int]) -> None:
    assert (shown([flat(100), flat(100), flat(110)], times)[-1] == 110).all()


def test_it_follows_time_and_not_frames() -> None:
    often = shown([flat(100)] + [flat(120)] * 4)[-1]
    seldom = shown([flat(100), flat(120)], [0, 4])[-1]
    assert abs(int(often[0, 0]) - int(seldom[0, 0])) <= 3


def test_it_takes_another_size() -> None:
    sides = iter((32, 16))
    steady = SteadyMasker(Scripted(flat(50)[:side, :side] for side in sides), lambda: 1)
    for side in (32, 16):
        out = steady(np.zeros((side, side, 3), np.uint8), np.empty((side, side), np.uint8))
        assert (out == 50).all()


def test_each_face_is_smoothed_for_itself() -> None:
    alone = {track: shown([flat(value)] + [flat(value + 10)] * 5) for track, value in ((3, 100), (8, 30))}
    values = iter([value + step for step in (0, 10, 10, 10, 10, 10) for value in (100, 30)])
    clock = iter(range(100))
    steady = SteadyMasker(Scripted(flat(value) for value in values), lambda: next(clock) // 2 * STEP_NS)
    for number in range(6):
        for track in (3, 8):
            steady.follow(track)
            np.testing.assert_array_equal(steady(CROP, np.empty((32, 32), np.uint8)), alone[track][number])


def test_it_remembers_few_faces_and_none_after_a_reset() -> None:
    steady = SteadyMasker(Scripted(flat(value) for value in (100, *[50] * 40, 110, 120)), lambda: STEP_NS)
    out = np.empty((32, 32), np.uint8)
    for track in (1, *range(2, 42), 1):
        steady.follow(track)
        steady(CROP, out)
    assert (out == 110).all()
    steady.reset()
    assert (steady(CROP, out) == 120).all()
