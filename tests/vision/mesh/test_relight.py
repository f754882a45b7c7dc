import math

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.mesh.relight import SIDE, Field, Light, Relighter
from livecam.vision.step import Step

WEIGHT = np.ones((SIDE, SIDE), np.float32)


def persona() -> Image:
    return np.random.default_rng(0).integers(90, 110, (SIDE, SIDE, 3)).astype(np.uint8)


def lit(field: Field) -> Image:
    image: Image = np.clip(persona() * field, 0, 255).astype(np.uint8)
    return image


def lightened(light: Light) -> Field:
    """What becomes of the persona's colours, over what they were: the gain of their neighbourhood's mean."""
    mean = cv2.blur(persona(), (9, 9)).astype(np.float32)
    out: Field = (mean * light.gain + light.offset) / mean
    return out


def slope() -> Field:
    x = np.linspace(0.6, 1.6, SIDE, dtype=np.float32)
    return np.broadcast_to(x[None, :, None] * np.array([1, 0.8, 1.2], np.float32), (SIDE, SIDE, 3)).copy()


def test_recovers_a_known_field() -> None:
    gains = lightened(Relighter()(persona(), lit(slope()), WEIGHT))
    inside = np.s_[6:-6, 6:-6]
    np.testing.assert_allclose(gains[inside], slope()[inside], rtol=0.06)


def test_same_light_needs_no_gain() -> None:
    light = Relighter()(persona(), persona(), WEIGHT)
    np.testing.assert_allclose(light.gain, 1, atol=1e-6)
    np.testing.assert_allclose(light.offset, 0, atol=1e-4)


def test_what_weighs_nothing_does_not_count() -> None:
    wearer = persona()
    wearer[:, : SIDE // 2] = 0
    weight = WEIGHT.copy()
    weight[:, : SIDE // 2] = 0
    gains = lightened(Relighter()(persona(), wearer, weight))
    np.testing.assert_allclose(gains[:, SIDE // 2 + 1 :], 1, atol=0.02)


def test_a_face_without_weight_keeps_its_colours() -> None:
    light = Relighter()(persona(), lit(slope()), np.zeros_like(WEIGHT))
    np.testing.assert_allclose(light.gain, 1)
    np.testing.assert_allclose(light.offset, 0)


def test_flicker_is_followed_slowly() -> None:
    relighter = Relighter()
    relighter(persona(), persona(), WEIGHT)
    gains = lightened(relighter(persona(), lit(np.full((SIDE, SIDE, 3), 1.04, np.float32)), WEIGHT))
    assert 1.005 < gains.mean() < 1.025


def test_coloured_light_that_wanders_over_the_face_hardly_trails() -> None:
    """A slow average would: by 4 levels of 100 when it follows by a sixth of the way a frame."""
    relighter, across = Relighter(), np.linspace(-1, 1, SIDE)[None, :, None]
    trailing = []
    for number in range(60):
        gains = 1 + 0.3 * np.sin(2 * np.pi * number / 30 + 2 * across) * np.array([1, 0.3, -0.8])
        wearer = lit(np.broadcast_to(gains, (SIDE, SIDE, 3)).astype(np.float32))
        shown, wanted = (lightened(each(persona(), wearer, WEIGHT)) for each in (relighter, Relighter()))
        trailing.append(np.abs(shown - wanted).mean())
    assert np.mean(trailing[10:]) < 0.025


def test_light_follows_where_it_changes_and_rests_where_it_does_not() -> None:
    relighter = Relighter()
    relighter(persona(), persona(), WEIGHT)
    one_side = np.ones((SIDE, SIDE, 3), np.float32)
    one_side[:, : SIDE // 3] = 1.06
    before = relighter(persona(), persona(), WEIGHT)
    light = relighter(persona(), lit(one_side), WEIGHT)
    moved = np.abs(light.gain - before.gain).mean(axis=2)
    assert moved[:, 2].min() > 20 * moved[:, -2].max()


@pytest.mark.parametrize("flash", [1.6, 0.5])
def test_a_flash_is_followed_at_once(flash: float) -> None:
    relighter = Relighter()
    for _ in range(5):
        relighter(persona(), persona(), WEIGHT)
    gains = lightened(relighter(persona(), lit(np.full((SIDE, SIDE, 3), flash, np.float32)), WEIGHT))
    assert gains.mean() == pytest.approx(flash, rel=0.04)


def test_gains_are_bounded() -> None:
    bright = Relighter()(np.full((SIDE, SIDE, 3), 5, np.uint8), np.full((SIDE, SIDE, 3), 250, np.uint8), WEIGHT)
    assert bright.gain.max() ** 2 <= 3.001


@pytest.mark.parametrize("gain", [0.5, 2.25])
def test_contrast_changes_less_than_brightness(gain: float) -> None:
    """A face under twice the light has not twice the pores."""
    light = Relighter()(persona(), lit(np.full((SIDE, SIDE, 3), gain, np.float32)), WEIGHT)
    np.testing.assert_allclose(light.gain[8:-8, 8:-8], gain**0.5, rtol=0.05)
    assert lightened(light)[8:-8, 8:-8].mean() == pytest.approx(gain, rel=0.06)


def relit_at(fps: int, gain: float, seconds: float) -> list[float]:
    """How much of a step of light is followed by each frame of so many a second."""
    relighter, lamp = Relighter(), lit(np.full((SIDE, SIDE, 3), gain, np.float32))
    relighter(persona(), persona(), WEIGHT)
    wanted = lightened(Relighter()(persona(), lamp, WEIGHT)).mean() - 1
    frames = [relighter(persona(), lamp, WEIGHT, Step(30 / fps)) for _ in range(round(seconds * fps))]
    return [float((lightened(light).mean() - 1) / wanted) for light in frames]


@pytest.mark.parametrize("fps", [15, 60])
@pytest.mark.parametrize(("gain", "part"), [(1.02, 0.8), (1.04, 0.85), (1.08, 0.95), (1.12, 0.95)])
def test_light_is_followed_in_the_same_time_at_every_frame_rate(fps: int, gain: float, part: float) -> None:
    seconds = [(np.array(relit_at(each, gain, 2.0)) < part).sum() / each for each in (fps, 30)]
    assert seconds[0] == pytest.approx(seconds[1], abs=1 / min(fps, 30) + 1e-9)


def test_at_thirty_frames_a_second_light_is_followed_as_where_nobody_knows_the_time() -> None:
    timed, plain = Relighter(), Relighter()
    for gain in (1.0, 1.02, 1.03, 1.2, 0.6):
        lamp = lit(np.full((SIDE, SIDE, 3), gain, np.float32))
        got, wanted = timed(persona(), lamp, WEIGHT, Step(1.0)), plain(persona(), lamp, WEIGHT)
        np.testing.assert_array_equal(got.gain, wanted.gain)
        np.testing.assert_array_equal(got.offset, wanted.offset)


def test_after_a_gap_and_without_steadiness_light_passes_at_once_and_a_frame_that_came_twice_changes_nothing() -> None:
    lamp = lit(np.full((SIDE, SIDE, 3), 1.03, np.float32))
    wanted = Relighter()(persona(), lamp, WEIGHT)
    for step in (Step(math.inf), Step(1.0, math.inf), Step(0.0, math.inf)):
        relighter = Relighter()
        relighter(persona(), persona(), WEIGHT)
        np.testing.assert_allclose(relighter(persona(), lamp, WEIGHT, step).gain, wanted.gain, rtol=1e-6)
    relighter = Relighter()
    before = relighter(persona(), persona(), WEIGHT)
    np.testing.assert_array_equal(relighter(persona(), lamp, WEIGHT, Step(0.0)).gain, before.gain)
    calmer, plain = (relit_after(loosen) for loosen in (0.25, 1.0))
    assert 0 < calmer < 0.5 * plain


def relit_after(loosen: float) -> float:
    """How far the gain goes in one frame, by the factor of the steadiness."""
    relighter = Relighter()
    relighter(persona(), persona(), WEIGHT)
    lamp = lit(np.full((SIDE, SIDE, 3), 1.03, np.float32))
    return float(relighter(persona(), lamp, WEIGHT, Step(1.0, loosen)).gain.mean() - 1)


def test_a_clock_that_stands_still_keeps_no_flash_from_being_followed() -> None:
    relighter = Relighter()
    relighter(persona(), persona(), WEIGHT)
    light = relighter(persona(), lit(np.full((SIDE, SIDE, 3), 1.6, np.float32)), WEIGHT, Step(0.0))
    assert lightened(light).mean() == pytest.approx(1.6, rel=0.04)
