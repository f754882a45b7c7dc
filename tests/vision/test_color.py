import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.core.frame import Image
from livecam.vision.color import SIDE as CELLS
from livecam.vision.color import ColourMatcher, ColourMemory, measured

Numbers = npt.NDArray[np.float64]

SIDE = 96
STEP_NS = 33_333_333
FULL = np.full((SIDE, SIDE), 255, np.uint8)
SKIN, FAIR = (110.0, 130.0, 180.0), (150.0, 165.0, 205.0)


def skin(colour: tuple[float, float, float], seed: int = 0, spread: float = 1.0, side: int = SIDE) -> Image:
    """A smooth patch about a colour, mostly lighter and darker, a little redder and bluer."""
    rng = np.random.default_rng(seed)
    light = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 1)), (0, 0), 9)
    tint = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 3)), (0, 0), 9)
    field = light[..., None] / light.std() * 16 + tint / tint.std() * 3
    image = np.clip(np.array(colour) + spread * field, 0, 255).astype(np.uint8)
    resized: Image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return resized


def oval(side: int = SIDE) -> Numbers:
    """1 where every template puts the face."""
    drawn: Numbers = np.zeros((side, side))
    cv2.ellipse(drawn, (side // 2, round(0.58 * side)), (round(0.3 * side), round(0.36 * side)), 0, 0, 360, 1.0, -1)
    return drawn


def middle(image: Image) -> Numbers:
    """Mean colour where the face is."""
    mean: Numbers = image[oval(image.shape[0]) > 0].mean(axis=0)
    return mean


def matched(swapped: Image, original: Image, matcher: ColourMatcher, at: int = 0, strength: float = 1.0) -> Image:
    out = swapped.copy()
    matcher(out, original, FULL, at * STEP_NS, strength)
    return out


def lab_transfer(swapped: Image, original: Image, weight: Numbers) -> Numbers:
    """The peers' rule, pixel by pixel through Lab."""
    labs = [cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB) for image in (swapped, original)]
    share = (weight / weight.sum())[..., None]
    means = [(lab * share).sum(axis=(0, 1)) for lab in labs]
    spreads = [np.sqrt(((lab - mean) ** 2 * share).sum(axis=(0, 1))) for lab, mean in zip(labs, means, strict=True)]
    moved = (labs[0] - means[0]) * spreads[1] / spreads[0] + means[1]
    result: Numbers = cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2BGR).clip(0, 1) * 255.0
    return result


@pytest.mark.parametrize("colour", [FAIR, (80.0, 100.0, 140.0), (140.0, 130.0, 150.0)])
def test_it_does_what_a_transfer_through_lab_does(colour: tuple[float, float, float]) -> None:
    swapped, original = skin(SKIN), skin(colour, seed=1, spread=0.8)
    wanted = lab_transfer(swapped, original, oval())
    out = matched(swapped, original, ColourMatcher())
    inside = oval() > 0
    before = np.abs(swapped - wanted)[inside].mean()
    assert np.abs(out - wanted)[inside].mean() < min(5.0, 0.2 * before)


def test_strength_goes_from_nothing_to_all() -> None:
    swapped, original = skin(SKIN), skin(FAIR, seed=1)
    gaps = []
    for strength in (0.0, 0.25, 0.5, 1.0):
        out = matched(swapped, original, ColourMatcher(), strength=strength)
        gaps.append(np.abs(middle(out) - middle(original)).max())
        if strength == 0.0:
            np.testing.assert_array_equal(out, swapped)
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    assert gaps[3] < 3


def test_equal_crops_stay_as_they_are() -> None:
    image = skin(SKIN)
    assert np.abs(matched(image, image, ColourMatcher()).astype(int) - image).max() <= 1


@pytest.mark.parametrize("side", [64, 256])
def test_the_wearers_crop_may_have_another_size(side: int) -> None:
    out = matched(skin(SKIN), skin(FAIR, seed=1, side=side), ColourMatcher())
    assert np.abs(middle(out) - middle(skin(FAIR, seed=1))).max() < 4


def test_what_the_mask_leaves_out_does_not_count() -> None:
    original, clean = skin(FAIR, seed=1), skin(FAIR, seed=1)
    original[: SIDE // 2] = (0, 255, 0)
    mask = FULL.copy()
    mask[: SIDE // 2] = 0
    outs = []
    for image in (original, clean):
        out = skin(SKIN)
        ColourMatcher()(out, image, mask, 0)
        outs.append(out)
    assert np.abs(outs[0].astype(int) - outs[1]).mean() < 3


def test_an_empty_mask_teaches_nothing() -> None:
    swapped, original = skin(SKIN), skin(FAIR, seed=1)
    empty = np.zeros_like(FULL)
    matcher = ColourMatcher()
    out = swapped.copy()
    matcher(out, original, empty, 0)
    np.testing.assert_array_equal(out, swapped)
    known = matched(swapped, original, matcher, 1)
    out = swapped.copy()
    matcher(out, skin((255, 0, 0), seed=2), empty, 2 * STEP_NS)
    np.testing.assert_array_equal(out, known)


def test_jitter_is_smoothed_away_and_depends_on_time_not_on_frames() -> None:
    swapped = skin(SKIN)
    rng = np.random.default_rng(0)
    matcher = ColourMatcher()
    asked, given = [], []
    for k in range(60):
        original = np.clip(skin(FAIR, seed=1) + rng.normal(0, 2), 0, 255).astype(np.uint8)
        asked.append(middle(original))
        given.append(middle(matched(swapped, original, matcher, k)))
    assert np.abs(np.diff(given[10:], axis=0)).mean() < 0.2 * np.abs(np.diff(asked[10:], axis=0)).mean()
    slow, quick = ColourMatcher(), ColourMatcher()
    near = (FAIR[0] + 3, FAIR[1] + 3, FAIR[2] + 3)
    matched(swapped, skin(FAIR, seed=1), slow)
    matched(swapped, skin(FAIR, seed=1), quick)
    for k in range(1, 4):
        matched(swapped, skin(near, seed=1), quick, k)
    last = matched(swapped, skin(near, seed=1), quick, 4)
    assert np.abs(matched(swapped, skin(near, seed=1), slow, 4).astype(int) - last).max() <= 1


def test_another_light_is_followed_at_once() -> None:
    swapped, matcher = skin(SKIN), ColourMatcher()
    for k in range(5):
        matched(swapped, skin(FAIR, seed=1), matcher, k)
    dark = skin((80.0, 95.0, 140.0), seed=1)
    assert np.abs(middle(matched(swapped, dark, matcher, 5)) - middle(dark)).max() < 3


@pytest.mark.parametrize("how", ["gap", "time turned back", "reset"])
def test_it_starts_afresh(how: str) -> None:
    swapped, matcher = skin(SKIN), ColourMatcher()
    near = skin((152.0, 163.0, 203.0), seed=1)
    for k in range(5, 8):
        matched(swapped, skin(FAIR, seed=1), matcher, k)
    wanted = matched(swapped, near, ColourMatcher())
    at = {"gap": 40, "time turned back": 2, "reset": 8}[how]
    assert (matched(swapped, near, _copy_of(matcher), 8) != wanted).any()
    if how == "reset":
        matcher.reset()
    np.testing.assert_array_equal(matched(swapped, near, matcher, at), wanted)


def _copy_of(matcher: ColourMatcher) -> ColourMatcher:
    """One that knows the same, since asking teaches."""
    other = ColourMatcher()
    known = matcher._memory.transfer
    assert known is not None
    other._memory.keep(known, matcher._memory._last_ns)
    return other


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_crops_and_extremes_stay_bounded(value: int) -> None:
    flat = np.full((SIDE, SIDE, 3), value, np.uint8)
    swapped = skin(SKIN)
    out = matched(swapped, flat, ColourMatcher())
    assert np.abs(middle(out) - middle(swapped)).max() < 66
    # A flat wearer leaves 70 % of the contrast, except where it is cut at black or white.
    assert out[..., 1].std() > 0.4 * swapped[..., 1].std()
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    assert np.ptp(matched(grey, swapped, ColourMatcher()).reshape(-1, 3), axis=0).max() == 0


def means(image: Image) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)
    return found


def test_small_means_alone_tell_what_is_done_to_the_crop() -> None:
    """What works from 32 x 32 means, frame by frame, is what the matcher does to the crops themselves."""
    swapped, memory, matcher = skin(SKIN), ColourMemory(), ColourMatcher()
    for k, colour in enumerate([FAIR, (152.0, 164.0, 203.0), (90.0, 100.0, 140.0), (91.0, 100.0, 140.0)]):
        original = skin(colour, seed=1)
        fresh = measured(means(swapped), means(original), means(FULL))
        assert fresh is not None
        memory.follow(fresh, k * STEP_NS)
        assert memory.transfer is not None
        wanted = cv2.transform(swapped, memory.transfer.matrix(0.8))
        np.testing.assert_allclose(matched(swapped, original, matcher, k, 0.8), wanted, atol=1)


def test_where_there_is_no_face_nothing_is_measured() -> None:
    assert measured(means(skin(SKIN)), means(skin(FAIR)), means(np.zeros_like(FULL))) is None


def test_a_small_change_is_followed_by_the_time_that_went_by() -> None:
    memory = ColourMemory()
    assert memory.calm(0) == 1.0
    fresh = measured(means(skin(SKIN)), means(skin(FAIR)), means(FULL))
    assert fresh is not None
    memory.keep(fresh, 0)
    assert memory.calm(STEP_NS) < memory.calm(2 * STEP_NS) < 0.2
    assert memory.calm(-1) == memory.calm(600_000_000) == 1.0
    memory.reset()
    assert memory.calm(STEP_NS) == 1.0
