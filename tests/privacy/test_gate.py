"""The gate, over everything it may be asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.cleared import Finished, How
from livecam.core.settings import Mode, Settings
from livecam.privacy.gate import SLATE_SEQ, Gate

HOLD = 250_000_000
SLATE = np.full((96, 64), 7, dtype=np.uint8)
GATE = Gate(SLATE, HOLD)


def finished(how: How = How.SWAPPED, captured_ns: int = 0, revision: int = 0) -> Finished:
    return Finished(np.full((96, 64), 200, dtype=np.uint8), 5, captured_ns, captured_ns, revision, how)


@settings(deadline=None)
@given(
    how=st.sampled_from([How.SWAPPED, How.PASSED, How.SLATE]),
    mode=st.sampled_from(Mode),
    panic=st.booleans(),
    revision=st.integers(0, 4),
    floor=st.integers(0, 4),
    age=st.integers(-HOLD * 2, HOLD * 3),
)
def test_a_picture_leaves_exactly_when_every_condition_holds(
    how: How, mode: Mode, panic: bool, revision: int, floor: int, age: int
) -> None:
    settings = Settings(revision=9, privacy_floor=floor, panic=panic, mode=mode)
    now = 10**12
    held = finished(how, now - age, revision)
    cleared = GATE.choose(held, settings, now)
    expected = (
        not panic
        and revision >= floor
        and (how is How.SWAPPED or (how is How.PASSED and mode is Mode.PASSTHROUGH))
        and 0 <= age <= HOLD
    )
    assert (cleared.how is how and cleared.picture is held.picture) == expected
    assert (cleared.how is How.SLATE and cleared.seq == SLATE_SEQ and cleared.picture.max() == 7) == (not expected)


def test_nothing_held_is_the_slate() -> None:
    assert GATE.choose(None, Settings(), 5).how is How.SLATE


def test_the_edges_of_the_hold() -> None:
    assert GATE.choose(finished(captured_ns=0), Settings(), HOLD).how is How.SWAPPED
    assert GATE.choose(finished(captured_ns=0), Settings(), HOLD + 1).how is How.SLATE
    assert GATE.choose(finished(captured_ns=1), Settings(), 0).how is How.SLATE


def test_another_slate_is_shown_from_the_next_tick_on() -> None:
    gate = Gate(SLATE, HOLD, card=SLATE + 1)
    gate.introduce(100)
    other, card = SLATE + 20, SLATE + 30
    gate.repaint(other, card)
    other[:] = card[:] = 99
    assert gate.choose(None, Settings(), 50).picture.max() == 37
    cleared = gate.choose(None, Settings(panic=True), 50)
    assert (cleared.picture.max(), cleared.how, cleared.seq) == (27, How.SLATE, SLATE_SEQ)
    gate.repaint(SLATE)
    assert gate.choose(None, Settings(), 50).picture.max() == 7, "there is no card any more"
    for slate, wrong in ((SLATE[:48], None), (SLATE + 40, SLATE[:48])):
        with pytest.raises(ValueError, match="stays so"):
            gate.repaint(slate, wrong)
    assert gate.choose(None, Settings(), 50).picture.max() == 7


def test_nobody_can_paint_on_the_slate() -> None:
    picture = SLATE.copy()
    gate = Gate(picture, HOLD)
    picture[:] = 99
    cleared = gate.choose(None, Settings(), 0)
    assert cleared.picture.max() == 7
    assert not cleared.picture.flags.writeable


CARD = np.full((96, 64), 9, dtype=np.uint8)


def shown_at(gate: Gate, settings: Settings, now: int) -> int:
    cleared = gate.choose(finished(captured_ns=now), settings, now)
    assert (cleared.seq == SLATE_SEQ) is (cleared.how is How.SLATE)
    return int(cleared.picture[0, 0])


def test_who_begins_to_look_is_shown_the_card_for_a_while() -> None:
    gate = Gate(SLATE, HOLD, CARD)
    assert shown_at(gate, Settings(), 50) == 200
    gate.introduce(100)
    assert shown_at(gate, Settings(), 99) == 9
    assert shown_at(gate, Settings(), 100) == 200


def test_the_card_gives_way_where_there_is_no_swap_to_tell_of() -> None:
    gate = Gate(SLATE, HOLD, CARD)
    gate.introduce(100)
    assert shown_at(gate, Settings(panic=True), 50) == 7
    assert shown_at(gate, Settings(label=False), 50) == 200
    assert shown_at(gate, Settings(mode=Mode.PASSTHROUGH), 50) == 200


def test_without_a_card_nobody_is_introduced() -> None:
    gate = Gate(SLATE, HOLD)
    gate.introduce(100)
    assert shown_at(gate, Settings(), 50) == 200
