import logging
import threading
import time
from collections.abc import Callable

import pytest

from livecam.core.cleared import Cleared
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Size
from livecam.errors import SinkError, SinkGone, SinkLost
from livecam.output import tee as tees
from livecam.output.member import Role
from livecam.output.memory import MemorySink
from livecam.output.null import NullSink
from livecam.output.tee import Tee, retry_delay_ns
from tests.fakes import FakeClock
from tests.output.pictures import SIZE, cleared, plain
from tests.output.trying import undisturbed
from tests.patience import UNHURRIED_S

CLOSE_S = tees._CLOSE_S


class Moody(NullSink):
    """Does what it is told when it is opened or sent something."""

    def __init__(self, opening: Callable[[], None] = lambda: None, sending: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.opening = opening
        self.sending = sending
        self.opens = 0
        self.closes = 0

    def open(self, size: Size, fps: float) -> None:
        self.opens += 1
        self.opening()
        super().open(size, fps)

    def send(self, cleared: Cleared) -> None:
        self.sending()
        super().send(cleared)

    def close(self) -> None:
        self.closes += 1
        super().close()


class Slotless(Moody):
    """Its name holds a secret."""

    def __init__(self, opening: Callable[[], None]) -> None:
        super().__init__(opening)
        self.name = "web:http://127.0.0.1:1/?token=abc"


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def fine() -> None:
    """Fails in nothing."""


@pytest.mark.parametrize(
    "error", [SinkLost("away"), SinkError("no"), OSError(5, "io"), ValueError("v"), RuntimeError("r")]
)
def test_one_that_fails_does_not_stop_the_others_and_comes_back(error: Exception) -> None:
    clock = FakeClock()
    bad, good = Moody(sending=failing(error)), MemorySink()
    tee = Tee([bad, good], clock, helper=False)
    tee.open(SIZE, 30.0)
    for _ in range(3):
        tee.send(cleared(plain(90)))
    assert good.sent == 3
    state = tee.states()[0]
    assert (state.open, state.gone, state.sent, state.lost) == (False, False, 0, 1)
    assert str(error) in state.problem
    bad.sending = fine
    tee.mend()
    assert (bad.closes, bad.opens) == (1, 1)
    clock.time_ns += 250 * NS_PER_MS
    tee.mend()
    tee.send(cleared(plain(90)))
    state = tee.states()[0]
    assert (state.open, state.sent, state.lost, state.problem) == (True, 1, 1, "")
    tee.close()


def test_the_waits_grow_in_bands() -> None:
    waits = [retry_delay_ns(tries) / NS_PER_S for tries in range(60)]
    assert waits == [0.25] * 20 + [2.0] * 15 + [5.0] * 25


def test_one_that_fails_at_once_keeps_its_long_wait_and_one_that_held_starts_over() -> None:
    clock = FakeClock()
    bad = Moody(sending=failing(SinkLost("away")))
    tee = Tee([bad, NullSink()], clock, wait_ns=lambda tries: (tries + 1) * NS_PER_S, helper=False)
    tee.open(SIZE, 30.0)
    for wait_s in (1, 2, 3):
        tee.send(cleared(plain(90)))
        tee.mend()
        clock.time_ns += wait_s * NS_PER_S - 1
        opens = bad.opens
        tee.mend()
        assert bad.opens == opens
        clock.time_ns += 1
        tee.mend()
        assert bad.opens == opens + 1
    clock.time_ns += 6 * NS_PER_S
    tee.send(cleared(plain(90)))
    tee.mend()
    clock.time_ns += NS_PER_S
    tee.mend()
    assert tee.states()[0].open
    tee.close()


def test_one_that_cannot_be_opened_yet_is_tried_again() -> None:
    clock = FakeClock()
    late = Moody(opening=failing(SinkLost("not there")))
    tee = Tee([late], clock, helper=False)
    tee.open(SIZE, 30.0)
    assert tee.states()[0].problem == "not there"
    tee.send(cleared(plain(90)))
    late.opening = fine
    clock.time_ns += NS_PER_S
    tee.mend()
    tee.send(cleared(plain(90)))
    assert tee.states()[0].sent == 1
    tee.close()


@pytest.mark.parametrize("when", ["opening", "sending"])
def test_one_that_is_gone_is_left_out(when: str) -> None:
    clock = FakeClock()
    bad = Moody()
    setattr(bad, when, failing(SinkGone("for ever")))
    tee = Tee([bad, NullSink()], clock, helper=False)
    tee.open(SIZE, 30.0)
    tee.send(cleared(plain(90)))
    tee.mend()
    clock.time_ns += 100 * NS_PER_S
    tee.mend()
    tee.send(cleared(plain(90)))
    assert (tee.states()[0].gone, bad.opens, bad.closes) == (True, 1, 1)
    assert tee.states()[1].sent == 2
    tee.close()


def test_when_all_are_gone_it_says_so() -> None:
    tee = Tee([Moody(failing(SinkGone("first"))), Moody(failing(SinkGone("second")))], FakeClock(), helper=False)
    with pytest.raises(SinkGone, match=r"first.*second"):
        tee.open(SIZE, 30.0)
    later = Moody(sending=failing(SinkGone("third")))
    tee = Tee([later], FakeClock(), helper=False)
    tee.open(SIZE, 30.0)
    tee.send(cleared(plain(90)))
    tee.mend()
    with pytest.raises(SinkGone, match="third"):
        tee.send(cleared(plain(90)))


def test_one_that_is_slow_three_times_running_is_lost() -> None:
    clock = FakeClock()
    slow = Moody()

    def take(ms: int) -> None:
        slow.sending = lambda: setattr(clock, "time_ns", clock.time_ns + ms * NS_PER_MS)
        tee.send(cleared(plain(90)))

    tee = Tee([slow], clock, helper=False)
    tee.open(SIZE, 30.0)
    for ms in (300, 300, 10, 300, 300):
        take(ms)
    assert tee.states()[0].open
    take(300)
    assert not tee.states()[0].open
    assert "300 ms" in tee.states()[0].problem
    tee.close()


def test_a_slow_opening_or_closing_does_not_hold_up_the_others() -> None:
    bad, before = Moody(sending=failing(SinkLost("away"))), set(threading.enumerate())
    good = NullSink()
    tee = Tee([bad, good], MonotonicClock(), wait_ns=lambda _: 0)
    tee.open(SIZE, 30.0)
    inside = threading.Event()

    go_on = threading.Event()

    def linger() -> None:
        inside.set()
        go_on.wait(60)

    bad.opening = linger
    tee.send(cleared(plain(90)))
    assert inside.wait(60)
    for _ in range(100):
        tee.send(cleared(plain(90)))
    assert good.sent == 101
    assert not go_on.is_set(), "all of them while it lingers"
    bad.sending = fine
    go_on.set()
    deadline = time.monotonic() + 60
    while not tee.states()[0].open:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    tee.send(cleared(plain(90)))
    assert tee.states()[0].sent == 1
    tee.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "livecam-sinks"]


def test_closing_waits_no_longer_than_two_seconds(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tees, "_CLOSE_S", CLOSE_S)
    go_on = threading.Event()

    class Sticky(NullSink):
        def close(self) -> None:
            if self._size:
                go_on.wait(120)

    def closing_s() -> float:
        tee = Tee([Sticky(), Sticky()], MonotonicClock())
        tee.open(SIZE, 30.0)
        started = time.perf_counter()
        tee.close()
        return time.perf_counter() - started

    took_s = undisturbed(closing_s, lambda took_s: took_s < 2.5)
    go_on.set()
    assert took_s < 2.5
    assert "left behind" in caplog.text


def test_what_is_logged_holds_no_secret_and_comes_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    caplog.set_level(logging.INFO, "livecam.output")
    bad = Slotless(failing(OSError(5, "broken")))
    tee = Tee([bad, NullSink()], clock, helper=False)
    tee.open(SIZE, 30.0)
    for _ in range(5):
        clock.time_ns += NS_PER_S
        tee.mend()
    bad.opening = fine
    clock.time_ns += NS_PER_S
    tee.mend()
    assert caplog.text.count("failed") == 1
    assert "open again" in caplog.text
    assert "abc" not in caplog.text
    tee.close()


def test_it_is_named_after_its_sinks_and_needs_one() -> None:
    assert Tee([NullSink(), MemorySink()], FakeClock()).name == "null + memory"
    with pytest.raises(ValueError, match="at least one"):
        Tee([], FakeClock())


def test_one_that_comes_is_sent_the_next_picture_and_one_that_goes_is_closed() -> None:
    first, second = Moody(), Moody()
    tee = Tee([first], FakeClock(), helper=False)
    tee.open(SIZE, 30.0)
    tee.send(cleared(plain(90)))
    tee.add(second)
    assert (second.opens, len(tee.states())) == (1, 2)
    tee.send(cleared(plain(90)))
    tee.remove(first)
    assert first.closes == 1
    tee.send(cleared(plain(90)))
    assert (first.sent, second.sent) == (2, 2)
    tee.close()
    assert second.closes == 1


@pytest.mark.parametrize(("error", "told"), [(SinkLost("the disk is full"), SinkLost), (SinkGone("no"), SinkGone)])
def test_one_that_cannot_be_opened_does_not_come(error: Exception, told: type[Exception]) -> None:
    tee = Tee([NullSink()], FakeClock(), helper=False)
    tee.open(SIZE, 30.0)
    with pytest.raises(told, match=str(error)):
        tee.add(Moody(failing(error)))
    assert len(tee.states()) == 1
    tee.close()


def test_one_that_comes_before_the_tee_is_open_is_opened_with_it() -> None:
    tee, late = Tee([NullSink()], FakeClock(), helper=False), Moody()
    tee.add(late)
    assert late.opens == 0
    tee.open(SIZE, 30.0)
    tee.send(cleared(plain(90)))
    assert late.sent == 1
    tee.close()


def test_the_last_way_out_stays_and_guests_are_none() -> None:
    only, guest, listener = NullSink(), Moody(), Moody()
    tee = Tee([only], FakeClock(), helper=False)
    tee.open(SIZE, 30.0)
    tee.add(guest, Role.GUEST)
    tee.add(listener, Role.LISTENER)
    with pytest.raises(SinkError, match="only sink"):
        tee.remove(only)
    with pytest.raises(SinkError, match="Nothing is sent there"):
        tee.remove(NullSink())
    assert len(tee.states()) == 2, "nobody is told of a listener"
    tee.send(cleared(plain(90)))
    assert (guest.sent, listener.sent) == (1, 1)
    tee.remove(guest)
    tee.remove(listener)
    tee.close()


def test_a_listener_does_not_keep_a_run_alive() -> None:
    tee = Tee([Moody(sending=failing(SinkGone("unplugged")))], FakeClock(), helper=False)
    tee.open(SIZE, 30.0)
    tee.add(NullSink(), Role.LISTENER)
    tee.send(cleared(plain(90)))
    tee.mend()
    with pytest.raises(SinkGone, match="unplugged"):
        tee.send(cleared(plain(90)))


def test_sinks_come_and_go_a_thousand_times_while_pictures_are_sent() -> None:
    """Nobody is sent a picture who is closed, and the one that stays misses none."""
    stays = NullSink()
    tee = Tee([stays], MonotonicClock())
    tee.open(SIZE, 30.0)
    stop, began, sent, wrong = threading.Event(), threading.Event(), [0], list[str]()

    class Strict(Moody):
        def send(self, cleared: Cleared) -> None:
            if self.opens - self.closes != 1:
                wrong.append("sent while it was closed")
            super().send(cleared)

    def send() -> None:
        while not stop.is_set():
            tee.send(cleared(plain(90)))
            sent[0] += 1
            began.set()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        assert began.wait(UNHURRIED_S)
        for _ in range(1000):
            guest = Strict()
            tee.add(guest)
            tee.remove(guest)
    finally:
        stop.set()
        thread.join(60)
    assert not wrong
    assert stays.sent == sent[0] > 0
    tee.close()
