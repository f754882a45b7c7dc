import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision.mesh.relight import SIDE, Field, Light, Relighter

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
