"""The contracts of Clock and ControlPort."""

import time

import pytest

from livecam.core.clock import MonotonicClock
from livecam.core.seams import Clock, ControlPort
from livecam.core.settings import Panic, SetShape, Settings, SettingsCell
from tests.fakes import FakeClock


@pytest.mark.parametrize("clock", [MonotonicClock(), FakeClock()], ids=["monotonic", "fake"])
def test_clocks_keep_absolute_deadlines(clock: Clock) -> None:
    start = clock.now_ns()
    for step in range(1, 4):
        clock.sleep_until(start + step * 2_000_000)
        assert clock.now_ns() >= start + step * 2_000_000
    clock.sleep_until(start)
    assert clock.now_ns() >= start + 6_000_000


def test_the_monotonic_clock_is_the_systems() -> None:
    assert time.monotonic_ns() <= MonotonicClock().now_ns() <= time.monotonic_ns()


@pytest.mark.parametrize("port", [SettingsCell(Settings())], ids=["cell"])
def test_a_reply_names_what_now_holds(port: ControlPort) -> None:
    first = port.submit(SetShape(0.25))
    assert first.settings.shape == 0.25
    second = port.submit(Panic())
    assert second.revision == second.settings.revision == first.revision + 1
    assert second.settings.panic
