"""The output's counters as numbers, for the process that did not count them."""

import numpy as np
import pytest

from livecam.runtime.telemetry import OutputCounters


def counted() -> OutputCounters:
    counters = OutputCounters(live=5, held=2, slate=9, expired=1, missed=3, first_live_ns=10, last_live_ns=20)
    counters.last = "held"
    for histogram, duration_ns in ((counters.age, 40_000_000), (counters.wait, 3_000_000), (counters.send, 200_000)):
        histogram.add(duration_ns)
    return counters


def test_they_arrive_as_they_were() -> None:
    theirs, ours = counted(), OutputCounters()
    ours.load(theirs.store())
    for name in ("live", "held", "slate", "expired", "missed", "first_live_ns", "last_live_ns", "last", "ticks"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("age", "wait", "send"):
        assert getattr(ours, name).percentile_ms(50) == getattr(theirs, name).percentile_ms(50)
        assert getattr(ours, name).count == 1


@pytest.mark.parametrize("spoil", ["short", "shown"])
def test_other_numbers_change_nothing(spoil: str) -> None:
    numbers = counted().store()
    if spoil == "short":
        numbers = numbers[:-1]
    else:
        numbers[7] = 3
    ours = OutputCounters()
    ours.load(numbers)
    assert ours.ticks == 0
    assert not np.any(ours.store()[:7])
