"""The chain as a whole: everything comes back where it was taken from, nothing else is touched, rubbish is withheld."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.core.face import Face, Landmarks
from livecam.core.frame import Image, Matrix, Points, Size
from livecam.core.geometry import compose
from livecam.core.seams import Engine, Swapper
from livecam.core.settings import Settings
from livecam.errors import ContractError, EngineError, FaceUncovered
from livecam.vision.contract import SwapperContract
from livecam.vision.enhance import Enhancer
from livecam.vision.mask.steady import SteadyMasker
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.masks import Maskers
from livecam.vision.swap.sharpen import field_of
from livecam.vision.swap.stage import CropSwapper
from tests.vision.swap import planted
from tests.vision.swap.conftest import KEY, Spoilt, canvas_of, face_of, five_at, persona_of, source_of

Stages = Callable[..., CropSwapper]
Enhancers = Callable[..., Enhancer]
FIVE = five_at(320, 180, 200)
NOBODY = persona_of(source_of(0, 0, 0, 1))
REDDER = persona_of(source_of(1))


def worn(
    swapper: StageSwapper, frame: Image, five: Points = FIVE, persona: object = NOBODY, blend: float = 0.7
) -> Image:
    """The frame after the swap."""
    image = frame.copy()
    swapper(canvas_of(image), face_of(five), persona, Settings(blend=blend))  # type: ignore[arg-type]
    return image


def with_marker(frame: Image, x: float, y: float) -> Image:
    """A grey frame with a soft bright spot."""
    rows, columns = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    spot = 100 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6.0**2))
    image: Image = np.rint(np.repeat(100 + spot[:, :, None], 3, axis=2)).astype(np.uint8)
    return image


def middle(image: Image, x: float, y: float) -> tuple[float, float]:
    """Centroid of what stands out from 155, the inverse of 100, around (x, y)."""
    rows, columns = np.mgrid[round(y) - 20 : round(y) + 21, round(x) - 20 : round(x) + 21]
    weights = np.abs(image[rows, columns, 1].astype(float) - 155)
    return float((columns * weights).sum() / weights.sum()), float((rows * weights).sum() / weights.sum())


class Region:
    """A masker that keeps what it saw and shows the lower part."""

    def __init__(self, from_row: float = 0.0) -> None:
        self.seen: list[Image] = []
        self.placed: list[tuple[Landmarks, Matrix]] = []
        self._from = from_row

    def place(self, landmarks: Landmarks, matrix: Matrix) -> None:
        self.placed.append((landmarks, matrix))

    def __call__(self, crop: Image, out: Image) -> Image:
        self.seen.append(crop.copy())
        out.fill(255)
        out[: round(self._from * len(out))] = 0
        return out


def test_it_is_a_swapper(crop_swapper: Stages) -> None:
    swapper: Swapper[Image] = StageSwapper(KEY, crop_swapper())
    swapper.reset()


@pytest.mark.parametrize("degrees", [0.0, 25.0, -70.0])
@pytest.mark.parametrize("boost", [1, 2])
@pytest.mark.parametrize("enhanced", ["no", "gfpgan_1.4", "gpen_bfr_256"])
def test_a_marker_comes_back_where_it_was(
    enhanced: str, boost: int, degrees: float, crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    """Two templates, two sizes and a turned face: everything still lies where it was, to a tenth of a pixel.

    The swapper inverts, so what is found has gone through the crops.
    """
    five = five_at(320, 180, 200, degrees)
    sides = {"gfpgan_1.4": 512, "gpen_bfr_256": 256}
    sharp = enhancer(enhanced, side=sides[enhanced]) if enhanced != "no" else None
    swapper = StageSwapper(KEY, crop_swapper(boost=boost, gain=-1, bias=1), enhancer=sharp, colour=0.0)
    for x, y in ((302.4, 171.7), (341.3, 199.6), (320.0, 215.5)):
        image = with_marker(frame, x, y)
        found = middle(worn(swapper, image, five), x, y)
        assert np.hypot(found[0] - x, found[1] - y) < 0.1


def test_the_swap_is_really_in_the_picture(crop_swapper: Stages, frame: Image) -> None:
    """A network that turns light to dark and back shows that its output, and not the frame, is what is seen."""
    after = worn(StageSwapper(KEY, crop_swapper(gain=-1, bias=1), colour=0.0), frame)
    np.testing.assert_allclose(after[150:210, 290:350], 255 - frame[150:210, 290:350].astype(int), atol=12)


def test_colours_reach_the_frame_in_order(crop_swapper: Stages, frame: Image) -> None:
    after = worn(StageSwapper(KEY, crop_swapper(), colour=0.0), frame, persona=REDDER)
    change = (after.astype(int) - frame)[150:210, 290:350].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(change, [0, 0, 51], atol=1.5)


@pytest.mark.parametrize("enhanced", [False, True])
def test_nothing_outside_the_crop_is_touched(
    enhanced: bool, crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    stage = crop_swapper(gain=-1, bias=1)
    sharp = enhancer(bias=0.5) if enhanced else None
    after = worn(StageSwapper(KEY, stage, enhancer=sharp), frame)
    corners = np.array([[[0, 0]], [[127, 0]], [[127, 127]], [[0, 127]]], np.float32)
    footprint = np.zeros(frame.shape[:2], np.uint8)
    back = cv2.invertAffineTransform(stage.matrix(FIVE))
    cv2.fillConvexPoly(footprint, np.rint(cv2.transform(corners, back)).astype(np.int32), 255)
    outside = cv2.dilate(footprint, np.ones((5, 5), np.uint8)) == 0
    np.testing.assert_array_equal(after[outside], frame[outside])
    assert (after != frame)[~outside].mean() > 0.5


def test_a_face_at_the_edge_is_swapped_as_far_as_it_is_there(crop_swapper: Stages, frame: Image) -> None:
    after = worn(StageSwapper(KEY, crop_swapper(gain=-1, bias=1), colour=0.0), frame, five_at(30, 100, 200))
    assert (np.abs(after[60:140, :60].astype(int) + frame[60:140, :60] - 255) < 16).mean() > 0.95


def test_blend_0_is_the_unenhanced_face_to_the_byte(crop_swapper: Stages, enhancer: Enhancers, frame: Image) -> None:
    plain = worn(StageSwapper(KEY, crop_swapper()), frame, persona=REDDER)
    zero = worn(StageSwapper(KEY, crop_swapper(), enhancer=enhancer(bias=0.5)), frame, persona=REDDER, blend=0.0)
    np.testing.assert_array_equal(zero, plain)


@pytest.mark.parametrize(("name", "side"), [("gfpgan_1.4", 512), ("gpen_bfr_256", 256)])
@pytest.mark.parametrize("blend", [0.3, 0.7])
def test_the_enhanced_face_is_blended_in(
    blend: float, name: str, side: int, crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    """The enhancer adds 0.2 of -1..1, which is 25.5 grey values; the blend shows its share of them."""
    sharp = enhancer(name, side=side, bias=0.2)
    after = worn(StageSwapper(KEY, crop_swapper(), enhancer=sharp, colour=0.0), frame, FIVE, REDDER, blend)
    plain = worn(StageSwapper(KEY, crop_swapper(), colour=0.0), frame, FIVE, REDDER)
    change = (after.astype(int) - plain)[160:200, 300:340]
    assert abs(change.mean() - blend * 25.5) < 1.0


def test_an_enhancer_of_the_very_same_crop_needs_no_second_warp(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    """GPEN 256 takes HyperSwap's own crop: what is painted is the byte-wise mix, not a warp of it."""
    stage = crop_swapper("hyperswap_1a_256", side=256, low=-1.0, mask=np.ones((256, 256)), emap=None)
    sharp = enhancer("gpen_bfr_256", side=256)
    np.testing.assert_allclose(sharp.matrix(FIVE), stage.matrix(FIVE), atol=1e-9)
    plain = worn(StageSwapper(KEY, stage), frame, FIVE, REDDER)
    mixed = worn(StageSwapper(KEY, stage, enhancer=sharp), frame, FIVE, REDDER)
    np.testing.assert_array_equal(mixed[110:250, 260:380], plain[110:250, 260:380])
    np.testing.assert_allclose(mixed.astype(int), plain, atol=1)  # towards the edge it is faded in two steps


def test_the_enhancer_sees_the_swap_in_its_surroundings(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    sharp = enhancer()
    spy = Spoilt(sharp._engine, lambda _, tensor: tensor)
    sharp._engine = spy
    stage = crop_swapper()
    worn(StageSwapper(KEY, stage, enhancer=sharp, colour=0.0), frame, persona=REDDER)
    seen = (spy.fed[0]["picture"][0] + 1) * 127.5
    matrix = compose(field_of(stage, sharp).matrix(512), stage.matrix(FIVE))
    own = canvas_of(frame.copy()).crop(matrix, Size(512, 512), np.empty((512, 512, 3), np.uint8))
    change = seen - own[:, :, ::-1].transpose(2, 0, 1)
    assert abs(change[0, 200:300, 200:300].mean() - 51) < 1.5
    # What surrounds the face is seen as finely as the swapper's crop, here two thirds of the frame's own pixels.
    assert np.abs(change[:, :8]).max() < 10
    assert abs(change[:, :8].mean()) < 0.5


def test_an_enhancer_that_changes_nothing_leaves_the_swap_as_it_is(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    """In the soft edge too, where the mask fades the swap in: it is not faded twice."""
    plain = worn(StageSwapper(KEY, crop_swapper(), colour=0.0), frame, persona=REDDER).astype(int)
    same = worn(StageSwapper(KEY, crop_swapper(), enhancer=enhancer(), colour=0.0), frame, persona=REDDER)
    red = (plain - frame)[:, :, 2]
    edge = (red > 26) & (red < 50)
    assert edge.sum() > 1000
    np.testing.assert_allclose(same[edge], plain[edge], atol=4)
    np.testing.assert_allclose(same, plain, atol=10)


def test_the_networks_own_mask_decides_what_is_shown(crop_swapper: Stages, frame: Image) -> None:
    mask = np.zeros((256, 256))
    mask[110:] = 1
    stage = crop_swapper("hyperswap_1a_256", side=256, low=-1.0, gain=-1, mask=mask, emap=None)
    after = worn(StageSwapper(KEY, stage, colour=0.0), frame)
    np.testing.assert_array_equal(after[:155], frame[:155])
    assert np.abs(after[180:210, 300:340].astype(int) - frame[180:210, 300:340]).mean() > 10


def turned(degrees: float) -> Points:
    """`FIVE` of a head turned to a side: flat, but for the nose."""
    angle = np.radians(degrees)
    middle = (FIVE[0, 0] + FIVE[1, 0]) / 2
    five = FIVE.copy()
    five[:, 0] = middle + (FIVE[:, 0] - middle) * np.cos(angle)
    five[2, 0] += 0.68 * (FIVE[1, 0] - FIVE[0, 0]) * np.sin(angle)
    return five


def test_a_face_turned_too_far_is_not_painted_until_it_has_turned_well_back(crop_swapper: Stages, frame: Image) -> None:
    swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1))
    painted = []
    for degrees in (30, 45, 50, 54, -54, 50, 49, 46, 50):
        try:
            painted.append(bool((worn(swapper, frame, turned(degrees)) != frame).any()))
        except FaceUncovered:
            painted.append(False)
    assert painted == [True, True, True, False, False, False, False, True, True]


class Bright:
    """A masker that shows what is bright, the more the brighter."""

    def __call__(self, crop: Image, out: Image) -> Image:
        np.copyto(out, crop[:, :, 1] // 4 + 100)
        return out


@pytest.mark.parametrize("place", ["before", "after"])
def test_masks_of_two_faces_do_not_mix(crop_swapper: Stages, frame: Image, place: str) -> None:
    """Smoothed over one another's, each face's mask would take on the shape of what stands before the other."""
    frame = frame.copy()
    frame[:, 320:] = frame[:, 320:] // 2 + 60
    faces = [face_of(five_at(x, 180, 160), track) for x, track in ((160, 5), (480, 6))]

    def after(which: list[Face]) -> Image:
        times = iter(range(1, 100))
        steady = SteadyMasker(Bright(), lambda: (next(times) - 1) // len(which) * 33_000_000)
        swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1), Maskers(**{place: (steady,)}), colour=0.0)  # type: ignore[arg-type]
        image = frame
        for _ in range(3):
            image = frame.copy()
            canvas = canvas_of(image)
            for face in which:
                swapper(canvas, face, NOBODY, Settings())
        return image

    both, left, right = after(faces), np.s_[:, :320], np.s_[:, 320:]
    assert (both[left] != frame[left]).any()
    np.testing.assert_array_equal(both[left], after(faces[:1])[left])
    np.testing.assert_array_equal(both[right], after(faces[1:])[right])


def test_masks_compose_by_minimum_and_each_sees_its_own_crop(crop_swapper: Stages, frame: Image) -> None:
    before, placed, after = Region(0.3), Region(0.5), Region(0.4)
    maskers = Maskers(before=(before,), placed=(placed,), after=(after,))
    stage = crop_swapper(gain=-1, bias=1)
    result = worn(StageSwapper(KEY, stage, maskers, colour=0.0), frame)
    np.testing.assert_allclose(after.seen[0], 255 - before.seen[0].astype(int), atol=1)
    np.testing.assert_array_equal(placed.placed[0][1], stage.matrix(FIVE))
    boundary = 180 - 100 + 0.5 * 200
    np.testing.assert_array_equal(result[: round(boundary) - 4], frame[: round(boundary) - 4])
    assert np.abs(result[190:210, 300:340].astype(int) - frame[190:210, 300:340]).mean() > 10


@pytest.mark.parametrize("place", ["before", "placed", "after"])
def test_a_mask_that_would_show_the_bare_face_is_refused(place: str, crop_swapper: Stages, frame: Image) -> None:
    swapper = StageSwapper(KEY, crop_swapper(gain=-1, bias=1), Maskers(**{place: (Region(1.0),)}))  # type: ignore[arg-type]
    image = frame.copy()
    with pytest.raises(ContractError, match=r"leave the face bare.*only 0%"):
        swapper(canvas_of(image), face_of(FIVE), NOBODY, Settings())
    np.testing.assert_array_equal(image, frame)


def test_an_own_mask_of_nothing_is_refused(crop_swapper: Stages, frame: Image) -> None:
    stage = crop_swapper("hyperswap_1a_256", side=256, low=-1.0, mask=np.zeros((256, 256)), emap=None)
    with pytest.raises(ContractError, match=r"leave the face bare.*only 0%"):
        worn(StageSwapper(KEY, stage), frame, FIVE, REDDER)


def test_a_network_that_gives_the_wearer_back_is_refused(crop_swapper: Stages, frame: Image) -> None:
    """Whatever the masks say, it would show the bare face."""
    image = frame.copy()
    with pytest.raises(ContractError, match="gave back the face"):
        StageSwapper(KEY, crop_swapper())(canvas_of(image), face_of(FIVE), NOBODY, Settings())
    np.testing.assert_array_equal(image, frame)


@pytest.mark.parametrize("value", [np.nan, 0.0, 0.5])
@pytest.mark.parametrize("broken", ["swapper", "enhancer"])
def test_rubbish_never_reaches_the_frame(
    value: float, broken: str, swap_engine: Callable[..., Engine], enhancer: Enhancers, frame: Image
) -> None:
    engine: Engine = swap_engine()
    contract, sharp = planted.model(KEY).contract, enhancer()
    assert isinstance(contract, SwapperContract)
    if broken == "swapper":
        engine = Spoilt(engine, lambda _, tensor: np.full_like(tensor, value))
    else:
        sharp._engine = Spoilt(sharp._engine, lambda _, tensor: np.full_like(tensor, value))
    image = frame.copy()
    with pytest.raises(ContractError):
        StageSwapper(KEY, CropSwapper(engine, contract), enhancer=sharp)(
            canvas_of(image), face_of(FIVE), NOBODY, Settings()
        )
    np.testing.assert_array_equal(image, frame)


def test_a_network_that_fails_leaves_the_frame_alone(crop_swapper: Stages, frame: Image) -> None:
    stage, image = crop_swapper(), frame.copy()
    stage._engine.close()
    with pytest.raises(EngineError):
        StageSwapper(KEY, stage)(canvas_of(image), face_of(FIVE), NOBODY, Settings())
    np.testing.assert_array_equal(image, frame)


@pytest.mark.parametrize(
    ("five", "message"),
    [
        (np.full((5, 2), np.nan), "not finite"),
        (five_at(320, 180, 200) * 50, "far outside"),
        (five_at(320, 180, 12), "too small"),
        (np.full((5, 2), 100), "too small"),
        (five_at(-30, 180, 200), "not lie in the frame"),
        (five_at(320, 400, 200), "not lie in the frame"),
    ],
)
def test_faces_that_cannot_be_are_refused(five: Points, message: str, crop_swapper: Stages, frame: Image) -> None:
    image = frame.copy()
    with pytest.raises(ContractError, match=message):
        StageSwapper(KEY, crop_swapper())(canvas_of(image), face_of(five.astype(np.float32)), NOBODY, Settings())
    np.testing.assert_array_equal(image, frame)


@pytest.mark.parametrize(
    "persona",
    [
        persona_of(source_of(1), key="hyperswap_1a_256"),
        replace(NOBODY, identity={KEY: "ann"}),
        persona_of(np.zeros((1, 3, 112, 112), np.float32)),
    ],
)
def test_a_persona_that_is_not_prepared_for_it_is_refused(persona: object, crop_swapper: Stages, frame: Image) -> None:
    with pytest.raises(ContractError, match="ann is not prepared for inswapper_128"):
        worn(StageSwapper(KEY, crop_swapper()), frame, persona=persona)


def test_colours_are_matched_to_the_wearers(crop_swapper: Stages, frame: Image) -> None:
    """A swap that is 51 too red takes on the wearer's red again; at half strength half of it."""
    reds = []
    for colour in (0.0, 0.5, 1.0):
        after = worn(StageSwapper(KEY, crop_swapper(), colour=colour), frame, persona=REDDER)
        reds.append(float((after.astype(int) - frame)[150:210, 290:350, 2].mean()))
    np.testing.assert_allclose(reds, [51, 25, 0], atol=5)


def test_colours_are_smoothed_by_wearer_and_forgotten(crop_swapper: Stages, frame: Image) -> None:
    now = iter(range(0, 10**9, 10**7))
    swapper = StageSwapper(KEY, crop_swapper(), now_ns=lambda: next(now))

    def green(track: int, source: float, digest: str = "d") -> float:
        image = frame.copy()
        face: Face = face_of(FIVE, track)
        swapper(canvas_of(image), face, persona_of(source_of(0, source), digest=digest), Settings())
        return float((image.astype(int) - frame)[150:210, 290:350, 1].mean())

    assert abs(green(1, 0.3)) < 2
    assert green(1, 0.36) > 1.5  # 3 grey values more are followed slowly
    assert abs(green(2, 0.36)) < 1.5  # another wearer is judged afresh
    assert abs(green(1, 0.36, digest="e")) < 1.5  # and another persona
    assert green(1, 0.42, digest="e") > 1.5
    swapper.reset()
    assert abs(green(1, 0.42, digest="e")) < 1.5


def test_it_says_how_long_each_stage_took(crop_swapper: Stages, enhancer: Enhancers, frame: Image) -> None:
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=enhancer())
    worn(swapper, frame, FIVE, REDDER)
    assert list(swapper.stages()) == ["crop", "occlusion", "swap", "colour", "region", "enhance", "paint"]
    assert all(duration > 0 for duration in swapper.stages().values())


@pytest.mark.parametrize("colour", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(colour: float, crop_swapper: Stages) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        StageSwapper(KEY, crop_swapper(), colour=colour)
