"""When measuring begins and ends, and what is said when there is nothing to measure."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.bench.drawing import draw, write
from livecam.bench.figures import figures
from livecam.bench.latency import Measurement, Setup, described, measure, rows
from livecam.core.arrival import Arrival, Stamp
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.stamp import PERIOD_NS
from livecam.errors import LivecamError
from tests.fakes import FakeClock

INTERVAL_NS = 40 * NS_PER_MS


def setup(seconds: float = 4.0) -> Setup:
    return Setup("web", "640x480", 25.0, seconds, "mesh swap")


class ScriptedReader:
    """Gets a picture every 40 ms of a clock's time; `made(n)` says what its n-th is."""

    def __init__(self, clock: FakeClock, made: Callable[[int, int], Arrival | None]) -> None:
        self.clock = clock
        self.made = made
        self.start_ns = clock.now_ns()
        self.count = 0

    def take(self) -> list[Arrival]:
        taken = []
        while self.start_ns + (self.count + 1) * INTERVAL_NS <= self.clock.now_ns():
            self.count += 1
            made = self.made(self.count, self.start_ns + self.count * INTERVAL_NS)
            taken += [made] if made else []
        return taken

    def close(self) -> None:
        pass


def live(age_ms: float = 20.0) -> Callable[[int, int], Arrival]:
    return lambda number, now_ns: Arrival(now_ns, Stamp(number, (now_ns - round(age_ms * NS_PER_MS)) % PERIOD_NS))


def slates_until(first: int) -> Callable[[int, int], Arrival]:
    return lambda number, now_ns: live()(number, now_ns) if number >= first else Arrival(now_ns, None)


def nothing() -> None:
    pass


def test_the_slate_and_two_seconds_of_live_pictures_are_left_out() -> None:
    clock = FakeClock()

    def made(number: int, now_ns: int) -> Arrival:
        # Slates for 2 s, then 2 s of old pictures, which are the warm-up, then fresh ones.
        return Arrival(now_ns, None) if number < 50 else live(500 if number < 100 else 20)(number, now_ns)

    found = measure(setup(), ScriptedReader(clock, made), nothing, clock).figures
    assert found.unreadable == 0
    assert found.measured == 100
    assert found.age_ms.p99 == 20.0


def test_it_looks_after_the_daemon_and_its_failure_ends_the_measurement() -> None:
    clock = FakeClock()
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks > 30:
            raise LivecamError("The camera is gone.")

    with pytest.raises(LivecamError, match="camera is gone"):
        measure(setup(), ScriptedReader(clock, live()), look, clock)
    assert clock.now_ns() < 10 * NS_PER_S


def test_no_picture_at_all_is_said_within_a_minute() -> None:
    clock = FakeClock()
    begun_ns = clock.now_ns()
    with pytest.raises(LivecamError, match=r"No picture reached the reader within 60 s\. Run livecam doctor"):
        measure(setup(), ScriptedReader(clock, lambda number, now_ns: None), nothing, clock)
    assert clock.now_ns() - begun_ns < 61 * NS_PER_S


def test_pictures_without_any_stamp_are_said_to_be_that() -> None:
    clock = FakeClock()
    with pytest.raises(LivecamError, match=r"1500 pictures and no readable stamp .* --through memory"):
        measure(setup(), ScriptedReader(clock, slates_until(10_000)), nothing, clock)


def test_too_few_frames_are_a_problem_and_enough_are_none() -> None:
    clock = FakeClock()
    assert measure(setup(), ScriptedReader(clock, live()), nothing, clock).problem == ""

    def rare(number: int, now_ns: int) -> Arrival | None:
        return live()(number, now_ns) if number % 3 == 0 else None

    clock = FakeClock()
    measured = measure(setup(), ScriptedReader(clock, rare), nothing, clock)
    assert "need 50" in measured.problem
    assert "--seconds" in measured.problem
    assert setup(0.5).enough == 30


def test_a_measurement_that_stood_still_says_so() -> None:
    clock = FakeClock()
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 40:
            clock.time_ns += 3 * NS_PER_S

    measured = measure(setup(10), ScriptedReader(clock, live()), look, clock)
    assert "stood still for 3.0 s" in measured.problem


def example(ages_ms: list[float]) -> Measurement:
    clock = FakeClock()

    def made(number: int, now_ns: int) -> Arrival:
        return live(ages_ms[number % len(ages_ms)])(number, now_ns)

    return measure(setup(), ScriptedReader(clock, made), nothing, clock)


def test_json_and_rows_say_the_same() -> None:
    measured = example([20.0, 30.0])
    told = described(measured)
    assert told["age_ms"] == {"p50": 25.0, "p95": 30.0, "p99": 30.0}
    assert told["ages_by_ms"] == {"20": 50, "30": 50}
    assert told["problem"] == ""
    assert told["resolution_ms"] == 1.0
    assert ("camera to reader, p50 / p95 / p99", "25.0 / 30.0 / 30.0 ms") in rows(measured)


def test_the_histogram_has_a_bar_for_every_age_that_occurs() -> None:
    image = draw(example([20.0, 20.0, 20.0, 50.0]))
    assert image.shape == (540, 960, 3)
    bars = (image == (196, 148, 74)).all(axis=2)
    heights = bars[120:460].sum(axis=0)
    groups = np.flatnonzero(np.diff(np.concatenate([[0], (heights > 0).astype(int), [0]])) == 1)
    assert len(groups) >= 2
    # Three quarters of the frames in one bar: three times as high as the other.
    assert heights.max() == pytest.approx(340, abs=12)
    assert heights[groups[-1] + 3] == pytest.approx(340 / 3, abs=12)


@pytest.mark.parametrize("ages_ms", [[0.2], [3000.0], [5.0] * 99 + [900.0]])
def test_any_range_can_be_drawn(ages_ms: list[float]) -> None:
    assert (draw(example(ages_ms)) == (196, 148, 74)).all(axis=2).any()


def test_nothing_measured_cannot_be_drawn() -> None:
    with pytest.raises(LivecamError, match="nothing to draw"):
        draw(Measurement(setup(), figures([], 25.0)))


def test_the_png_is_a_picture_and_a_bad_place_is_said(tmp_path: Path) -> None:
    write(example([20.0]), tmp_path / "a.png")
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image is not None
    assert image.shape == (540, 960, 3)
    with pytest.raises(LivecamError, match=r"--png"):
        write(example([20.0]), tmp_path / "none" / "a.png")
