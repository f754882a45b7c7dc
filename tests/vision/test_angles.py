"""The vector by the head's angle: never a jump, always of its length, and a bin is left only well beyond its edge."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import NS_PER_S
from livecam.vision.angles import (
    BASE,
    BINS,
    HYSTERESIS,
    PITCHES,
    YAWS,
    AngleChoice,
    AngledSources,
    HeadAngles,
    angled_sources,
    bin_of,
)
from livecam.vision.tensor import Floats

LENGTH = 32
FRONT = HeadAngles(0.0, 0.0)
TICK = NS_PER_S // 30


def unit_rows(seed: int, spread: float = 1.0) -> Floats:
    """(1 + BINS, LENGTH): vectors about one direction, each of length 1; at a large `spread` about none."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=LENGTH) + spread * random.normal(size=(1 + BINS, LENGTH))
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def degrees(one: Floats, other: Floats) -> float:
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    chord = np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other))
    return math.degrees(2 * math.asin(min(1.0, float(chord) / 2)))


def shown(sources: AngledSources, seen: Sequence[HeadAngles | None], tick: int = TICK) -> list[Floats]:
    choice = AngleChoice()
    return [choice(sources, angles, (number + 1) * tick).copy() for number, angles in enumerate(seen)]


def row_of(yaw: float, pitch: float) -> int:
    return 1 + bin_of(HeadAngles(yaw, pitch))


angles = st.one_of(
    st.none(),
    st.builds(HeadAngles, st.floats(-180, 180), st.floats(-90, 90)),
    st.builds(HeadAngles, st.sampled_from([math.nan, math.inf]), st.just(0.0)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(angles, st.integers(0, NS_PER_S)), min_size=2, max_size=40),
    st.integers(0, 9),
    st.sampled_from([0.1, 1.0, 50.0]),
)
def test_the_vector_never_jumps_and_keeps_its_length(
    seen: list[tuple[HeadAngles | None, int]], seed: int, spread: float
) -> None:
    """Whatever the head does, and however late the frames come; opposite vectors included."""
    rows = unit_rows(seed, spread)
    rows[5] = -rows[BASE]
    choice, sources, now_ns, last = AngleChoice(), angled_sources(rows), 0, None
    for where, passed_ns in seen:
        now_ns += passed_ns
        vector = choice(sources, where, now_ns).copy()
        assert vector.shape == (1, LENGTH)
        assert vector.dtype == np.float32
        assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
        if last is not None:
            assert degrees(last, vector) < 5
        last = vector


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(YAWS) - 2), st.lists(st.floats(-0.99, 0.99), min_size=3, max_size=30))
def test_a_head_that_wavers_about_an_edge_changes_nothing(edge: int, wavering: list[float]) -> None:
    sources = angled_sources(unit_rows(edge))
    middle = (YAWS[edge] + YAWS[edge + 1]) / 2
    seen = [HeadAngles(YAWS[edge], 0.0), *(HeadAngles(middle + HYSTERESIS * each, 0.0) for each in wavering)]
    assert all(np.array_equal(vector, sources.sources[row_of(YAWS[edge], 0)]) for vector in shown(sources, seen))


@pytest.mark.parametrize("place", range(len(PITCHES) - 1))
def test_the_same_holds_of_looking_up(place: int) -> None:
    sources = angled_sources(unit_rows(place))
    edge = (PITCHES[place] + PITCHES[place + 1]) / 2
    inside = [HeadAngles(0.0, PITCHES[place]), *[HeadAngles(0.0, edge + 0.9 * HYSTERESIS)] * 30]
    assert np.array_equal(shown(sources, inside)[-1], sources.sources[row_of(0, PITCHES[place])])
    beyond = [*inside, *[HeadAngles(0.0, edge + 1.2 * HYSTERESIS)] * 60]
    assert np.array_equal(shown(sources, beyond)[-1], sources.sources[row_of(0, PITCHES[place + 1])])


def test_a_head_that_turns_arrives_within_half_a_second() -> None:
    sources = angled_sources(unit_rows(3, 0.1))
    seen = [FRONT, *[HeadAngles(40.0, 0.0)] * 20]
    vectors = shown(sources, seen)
    start, end = sources.sources[row_of(0, 0)], sources.sources[row_of(40, 0)]
    assert np.array_equal(vectors[0], start)
    assert np.array_equal(vectors[-1], end)
    arrived = next(number for number, vector in enumerate(vectors) if np.array_equal(vector, end))
    assert 300 <= arrived * 1000 / 30 <= 700, "the smoothing's delay, and 300 ms of turning"
    steps = [degrees(one, other) for one, other in pairwise(vectors)]
    assert sum(step > 0.01 for step in steps) >= 8, "it goes through vectors of its own on the way"


def test_every_bin_is_reached() -> None:
    sources = angled_sources(unit_rows(4))
    for number, (yaw, pitch) in enumerate((yaw, pitch) for yaw in YAWS for pitch in PITCHES):
        assert bin_of(HeadAngles(yaw, pitch)) == number
        assert np.array_equal(shown(sources, [HeadAngles(yaw, pitch)])[0], sources.sources[1 + number])


def test_without_an_angle_it_goes_back_to_the_base() -> None:
    sources = angled_sources(unit_rows(5, 0.1))
    vectors = shown(sources, [HeadAngles(40.0, 0.0), *[None] * 40])
    assert np.array_equal(vectors[-1], sources.sources[BASE])
    assert not np.array_equal(vectors[3], sources.sources[BASE])


def test_bins_without_a_vector_of_their_own_have_the_bases() -> None:
    rows = unit_rows(6)
    rows[row_of(20, 0)] = rows[BASE]
    sources = angled_sources(rows)
    assert sources.sources[row_of(20, 0)] is sources.sources[BASE]
    assert np.array_equal(sources.rows, rows)


def test_another_persona_and_a_face_that_was_lost_begin_at_their_own_bin() -> None:
    one, other, choice = angled_sources(unit_rows(7)), angled_sources(unit_rows(8)), AngleChoice()
    choice(one, FRONT, TICK)
    turned = HeadAngles(40.0, 0.0)
    assert choice(other, turned, 2 * TICK) is other.sources[row_of(40, 0)]
    assert choice(other, FRONT, 3 * NS_PER_S) is other.sources[row_of(0, 0)]
    assert choice(other, turned, 4 * NS_PER_S) is not other.sources[row_of(40, 0)], "within a second it is the same one"


def test_a_vector_on_the_way_is_a_new_array_each_time() -> None:
    """Whoever keeps what was worn last must see that it changed."""
    sources, choice = angled_sources(unit_rows(9)), AngleChoice()
    choice(sources, FRONT, TICK)
    on_the_way = [choice(sources, HeadAngles(40.0, 0.0), number * TICK) for number in range(5, 9)]
    assert len({id(vector) for vector in on_the_way}) == 4
    assert not any(np.shares_memory(one, row) for one in on_the_way[1:] for row in sources.sources)


def test_vectors_of_other_lengths_pass_through_lengths_between() -> None:
    rows = unit_rows(10, 0.1)
    for yaw, length in ((0, 20), (20, 25), (40, 30)):
        rows[row_of(yaw, 0)] *= length
    vectors = shown(angled_sources(rows), [FRONT, *[HeadAngles(40.0, 0.0)] * 30])
    lengths = [float(np.linalg.norm(vector)) for vector in vectors]
    assert lengths[0] == pytest.approx(20)
    assert lengths[-1] == pytest.approx(30)
    assert all(later >= earlier - 1e-3 for earlier, later in pairwise(lengths))
    assert any(21 < length < 29 for length in lengths)


@pytest.mark.parametrize("spoilt", ["few", "nan", "zero", "flat"])
def test_what_are_no_vectors_is_refused(spoilt: str) -> None:
    rows = unit_rows(0)
    if spoilt == "few":
        rows = rows[:-1]
    elif spoilt == "flat":
        rows = rows.ravel()
    else:
        rows[4] = math.nan if spoilt == "nan" else 0
    with pytest.raises(ValueError, match="vector"):
        angled_sources(rows)
