from itertools import pairwise

import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.steady_texture import SteadyTexture
from livecam.vision.template import Template, points_of

SIDE = 256
FIVE = points_of(Template.FFHQ_512, SIDE)
CHEEK = np.s_[150:180, 60:90]
MOUTH = np.s_[175:195, 110:146]
RANDOM = np.random.default_rng(3)


def plain() -> Image:
    x = np.linspace(80, 170, SIDE)
    return np.broadcast_to(x[None, :, None], (SIDE, SIDE, 3)).astype(np.uint8).copy()


def crawling(under: Image, sigma: float = 7.0) -> Image:
    """`under` with texture that is invented anew each time."""
    return np.clip(under + RANDOM.normal(0, sigma, under.shape), 0, 255).astype(np.uint8)


def steadied(count: int) -> tuple[list[Image], list[Image]]:
    """Crops before and after, of a face that rests."""
    steady = SteadyTexture(SIDE, FIVE)
    before, after = [], []
    for _ in range(count):
        made = crawling(plain())
        before.append(made.copy())
        steady(made, plain())
        after.append(made)
    return before, after


def crawl(crops: list[Image], part: tuple[slice, slice]) -> float:
    """Mean change from crop to crop, levels, of the last few."""
    return float(np.mean([np.abs(a[part].astype(int) - b[part]).mean() for a, b in pairwise(crops[4:])]))


def test_invented_texture_crawls_less() -> None:
    before, after = steadied(12)
    assert crawl(after, CHEEK) < 0.4 * crawl(before, CHEEK)


def test_eyes_and_mouth_are_shown_as_they_are() -> None:
    before, after = steadied(4)
    for part in (MOUTH, tuple(slice(int(v) - 8, int(v) + 8) for v in FIVE[0][::-1])):
        np.testing.assert_array_equal(after[-1][part], before[-1][part])


def test_the_first_crop_is_left_as_it_is_and_so_is_the_one_after_a_reset() -> None:
    steady = SteadyTexture(SIDE, FIVE)
    for _ in range(2):
        made = crawling(plain())
        wanted = made.copy()
        steady(made, plain())
        np.testing.assert_array_equal(made, wanted)
        steady.reset()


def barred(at: int) -> Image:
    image = plain()
    image[:, at : at + 12] = 20
    return image


@pytest.mark.parametrize("step", [1, 2, 6, 40])
def test_an_edge_that_moves_leaves_no_trail(step: int) -> None:
    steady = SteadyTexture(SIDE, FIVE)
    for number in range(4):
        made = barred(40 + step * number)
        wanted = made.astype(int)
        steady(made, barred(40 + step * number))
        assert np.abs(made - wanted).max() <= 3


def test_what_moves_only_in_what_was_seen_holds_nothing_back() -> None:
    """The enhancer may well paint over a moving shadow: what it makes then is new."""
    steady = SteadyTexture(SIDE, FIVE)
    for number in range(4):
        made = crawling(plain())
        wanted = made.copy()
        steady(made, barred(60 + 6 * number))
        if number:
            part = np.s_[100:140, 60 + 6 * number : 66 + 6 * number]
            np.testing.assert_array_equal(made[part], wanted[part])


def test_light_that_changes_is_shown_at_once() -> None:
    steady = SteadyTexture(SIDE, FIVE)
    steady(plain(), plain())
    brighter = plain() + np.uint8(14)
    made = brighter.copy()
    steady(made, brighter)
    np.testing.assert_allclose(made, brighter, atol=1)


def test_a_slow_drift_is_followed() -> None:
    """Held back, but never for long: what is shown stays within a few levels of what is made."""
    steady = SteadyTexture(SIDE, FIVE)
    for level in range(40):
        made = plain() + np.uint8(level)
        steady(made, plain() + np.uint8(level))
        assert np.abs(made.astype(int) - (plain() + np.uint8(level))).max() <= 4
