"""The stopwatch of the tracking measurement: each part by itself, the network apart."""

from itertools import count

import pytest

from benchmarks.bench_tracking import CROP, DECODE, NETWORK, REST, Stopwatch


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """A stopwatch on whose clock every look takes 1 ns."""
    ticks = count()
    monkeypatch.setattr("benchmarks.bench_tracking.time.perf_counter_ns", lambda: next(ticks))
    return Stopwatch()


def test_what_a_part_calls_is_not_its_own_time_and_the_network_is_in_no_sum(watch: Stopwatch) -> None:
    run = watch.around(NETWORK, lambda: None)

    def look() -> str:
        run()
        watch.go_on_as(DECODE)
        return "found"

    looked = watch.around(CROP, look)
    assert watch.around(REST, looked)() == "found"
    assert watch.taken() == {REST: 2, CROP: 2, NETWORK: 1, DECODE: 1, "all": 5}
    assert watch.taken() == {"all": 0}


def test_a_part_that_fails_is_over(watch: Stopwatch) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        watch.around(REST, watch.around(CROP, fail))()
    watch.taken()
    watch.around(REST, lambda: None)()
    assert watch.taken() == {REST: 1, "all": 1}
