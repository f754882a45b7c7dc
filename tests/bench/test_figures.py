"""The arithmetic of a reader, on scripted arrivals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.bench.figures import Spread, figures
from livecam.core.arrival import Arrival, Stamp
from livecam.core.frame import NS_PER_MS
from livecam.core.stamp import NUMBERS, PERIOD_NS

INTERVAL_NS = 40 * NS_PER_MS
FPS = 25.0
T0 = 5_000_000_000


def arrival(number: int, at_ms: float, age_ms: float = 20.0) -> Arrival:
    """Frame `number` arrives `at_ms` after `T0`, `age_ms` old."""
    arrived_ns = T0 + round(at_ms * NS_PER_MS)
    captured_ns = arrived_ns - round(age_ms * NS_PER_MS)
    return Arrival(arrived_ns, Stamp(number % NUMBERS, captured_ns % PERIOD_NS))


def steady(*numbers: int) -> list[Arrival]:
    return [arrival(number, 40.0 * place) for place, number in enumerate(numbers)]


def test_a_perfect_run() -> None:
    found = figures(steady(*range(7, 107)), FPS)
    assert (found.frames, found.measured) == (100, 100)
    assert (found.dropped, found.duplicates, found.out_of_order, found.unreadable) == (0, 0, 0, 0)
    assert (found.age_ms.p50, found.age_ms.p99) == (20.0, 20.0)
    assert (found.jitter_ms.p50, found.jitter_ms.p95) == (0.0, 0.0)
    assert (found.reader_fps, found.new_fps) == (25.0, 25.0)


def test_missing_numbers_are_drops_and_repeated_ones_duplicates() -> None:
    found = figures(steady(1, 2, 2, 2, 5, 6, 9), FPS)
    assert (found.frames, found.measured) == (7, 5)
    assert found.dropped == 4  # 3, 4, 7, 8
    assert found.duplicates == 2
    assert found.out_of_order == 0


def test_a_frame_counts_once_with_the_age_of_its_first_arrival() -> None:
    found = figures([arrival(1, 0, 10), arrival(1, 40, 50), arrival(2, 80, 10), arrival(2, 120, 50)], FPS)
    assert found.ages_ns.tolist() == [10 * NS_PER_MS, 10 * NS_PER_MS]
    assert found.new_fps == 12.5
    assert found.reader_fps == 25.0


def test_a_frame_behind_a_newer_one_is_out_of_order_and_not_dropped() -> None:
    found = figures(steady(1, 2, 4, 3, 5), FPS)
    assert found.out_of_order == 1
    assert found.dropped == 0
    assert found.measured == 5
    # 4 came at 80 ms and 5 at 160 ms: the late 3 between them is no new interval.
    assert found.jitter_ms.p99 == pytest.approx(40.0, abs=2.0)


def test_pictures_without_a_stamp_are_counted_and_left_out() -> None:
    slate = Arrival(T0 + 200 * NS_PER_MS, None)
    found = figures([*steady(1, 2, 3), slate, slate], FPS)
    assert (found.frames, found.unreadable, found.measured, found.duplicates) == (5, 2, 3, 0)
    assert found.dropped == 0
    # A rate of new frames is over all the time in which pictures came, the slate's too.
    assert found.new_fps == pytest.approx(found.reader_fps * 3 / 5, abs=0.01)


def test_the_stamps_numbers_and_times_run_over() -> None:
    start_ns = 3 * PERIOD_NS - 100 * NS_PER_MS
    run = [
        Arrival(
            start_ns + place * INTERVAL_NS + 15 * NS_PER_MS,
            Stamp((NUMBERS - 3 + place) % NUMBERS, (start_ns + place * INTERVAL_NS) % PERIOD_NS),
        )
        for place in range(8)
    ]
    found = figures(run, FPS)
    assert (found.measured, found.dropped, found.out_of_order) == (8, 0, 0)
    assert found.ages_ns.tolist() == [15 * NS_PER_MS] * 8


def test_an_older_number_right_behind_the_run_over_is_out_of_order() -> None:
    found = figures(steady(NUMBERS - 2, NUMBERS, NUMBERS - 1, NUMBERS + 1), FPS)
    assert (found.measured, found.dropped, found.out_of_order) == (4, 0, 1)


def test_jitter_is_the_deviation_from_the_nominal_interval_without_its_sign() -> None:
    found = figures([arrival(0, 0), arrival(1, 30), arrival(2, 80), arrival(3, 120)], FPS)
    assert found.jitter_ms.p50 == 10.0
    assert found.jitter_ms.p95 <= 10.0


@pytest.mark.parametrize("arrivals", [[], [Arrival(T0, None)], [arrival(1, 0)]])
def test_little_or_nothing_gives_no_rates_and_no_error(arrivals: list[Arrival]) -> None:
    found = figures(arrivals, FPS)
    assert (found.reader_fps, found.new_fps, found.dropped) == (0.0, 0.0, 0)
    assert found.jitter_ms == Spread(0.0, 0.0, 0.0)


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=80))
def test_every_picture_is_accounted_for(numbers: list[int]) -> None:
    found = figures(steady(*numbers), FPS)
    assert found.frames == found.measured + found.duplicates + found.unreadable
    assert found.measured == len(set(numbers))
    assert found.measured == len(found.ages_ns)
    if numbers:
        assert found.measured + found.dropped == max(numbers) - min(numbers) + 1


def test_percentiles() -> None:
    spread = Spread.of([round(value * NS_PER_MS) for value in np.linspace(0, 100, 101)])
    assert (spread.p50, spread.p95, spread.p99) == (50.0, 95.0, 99.0)
