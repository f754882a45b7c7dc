"""What the benchmark of switches calls late, and what it lets chance explain."""

from benchmarks.bench_personas import Seen, Taken, by_chance, judged
from livecam.core.cleared import How, Withheld


def frames(ages_ms: list[float], how: How | Withheld = How.SWAPPED) -> list[Seen]:
    return [Seen("ann", how, 0, age_ms) for age_ms in ages_ms]


def test_of_frames_that_are_late_one_in_a_hundred_so_many_are_in_95_of_100_runs() -> None:
    assert [by_chance(count) for count in (1, 40, 200, 2400)] == [0, 2, 5, 32]


def test_late_first_frames_and_bare_ones_are_counted_and_memory_from_the_first_round_on() -> None:
    starts = frames([10.0] * 197 + [40.0] * 3)
    taken = Taken(
        steady=frames([10.0] * 990 + [35.0] * 10),
        starts=starts,
        frames=[*starts, *frames([99.0], Withheld.NO_PERSONA)],
        took={"walk": [30.0] * 99, "jump": [30.0, 100.0]},
        memory_mb=[500.0, 503.0, 501.0],
    )
    bars, details = judged(taken, fades=False)
    measured = {bar.what.partition(",")[0]: bar.measured for bar in bars}
    assert measured["frames withheld while switching"] == 1
    assert measured["late first frames"] == 3
    assert measured["memory grown since every persona was worn once"] == 3.0
    assert details["switches"] == 200
    assert [bar.limit for bar in bars if bar.what.startswith("late")] == [5]
