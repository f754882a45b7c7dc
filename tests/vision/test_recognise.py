"""Recognition: the crop is the template's, embeddings are compared by direction, and strangers among photos go out."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from livecam.errors import ContractError, PhotoRefused
from livecam.vision.contract import Alignment, ConverterContract, RecogniserContract
from livecam.vision.recognise import (
    SAME_PERSON,
    Embedding,
    IdentityConverter,
    Recogniser,
    cosine,
    normalised,
    pooled,
)
from livecam.vision.template import Template, align, points_of
from tests.vision.roles import PlantedEngine, picture

ARCFACE = RecogniserContract(picture(112, 127.5, 127.5), Alignment(Template.ARCFACE_112_V2), 512)
FIVE = points_of(Template.ARCFACE_112_V2, 112) * 2 + np.array([100, 50], np.float32)


def vector(seed: int, length: int = 512) -> Embedding:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def photos(people: str, alike: float, seed: int = 0) -> list[Embedding]:
    """An embedding for each letter; those of one letter have about the cosine `alike`, others about 0."""
    centres = {letter: normalised(vector(1000 + ord(letter) + seed)) for letter in set(people)}
    rows = []
    for index, letter in enumerate(people):
        noise = normalised(vector(seed * 101 + index))
        rows.append(12 * (np.sqrt(alike) * centres[letter] + np.sqrt(1 - alike) * noise).astype(np.float32))
    return rows


def recogniser(embedding: Embedding, contract: RecogniserContract = ARCFACE) -> tuple[Recogniser, PlantedEngine]:
    side = contract.picture.side
    engine = PlantedEngine({"picture": (1, 3, side, side)}, {"embedding": embedding[None]})
    return Recogniser(engine, contract), engine


def test_a_face_is_aligned_fed_and_given_back_raw() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    raw = vector(1) * 20
    who, engine = recogniser(raw)
    np.testing.assert_array_equal(who.embed(frame, FIVE), raw)
    crop = cv2.warpAffine(frame, np.array([[0.5, 0, -50], [0, 0.5, -25]]), (112, 112), borderValue=0)
    fed = engine.fed["picture"][0].transpose(1, 2, 0)[..., ::-1] * 127.5 + 127.5
    assert np.abs(fed - crop).max() <= 1  # the fit is off by 1e-7, which moves a rounding here and there
    assert np.abs(fed - crop).mean() < 0.01


def test_what_lies_beyond_the_frame_is_black() -> None:
    who, engine = recogniser(vector(1))
    who.embed(np.full((60, 60, 3), 200, np.uint8), points_of(Template.ARCFACE_112_V2, 112))
    assert engine.fed["picture"][0, 0, 100, 100] == -1
    assert engine.fed["picture"][0, 0, 20, 20] == pytest.approx((200 - 127.5) / 127.5)


def test_another_template_and_offset_are_used() -> None:
    contract = RecogniserContract(picture(112, 0, 1), Alignment(Template.ARCFACE_112_V1, 0.5), 512)
    who, engine = recogniser(vector(1), contract)
    frame = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    who.embed(frame, FIVE)
    crop = cv2.warpAffine(frame, align(FIVE, Template.ARCFACE_112_V1, 112, 0.5), (112, 112))
    np.testing.assert_array_equal(engine.fed["picture"][0].transpose(1, 2, 0)[..., ::-1], crop)


def test_the_embedding_outlives_the_next_run() -> None:
    given_away = vector(1)
    who, engine = recogniser(given_away)
    first = who.embed(np.zeros((99, 99, 3), np.uint8), FIVE)
    assert isinstance(engine.answer, dict)
    engine.answer["embedding"].fill(0)
    np.testing.assert_array_equal(first, vector(1))


@pytest.mark.parametrize("wrong", [np.full(512, np.nan, np.float32), np.zeros(128, np.float32)], ids=["nan", "short"])
def test_rubbish_is_refused(wrong: Embedding) -> None:
    with pytest.raises(ContractError, match="embedding"):
        recogniser(wrong)[0].embed(np.zeros((99, 99, 3), np.uint8), FIVE)


def test_points_that_coincide_are_refused() -> None:
    with pytest.raises(ContractError, match="coincide"):
        recogniser(vector(1))[0].embed(np.zeros((99, 99, 3), np.uint8), np.full((5, 2), 9, np.float32))


@pytest.mark.parametrize("unit", [True, False])
def test_a_converter_gets_the_direction_and_gives_what_its_contract_says(unit: bool) -> None:
    engine = PlantedEngine(
        {"embedding": (1, 512)}, lambda feeds: {"embedding": np.multiply(feeds["embedding"], 7, dtype=np.float32)}
    )
    raw = vector(3) * 20
    converted = IdentityConverter(engine, ConverterContract(512, unit))(raw)
    np.testing.assert_allclose(engine.fed["embedding"][0], normalised(raw))
    np.testing.assert_allclose(converted, normalised(raw) * (1 if unit else 7), rtol=1e-6)


def test_rubbish_from_a_converter_is_refused() -> None:
    engine = PlantedEngine({"embedding": (1, 512)}, {"embedding": np.full((1, 512), np.inf, np.float32)})
    with pytest.raises(ContractError, match="not finite"):
        IdentityConverter(engine, ConverterContract(512, False))(vector(1))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_nobody_has_no_direction(value: float) -> None:
    with pytest.raises(ContractError, match="nobody"):
        normalised(np.full(512, value, np.float32))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_likeness_is_that_of_directions(seed: int, a: float, b: float) -> None:
    first, second = vector(seed), vector(seed + 1)
    assert cosine(first * np.float32(a), second * np.float32(b)) == pytest.approx(cosine(second, first), abs=1e-5)
    assert cosine(first, first * np.float32(a)) == pytest.approx(1, abs=1e-6)
    assert cosine(first, -first) == pytest.approx(-1, abs=1e-6)
    assert np.linalg.norm(normalised(first)) == pytest.approx(1, abs=1e-6)


def test_one_photo_stands_for_itself() -> None:
    mean, outliers = pooled([vector(1)])
    np.testing.assert_allclose(mean, normalised(vector(1)))
    assert outliers == ()


@given(st.integers(2, 9), st.floats(0.45, 0.95), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_photos_of_one_person_are_averaged(many: int, alike: float, seed: int) -> None:
    rows = photos("a" * many, alike, seed)
    mean, outliers = pooled(rows)
    assert outliers == ()
    np.testing.assert_allclose(mean, normalised(np.mean([normalised(row) for row in rows], axis=0)), atol=1e-6)
    assert np.linalg.norm(mean) == pytest.approx(1, abs=1e-5)


@given(st.integers(3, 9), st.data(), st.floats(0.5, 0.95), st.integers(0, 1000))
@settings(max_examples=80, deadline=None)
def test_strangers_in_the_minority_go_out(many: int, data: st.DataObject, alike: float, seed: int) -> None:
    """Whether they are one stranger or several, and wherever they stand in the list."""
    strangers = data.draw(st.lists(st.integers(0, many - 1), unique=True, max_size=(many - 1) // 2))
    letters = "".join(data.draw(st.sampled_from("bcd")) if index in strangers else "a" for index in range(many))
    rows = photos(letters, alike, seed)
    mean, outliers = pooled(rows)
    assert outliers == tuple(sorted(strangers))
    alone, _ = pooled([row for row, letter in zip(rows, letters, strict=True) if letter == "a"])
    np.testing.assert_array_equal(mean, alone)


@settings(deadline=None)
@given(
    st.sampled_from(["ab", "aabb", "abab", "abc", "abcd", "aaabbb", "aabbc"]), st.floats(0.5, 0.99), st.integers(0, 99)
)
def test_photos_without_a_majority_are_refused(letters: str, alike: float, seed: int) -> None:
    with pytest.raises(PhotoRefused, match="different people"):
        pooled(photos(letters, alike, seed))


@given(st.permutations(range(7)), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_photos_does_not_matter(order: list[int], seed: int) -> None:
    rows = photos("aaaabbc", 0.6, seed)
    mean, outliers = pooled(rows)
    shuffled, moved = pooled([rows[index] for index in order])
    np.testing.assert_allclose(shuffled, mean, atol=1e-6)
    assert tuple(sorted(order[index] for index in moved)) == outliers


@settings(deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_two_photos_agree_from_the_threshold_on(alike: float, threshold: float) -> None:
    assume(abs(alike - threshold) > 1e-3)
    across = normalised(vector(2) - normalised(vector(1)) * (vector(2) @ normalised(vector(1))))
    other = (alike * normalised(vector(1)) + np.sqrt(1 - alike**2) * across).astype(np.float32)
    if alike > threshold:
        assert pooled([vector(1), other], threshold)[1] == ()
    else:
        with pytest.raises(PhotoRefused, match="two photos"):
            pooled([vector(1), other], threshold)


def test_no_photo_is_refused() -> None:
    with pytest.raises(PhotoRefused, match="no photo"):
        pooled([])


def test_the_threshold_lies_between_strangers_and_one_person() -> None:
    strangers = [abs(cosine(vector(seed), vector(seed + 500))) for seed in range(200)]
    assert max(strangers) < SAME_PERSON < 0.4
