"""The tiers in the chain: fewer runs of the enhancer without flicker, a smaller one, and no masks but more cover."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.core.ladder import Adaptable, Sharpening, Tier
from livecam.core.persona import Persona
from livecam.core.seams import Tensor
from livecam.core.settings import Settings
from livecam.errors import ContractError
from livecam.vision.enhance import Enhancer
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.masks import Maskers
from livecam.vision.swap.stage import CropSwapper
from tests.vision.swap.conftest import KEY, Spoilt, canvas_of, face_of, five_at, persona_of, source_of

Stages = Callable[..., CropSwapper]
Enhancers = Callable[..., Enhancer]
FULL, HALVED = Tier("full"), Tier("halved", sharpen_every=2)
REDDER = persona_of(source_of(1))
MIDDLE = np.s_[150:210, 290:350]


class Detail:
    """An enhancer's engine that adds a fine pattern to what the network gives, and counts its runs."""

    def __init__(self, enhancer: Enhancer) -> None:
        side = enhancer.side
        pattern = np.random.default_rng(1).normal(0, 0.15, (side // 4, side // 4)).astype(np.float32)
        self._pattern = cv2.resize(pattern, (side, side), interpolation=cv2.INTER_CUBIC)
        self.spy = Spoilt(enhancer._engine, self._add)
        enhancer._engine = self.spy
        self.fails = False

    def _add(self, _role: str, tensor: Tensor) -> Tensor:
        sharpened: Tensor = np.add(tensor, self._pattern, dtype=np.float32, casting="unsafe")
        return np.full_like(tensor, np.nan) if self.fails else sharpened

    @property
    def runs(self) -> int:
        return len(self.spy.fed)


class Seen:
    """A masker that hides the upper half, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, crop: Image, out: Image) -> Image:
        self.asked += 1
        out.fill(255)
        out[: len(out) // 2] = 0
        return out


def worn(swapper: StageSwapper, frame: Image, track: int = 1, persona: Persona = REDDER, blend: float = 0.7) -> Image:
    image = frame.copy()
    swapper(canvas_of(image), face_of(five_at(320, 180, 200), track), persona, Settings(blend=blend))
    return image


@pytest.fixture
def paced(crop_swapper: Stages, enhancer: Enhancers) -> tuple[StageSwapper, Detail]:
    sharp = enhancer()
    return StageSwapper(KEY, crop_swapper(), enhancer=sharp, colour=0.0), Detail(sharp)


def test_it_is_adaptable(crop_swapper: Stages) -> None:
    part: Adaptable = StageSwapper(KEY, crop_swapper())
    part.adapt(HALVED)


@pytest.mark.parametrize(("every", "runs"), [(1, 12), (2, 6), (3, 4)])
def test_the_enhancer_runs_on_every_nth_frame(
    every: int, runs: int, paced: tuple[StageSwapper, Detail], frame: Image
) -> None:
    swapper, detail = paced
    swapper.adapt(Tier("nth", sharpen_every=every))
    for _ in range(12):
        worn(swapper, frame)
    assert detail.runs == runs


def test_sharpness_does_not_come_and_go(paced: tuple[StageSwapper, Detail], frame: Image) -> None:
    """A still face: between two runs it looks as on them, and not as the plain swap, from which it differs much."""
    swapper, _ = paced
    plain = worn(swapper, frame, blend=0.0).astype(int)
    sharp = worn(swapper, frame).astype(int)
    swapper.adapt(HALVED)
    shown = [worn(swapper, frame).astype(int) for _ in range(6)]
    assert np.abs(sharp - plain)[MIDDLE].mean() > 5
    for image in shown:
        assert np.abs(image - sharp).max() <= 1


def test_in_motion_the_carried_detail_is_nearer_to_the_sharpened_face_than_none(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    """The face moves by 3 px and turns by 1.5 degrees from frame to frame, under an enhancer that sharpens."""
    sharp = enhancer()
    sharp._engine = Spoilt(sharp._engine, _unsharp)
    texture = np.random.default_rng(7).normal(0, 12, frame.shape)
    still = np.clip(frame + cv2.GaussianBlur(texture, (0, 0), 1.5) * 4, 40, 200).astype(np.uint8)
    swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1), enhancer=sharp, colour=0.0)
    apart: dict[str, list[float]] = {"carried": [], "plain": []}
    for number in range(1, 7):
        move = cv2.getRotationMatrix2D((320, 180), 1.5 * number, 1.0)
        move[:, 2] += np.array([2.6, 1.5]) * number
        image = np.asarray(cv2.warpAffine(still, move, (640, 360), borderMode=cv2.BORDER_REFLECT), np.uint8)
        five = cv2.transform(five_at(320, 180, 200)[None], move)[0].astype(np.float32)
        shown = {}
        for name, every, blend in (("carried", 2, 0.7), ("plain", 1, 0.0), ("sharp", 1, 0.7)):
            swapper.adapt(Tier(name, sharpen_every=every))
            copied = image.copy()
            swapper(canvas_of(copied), face_of(five), REDDER, Settings(blend=blend))
            shown[name] = copied.astype(int)
        for name, errors in apart.items():
            errors.append(float(np.abs(shown[name] - shown["sharp"])[160:200, 300:340].mean()))
    assert np.median(apart["carried"]) < 0.5 * np.median(apart["plain"])


def _unsharp(_role: str, tensor: Tensor) -> Tensor:
    planes = np.asarray(tensor[0], np.float32)
    sharpened = [2.5 * plane - 1.5 * cv2.GaussianBlur(plane, (0, 0), 6) for plane in planes]
    made: Tensor = np.clip(np.stack(sharpened)[None], -1, 1).astype(np.float32)
    return made


def test_what_is_shown_is_this_frames_swap_and_not_an_earlier_face(
    paced: tuple[StageSwapper, Detail], frame: Image
) -> None:
    """The light goes down between a run and the frame after it: the detail stays, the face is the new one."""
    swapper, detail = paced
    darker = (frame * 0.8).astype(np.uint8)
    wanted = worn(swapper, darker).astype(int)
    swapper.adapt(HALVED)
    carried, run = worn(swapper, frame), worn(swapper, frame)
    assert np.abs(carried.astype(int) - run).mean() < 0.1
    runs = detail.runs
    found = worn(swapper, darker).astype(int)
    assert detail.runs == runs
    assert np.abs(found - wanted)[MIDDLE].mean() < 2
    assert np.abs(worn(swapper, frame).astype(int) - wanted)[MIDDLE].mean() > 15


@pytest.mark.parametrize("change", ["face", "persona", "blend", "reset", "failure"])
def test_detail_is_never_carried_to_what_it_is_not_of(
    change: str, paced: tuple[StageSwapper, Detail], frame: Image
) -> None:
    swapper, detail = paced
    swapper.adapt(HALVED)
    worn(swapper, frame)
    if change == "reset":
        swapper.reset()
    if change == "failure":
        worn(swapper, frame)
        detail.fails = True
        with pytest.raises(ContractError):
            worn(swapper, frame)
        detail.fails = False
    runs = detail.runs
    other = persona_of(source_of(1), digest="e") if change == "persona" else REDDER
    worn(swapper, frame, 2 if change == "face" else 1, other, 0.3 if change == "blend" else 0.7)
    assert detail.runs == runs + 1


def test_the_smaller_enhancer_takes_over_and_gives_back(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    large, small = enhancer(), enhancer("gpen_bfr_256", side=256)
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=large, colour=0.0, small_enhancer=small)
    runs = Detail(large), Detail(small)
    for tier in (Tier("small", Sharpening.SMALL), Tier("small 2", Sharpening.SMALL, 2), FULL):
        swapper.adapt(tier)
        worn(swapper, frame)
        worn(swapper, frame)
    assert [each.runs for each in runs] == [2, 3]


def test_without_a_smaller_one_the_enhancer_stays(paced: tuple[StageSwapper, Detail], frame: Image) -> None:
    swapper, detail = paced
    swapper.adapt(Tier("small", Sharpening.SMALL))
    worn(swapper, frame)
    assert detail.runs == 1


def test_without_masks_more_is_covered_and_never_less(crop_swapper: Stages, frame: Image) -> None:
    before, placed, after = Seen(), Seen(), Seen()
    placed.place = lambda landmarks, matrix: None  # type: ignore[attr-defined]
    maskers = Maskers(before=(before,), placed=(placed,), after=(after,))  # type: ignore[arg-type]
    swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1), maskers, colour=0.0)
    masked = worn(swapper, frame) != frame
    swapper.adapt(Tier("mask off", mask=False))
    assert not (masked & ~(worn(swapper, frame) != frame)).any()
    assert (before.asked, placed.asked, after.asked) == (1, 2, 1), "what works from landmarks costs nothing"
    swapper.adapt(FULL)
    np.testing.assert_array_equal(worn(swapper, frame) != frame, masked)


def test_without_masks_all_of_the_face_is_covered(crop_swapper: Stages, frame: Image) -> None:
    swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1), Maskers(before=(Seen(),)), colour=0.0)
    swapper.adapt(Tier("mask off", mask=False))
    after = worn(swapper, frame)
    np.testing.assert_allclose(after[MIDDLE][..., :2], 255 - frame[MIDDLE][..., :2].astype(int), atol=12)
