"""Back-off: bands in order, the last one for ever."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.backoff import DEVICE_BANDS, INFERENCE_BANDS, Backoff, Band


def test_the_bands_are_followed_in_order_and_the_last_goes_on() -> None:
    backoff = Backoff(DEVICE_BANDS)
    delays = [backoff.next_delay_ns() / 1e9 for _ in range(40)]
    assert delays == [0.25] * 20 + [2.0] * 15 + [5.0] * 5
    backoff.succeeded()
    assert backoff.next_delay_ns() == 250_000_000
    assert Backoff(INFERENCE_BANDS).next_delay_ns() == 0
    with pytest.raises(ValueError, match="at least one band"):
        Backoff(())


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), min_size=1, max_size=4), st.integers(1, 30))
def test_every_try_waits_for_its_bands_delay(bands: list[tuple[float, int]], tries: int) -> None:
    backoff = Backoff(tuple(Band(*band) for band in bands))
    flat = [delay for delay, times in bands for _ in range(times)]
    flat += [bands[-1][0]] * tries
    assert [backoff.next_delay_ns() for _ in range(tries)] == [int(delay * 1e9) for delay in flat[:tries]]
