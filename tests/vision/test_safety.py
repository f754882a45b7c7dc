"""From what a network gives to a verdict: each family read by hand, several that vote, rubbish that is no answer."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from livecam.bench import standins
from livecam.core.face import Box
from livecam.core.frame import Image, Points, Size
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import ContractError
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import (
    AgeContract,
    AgeFamily,
    Alignment,
    Colour,
    Layout,
    NudityContract,
    NudityFamily,
    PictureIn,
)
from livecam.vision.safety import AgeJudge, NudityJudge, NudityJury, Score, Shrinker, Verdict, contained, fitting
from livecam.vision.template import Template

PICTURE = PictureIn(32, Colour.RGB, Layout.NCHW, (0.0,) * 3, (255.0,) * 3)
FIVE = np.array([[12, 12], [20, 12], [16, 16], [13, 20], [19, 20]], np.float32)
BOX = Box(8, 6, 24, 26)


class Telling:
    """An engine that gives what it is told to, and remembers what it was fed."""

    inputs: Mapping[str, TensorSpec] = {}
    outputs: Mapping[str, TensorSpec] = {}

    def __init__(self, **results: Tensor) -> None:
        self.results = results
        self.fed: list[Tensor] = []

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.fed.append(feeds["picture"].copy())
        return self.results

    def close(self) -> None:
        """Nothing is held."""


USUAL = Size(64, 48)


def plain(value: int, size: Size = USUAL) -> Image:
    return np.full(size.image_shape, value, np.uint8)


def classes(*weights: float, limit: float = 0.25) -> NudityContract:
    return NudityContract(NudityFamily.CLASSES, PICTURE, weights, limit)


def boxes(*weights: float, limit: float = 0.25) -> NudityContract:
    return NudityContract(NudityFamily.BOXES, PICTURE, weights, limit)


def test_classes_are_weighed_and_summed() -> None:
    engine = Telling(scores=np.array([[1.0, 2.0, 4.0, 8.0]], np.float32))
    score = NudityJudge("nsfw", engine, classes(-1, -1, 1, 1, limit=10.5))(plain(9))
    assert score == Score("nsfw", 9.0, 10.5)
    assert not score.hit
    assert NudityJudge("nsfw", engine, classes(-1, -1, 1, 1, limit=8.9))(plain(9)).hit
    assert NudityJudge("nsfw", engine, classes(-1, -1, 1, 1, limit=10.5), limit=8.9)(plain(9)).hit
    assert str(score) == "nsfw 9 (limit 10.5)"


def test_a_score_at_the_limit_is_no_hit() -> None:
    assert not Score("a", 0.25, 0.25).hit
    assert Score("a", np.nextafter(0.25, 1), 0.25).hit


def test_of_boxes_the_best_counts_and_only_of_classes_that_count() -> None:
    rows = np.zeros((1, 4 + 3, 5), np.float32)
    rows[0, :4] = 300  # places are no scores
    rows[0, 4, 1], rows[0, 5, 3], rows[0, 6, 4] = 0.9, 0.4, 0.3
    assert NudityJudge("boxes", Telling(rows=rows), boxes(0, 1, 1))(plain(9)).value == pytest.approx(0.4)
    assert NudityJudge("boxes", Telling(rows=rows), boxes(1, 0, 0))(plain(9)).value == pytest.approx(0.9)


@pytest.mark.parametrize(
    "scores",
    [
        np.array([[1.0, np.nan]], np.float32),
        np.array([[1.0, np.inf]], np.float32),
        np.array([[1.0]], np.float32),
        np.array([[1.0, 2.0]], np.float64),
    ],
)
def test_rubbish_is_no_answer(scores: Tensor) -> None:
    with pytest.raises(ContractError):
        NudityJudge("a", Telling(scores=scores), classes(1, -1))(plain(9))


@pytest.mark.parametrize("shape", [(1, 7, 0), (1, 6, 4), (7, 4), ()])
def test_rows_of_another_shape_are_no_answer(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError):
        NudityJudge("a", Telling(rows=np.zeros(shape, np.float32)), boxes(1, 1, 1))(plain(9))


@pytest.mark.parametrize(
    ("hits", "expected"),
    [("1", True), ("0", False), ("10", True), ("00", False), ("100", False), ("110", True), ("111", True), ("", False)],
)
def test_half_of_them_suffice(hits: str, expected: bool) -> None:
    verdict = Verdict(tuple(Score("a", float(hit), 0.5) for hit in hits))
    assert verdict.hit is expected


def test_a_jury_says_nothing_when_one_of_it_fails() -> None:
    good = NudityJudge("good", Telling(scores=np.array([[1.0, 0.0]], np.float32)), classes(1, -1))
    bad = NudityJudge("bad", Telling(scores=np.array([[np.nan, 0.0]], np.float32)), classes(1, -1))
    assert str(NudityJury([good, good])(plain(9))) == "good 1 (limit 0.25), good 1 (limit 0.25)"
    with pytest.raises(ContractError):
        NudityJury([good, bad])(plain(9))


def test_the_whole_picture_is_fed_in_the_middle_with_black_around() -> None:
    engine = Telling(scores=np.zeros((1, 2), np.float32))
    image = plain(0)
    image[..., 2] = 255
    NudityJudge("a", engine, classes(1, -1))(image)
    fed = engine.fed[0][0]
    assert fed.shape == (3, 32, 32)
    assert fed[0, 4:28].min() == 1.0, "64x48 becomes 32x24, and red comes first"
    assert fed[1:].max() == 0.0
    assert fed[:, :4].max() == fed[:, 28:].max() == 0.0


@pytest.mark.parametrize("size", [Size(1, 400), Size(400, 1), Size(7, 5), Size(33, 33)])
def test_every_picture_fits(size: Size) -> None:
    square = np.full((32, 32, 3), 9, np.uint8)
    filled = contained(plain(255, size), square)
    assert filled is square
    assert set(np.unique(filled)) <= {0, 255}, "nothing of the picture before is left"
    assert filled.max() == 255


def test_the_copy_is_small_whole_and_ones_own() -> None:
    shrink = Shrinker()
    frame = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
    small = shrink(frame)
    assert small.shape == (360, 640, 3)
    block = frame[:2, :2].astype(float).mean(axis=(0, 1))
    assert small[0, 0] == pytest.approx(block, abs=1)
    before = small.copy()
    frame[:] = 0
    np.testing.assert_array_equal(small, before)
    tiny = plain(7)
    assert shrink(tiny).shape == tiny.shape
    assert not np.shares_memory(shrink(tiny), tiny)
    assert fitting(Size(1920, 1080), 640, enlarge=False) == Size(640, 360)
    assert fitting(Size(64, 48), 640) == Size(640, 480)


def age(family: AgeFamily, **results: Tensor) -> tuple[AgeJudge, Telling]:
    engine = Telling(**results)
    aligned = Alignment(Template.ARCFACE_112_V2) if family is AgeFamily.FAIRFACE else None
    return AgeJudge(engine, AgeContract(family, PICTURE, aligned)), engine


def test_genderage_gives_hundredths_of_years_of_a_square_around_the_face() -> None:
    judge, engine = age(AgeFamily.GENDERAGE, values=np.array([[9.0, -9.0, 0.175]], np.float32))
    image = plain(0)
    image[6:26, 8:24] = 255
    assert judge(image, BOX, FIVE) == pytest.approx(17.5)
    # The box is 20 px tall and becomes 32 / 1.5 px: a margin of 5.3 px above and below is black.
    column = engine.fed[0][0, 0, :, 16]
    assert column[:4].max() == 0.0
    assert column[8:24].min() == 1.0
    assert column[28:].max() == 0.0


@pytest.mark.parametrize(("span", "years"), [(0, 0), (1, 3), (2, 10), (3, 20), (8, 70)])
def test_of_a_span_the_youngest_counts(span: int, years: float) -> None:
    judge, _ = age(AgeFamily.FAIRFACE, span=np.array([span], np.int64))
    assert judge(plain(0), BOX, FIVE) == years


@pytest.mark.parametrize("span", [np.array([9]), np.array([-1]), np.array([1.0], np.float32), np.array([1, 2])])
def test_a_span_that_there_is_not_is_no_answer(span: Tensor) -> None:
    with pytest.raises(ContractError, match="no span of ages"):
        age(AgeFamily.FAIRFACE, span=span)[0](plain(0), BOX, FIVE)


def test_a_face_of_no_size_has_no_age() -> None:
    points: Points = np.zeros((5, 2), np.float32)
    with pytest.raises(ContractError):
        age(AgeFamily.FAIRFACE, span=np.array([3]))[0](plain(0), BOX, points)
    with pytest.raises(ContractError):
        age(AgeFamily.GENDERAGE, values=np.zeros((1, 3), np.float32))[0](plain(0), Box(3, 3, 3, 3), FIVE)
    with pytest.raises(ContractError):
        age(AgeFamily.GENDERAGE, values=np.full((1, 3), np.nan, np.float32))[0](plain(0), BOX, FIVE)


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    """A stand-in of the network that the test names, with the published one's ports and numbers."""
    path = tmp_path / f"{request.param}.onnx"
    standins.write(request.param, path)
    return load_model_engine(load_model(request.param, catalogue_folders(None)), path, "cpu", threads=1)


@pytest.mark.parametrize("made", ["nsfw_1", "nsfw_2", "nsfw_3", "nudenet_320n"], indirect=True)
def test_each_published_contract_tells_white_from_black(made: Engine, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["made"]
    contract = load_model(name, catalogue_folders(None)).contract
    assert isinstance(contract, NudityContract)
    judge = NudityJudge(name, made, contract)
    # Square, so that no black bar lies around it.
    assert judge(plain(255, Size(64, 64))).hit
    assert not judge(plain(0, Size(64, 64))).hit


@pytest.mark.parametrize("made", ["genderage", "fairface"], indirect=True)
def test_each_published_contract_tells_old_from_young(made: Engine, request: pytest.FixtureRequest) -> None:
    contract = load_model(request.node.callspec.params["made"], catalogue_folders(None)).contract
    assert isinstance(contract, AgeContract)
    judge = AgeJudge(made, contract)
    five, box = FIVE * 20, Box(*(20 * side for side in BOX))
    assert judge(plain(200, Size(640, 640)), box, five) >= 50
    assert judge(plain(20, Size(640, 640)), box, five) < 18
