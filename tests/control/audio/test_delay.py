"""How late the picture is, and when the sound follows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.control.audio.delay import LOOKS, STEP_MS, Following, video_delay_ms


def test_the_delay_is_the_age_at_sending_and_half_of_the_time_a_picture_is_shown() -> None:
    assert video_delay_ms({"age_p50_ms": 40.0, "fps": 25}) == 60.0


def test_what_the_daemon_says_itself_goes_first() -> None:
    assert video_delay_ms({"age_p50_ms": 40.0, "fps": 25, "delay_ms": 71}) == 71.0
    assert video_delay_ms({"age_p50_ms": 0.0, "fps": 25, "delay_ms": 71}) is None


@pytest.mark.parametrize(
    "status", [{}, {"age_p50_ms": 0.0, "fps": 30.0}, {"age_p50_ms": 40.0, "fps": 0.0}, {"age_p50_ms": "40", "fps": 30}]
)
def test_without_live_pictures_it_is_not_known(status: dict[str, object]) -> None:
    assert video_delay_ms(status) is None


def changes(start_ms: float, *measured_ms: float | None) -> list[float]:
    following = Following(start_ms)
    return [following.delay_ms for measured in measured_ms if following.seen(measured)]


def test_a_lasting_change_is_followed_once_to_its_middle() -> None:
    seen = [80.0, 90.0, 84.0, 86.0, 200.0, 85.0, *[85.0] * (LOOKS - 6)]
    assert changes(50.0, *seen[:-1]) == []
    assert changes(50.0, *seen, 85.0) == [85.0]


def test_small_short_or_unmeasured_changes_are_not_followed() -> None:
    assert changes(50.0, *[60.0] * 20, *[40.0] * 20) == []
    assert changes(50.0, *[*[200.0] * (LOOKS - 1), 50.0] * 5) == []
    assert changes(50.0, *[None] * 20) == []
    assert changes(50.0, *[200.0, 0.0] * LOOKS) == []


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 500.0), max_size=60))
def test_no_change_is_small_or_comes_soon_after_another(measured: list[float]) -> None:
    following, before, since = Following(100.0), 100.0, LOOKS
    for delay in measured:
        since += 1
        if following.seen(delay):
            assert abs(following.delay_ms - before) > STEP_MS
            assert since > LOOKS - 1
            before, since = following.delay_ms, 0
