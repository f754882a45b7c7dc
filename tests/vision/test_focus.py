import math

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.vision import focus as focus_module
from livecam.vision.focus import Focus, Softness, softness
from livecam.vision.step import Step

SHAPE = (320, 260, 3)
FULL = np.full(SHAPE[:2], 255, np.uint8)


def features(seed: int) -> Image:
    """Skin with dark strokes, as sharp as can be: the same camera, another face for another seed."""
    random = np.random.default_rng(seed)
    image = np.full((2 * SHAPE[0], 2 * SHAPE[1]), 150, np.uint8)
    for _ in range(60):
        start, step = random.integers(40, 480, 2), random.integers(-60, 60, 2)
        cv2.line(image, start.tolist(), (start + step).tolist(), int(random.integers(20, 90)), 8, cv2.LINE_AA)
    small = cv2.resize(image, SHAPE[1::-1], interpolation=cv2.INTER_AREA)
    return np.repeat(small[:, :, None], 3, axis=2).astype(np.uint8)


def blurred(image: Image, across: float, down: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), max(across, 0.01), sigmaY=max(down, 0.01)).astype(np.uint8, copy=False)


def camera(image: Image, seed: int, sigma: float = 3.0) -> Image:
    noisy = np.clip(image + np.random.default_rng(seed).normal(0, sigma, image.shape), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return cv2.imdecode(packed, cv2.IMREAD_COLOR).astype(np.uint8, copy=False)  # type: ignore[union-attr]


def detail(image: Image) -> float:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return float(np.sqrt(np.square(cv2.Laplacian(grey, cv2.CV_32F)).mean()))


def steepness(image: Image) -> tuple[float, float]:
    """Root mean square of the slopes across and down."""
    across, down = (float(np.square(np.diff(image.astype(np.int64), axis=axis)).mean()) ** 0.5 for axis in (1, 0))
    return across, down


def shown(wearers: list[Image], focus: Focus | None = None, persona: int = 2) -> list[Image]:
    """The persona's face on each of `wearers`."""
    focus, out = focus or Focus(), []
    for wearer in wearers:
        painted = features(persona)
        focus(painted, wearer, FULL)
        out.append(painted)
    return out


@pytest.mark.parametrize("sigma", [2.5, 3.5])
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_a_face_on_a_soft_picture_becomes_about_as_soft(sigma: float, noise: float) -> None:
    soft = blurred(features(1), sigma, sigma)
    (painted,) = shown([camera(soft, 0, noise) if noise else soft])
    assert detail(soft) < detail(painted) < 0.3 * detail(features(2))


@pytest.mark.parametrize("wearer", [features(1), camera(features(1), 0)])
def test_on_a_sharp_picture_nothing_changes(wearer: Image) -> None:
    for painted in shown([wearer] * 20):
        np.testing.assert_array_equal(painted, features(2))


def test_a_soft_photo_is_not_made_sharper() -> None:
    painted = blurred(features(2), 2.0, 2.0)
    before = painted.copy()
    Focus()(painted, features(1), FULL)
    np.testing.assert_array_equal(painted, before)


def test_movement_blurs_along_itself_and_soon_and_is_gone_soon() -> None:
    still, moving = features(1), cv2.blur(features(1), (11, 1)).astype(np.uint8, copy=False)
    out = shown([still] * 8 + [moving] * 12 + [still] * 16)
    (across, down), (sharply_across, sharply_down) = steepness(out[19]), steepness(features(2))
    assert across < 0.75 * sharply_across
    assert down > 0.75 * sharply_down
    assert detail(out[-1]) > 0.9 * detail(features(2))


def test_the_blur_does_not_flicker_with_the_noise() -> None:
    soft = blurred(features(1), 1.8, 1.8)
    out = shown([camera(soft, seed) for seed in range(60)])[12:]
    levels = np.array([detail(image) for image in out])
    assert levels.std() < 0.06 * levels.mean()


def test_what_it_learnt_is_forgotten_on_reset() -> None:
    focus = Focus()
    shown([blurred(features(1), 3, 3)] * 5, focus)
    focus.reset()
    np.testing.assert_array_equal(shown([features(1)], focus)[0], features(2))


def test_the_first_frame_of_another_face_measures_nothing_and_the_second_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    focus, soft = Focus(), blurred(features(1), 3, 3)
    before = shown([soft] * 5, focus)[-1]
    measured = list[Image]()

    def counted(image: Image, inside: Image) -> Softness | None:
        measured.append(image)
        return softness(image, inside)

    monkeypatch.setattr(focus_module, "softness", counted)
    focus.renew()
    (first,) = shown([soft], focus)
    assert measured == []
    np.testing.assert_array_equal(first, before, "as soft as the one before")
    focus(blurred(features(2), 3, 3), soft, FULL)
    assert len(measured) == 2
    painted = blurred(features(2), 3, 3)
    focus(painted, soft, FULL)
    np.testing.assert_array_equal(painted, blurred(features(2), 3, 3), "it is as soft as the picture by itself")


def test_a_face_that_leaves_the_frame_is_still_softened() -> None:
    painted = features(2)
    Focus()(painted, blurred(features(1), 2.5, 2.5)[:251, :187], FULL)
    assert detail(painted) < 0.5 * detail(features(2))


@pytest.mark.parametrize("shape", [(40, 40, 3), (7, 300, 3), (320, 260, 3)])
def test_what_cannot_be_judged_is_left(shape: tuple[int, int, int]) -> None:
    flat = np.full(shape, 120, np.uint8)
    inside = np.full(shape[:2], 255, np.uint8)
    assert softness(flat, inside) is None
    painted = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    before = painted.copy()
    Focus()(painted, flat, inside)
    np.testing.assert_array_equal(painted, before)


def test_only_what_is_shown_is_judged() -> None:
    half = FULL.copy()
    half[:, SHAPE[1] // 2 :] = 0
    image = features(1)
    image[:, SHAPE[1] // 2 :] = blurred(image, 4, 4)[:, SHAPE[1] // 2 :]
    sharp, mixed = softness(features(1), half), softness(image, half)
    assert sharp is not None
    assert mixed is not None
    np.testing.assert_allclose(mixed, sharp, rtol=0.15)


def details_at(fps: int, wearer: Image, stretches: int, step: Step | None = None) -> list[float]:
    """How much detail is left by the end of each stretch of 4 / 15 s, after the wearer became `wearer`."""
    focus, found, per_stretch = Focus(), [], 4 * fps // 15
    for frame in range(17 + stretches * per_stretch):
        painted = features(2)
        # Looked at in the first frame, and in every fourth from there on.
        focus(painted, features(1) if frame < 17 else wearer, FULL, step or Step(30 / fps))
        found.append(detail(painted) / detail(features(2)))
    return [found[16 + stretch * per_stretch] for stretch in range(1, stretches + 1)]


@pytest.mark.parametrize("fps", [15, 60])
@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_focus_is_followed_in_the_same_time_at_every_frame_rate(fps: int, sigma: float) -> None:
    """It is looked at in every fourth frame: within one look."""
    soft, look_s = blurred(features(1), sigma, sigma), 4 / 15
    got, wanted = (np.array(details_at(each, soft, 10)) for each in (fps, 30))
    for part in (0.6, 0.45, 0.3):
        level = 1 - (1 - wanted[-1]) * (1 - part)
        seconds = [(curve > level).sum() * look_s for curve in (got, wanted)]
        assert seconds[0] == pytest.approx(seconds[1], abs=look_s)
    np.testing.assert_allclose(got[-3:], wanted[-3:], atol=0.04)


def test_focus_after_a_gap_is_as_measured_and_a_frame_that_came_twice_changes_nothing() -> None:
    soft = blurred(features(1), 3, 3)
    assert details_at(30, soft, 2, Step(0.0)) == [1.0, 1.0]
    (once, again), (wanted,) = details_at(30, soft, 2, Step(math.inf)), shown([soft])
    assert once == pytest.approx(detail(wanted) / detail(features(2)), rel=0.05)
    assert again == pytest.approx(once)
