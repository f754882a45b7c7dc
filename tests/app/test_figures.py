"""What the last seconds took, from counters alone."""

from livecam.app.figures import BARS_MS, Figures
from livecam.core.cleared import Withheld
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.runtime.telemetry import Telemetry
from tests.fakes import FakeClock


def live(telemetry: Telemetry, count: int, age_ms: float) -> None:
    for _ in range(count):
        telemetry.capture.captured += 1
        telemetry.inference.taken += 1
        telemetry.inference.published += 1
        telemetry.inference.whole.add(int(age_ms / 2 * NS_PER_MS))
        telemetry.inference.add_stages({"swap": int(age_ms / 4 * NS_PER_MS)})
        telemetry.output.live += 1
        telemetry.output.age.add(int(age_ms * NS_PER_MS))
        telemetry.output.send.add(NS_PER_MS)


def test_only_the_last_seconds_count() -> None:
    telemetry, clock = Telemetry(), FakeClock()
    figures = Figures(telemetry, clock)
    now = figures.read()
    for age_ms in (200.0, 200.0, 200.0, 200.0, 45.0, 45.0, 45.0):
        live(telemetry, 30, age_ms)
        clock.time_ns += NS_PER_S
        now = figures.read()
    assert now["fps"] == 30.0
    assert 44 <= now["age_ms"]["p50"] <= 46  # type: ignore[call-overload, index, operator]
    assert 61 <= now["delay_ms"] <= 63, "half of the 33 ms that a picture stands are added"  # type: ignore[operator]
    assert now["age_histogram"] == [[limit_ms, 90 if limit_ms == 48 else 0] for limit_ms in BARS_MS]
    assert set(now["stages"]) == {"whole", "swap"}  # type: ignore[arg-type]
    assert 11 <= now["stages"]["swap"]["p95"] <= 12  # type: ignore[call-overload, index, operator]


def test_whatever_is_dropped_is_told_by_its_reason_from_the_start_on() -> None:
    telemetry = Telemetry()
    live(telemetry, 10, 40.0)
    telemetry.capture.captured += 5
    telemetry.inference.taken += 2
    telemetry.inference.withheld[Withheld.NO_FACE] += 2
    telemetry.inference.published += 1
    telemetry.inference.tiers["full quality"] = 10
    now = Figures(telemetry, FakeClock()).read()
    assert now["dropped"] == {"skipped": 3, "no-face": 2, "overtaken": 1}
    assert now["tiers"] == {"full quality": 10}


def test_before_the_first_frame_there_is_nothing() -> None:
    now = Figures(Telemetry(), FakeClock()).read()
    assert (now["fps"], now["stages"], now["dropped"], now["delay_ms"]) == (0.0, {}, {}, 0.0)
