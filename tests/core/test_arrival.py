"""What readers note goes through a line of text unchanged, and frame numbers run over their 24 bits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.arrival import Arrival, Stamp, from_line, to_line, unwrapped
from livecam.core.stamp import NUMBERS, PERIOD_NS

stamps = st.builds(Stamp, st.integers(0, NUMBERS - 1), st.integers(0, PERIOD_NS))


@settings(deadline=None)
@given(st.builds(Arrival, st.integers(0, 1 << 62), st.none() | stamps))
def test_a_line_is_read_back(arrival: Arrival) -> None:
    line = to_line(arrival)
    assert "\n" not in line
    assert from_line(line + "\n") == arrival


@pytest.mark.parametrize("line", ["", "1", "1 2", "1 2 3 4", "a b c"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"no arrival|invalid literal"):
        from_line(line)


@settings(deadline=None)
@given(st.integers(0, 10 * NUMBERS), st.integers(-NUMBERS // 2, NUMBERS // 2 - 1))
def test_numbers_are_followed_over_their_end_in_both_directions(near: int, step: int) -> None:
    assert unwrapped((near + step) % NUMBERS, near) == near + step
