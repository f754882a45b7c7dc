"""Between two frames one processor takes another's place: none is lost, none is bare, none is made by two."""

import threading
import time
from dataclasses import replace

import pytest

from livecam.app.exchange import ExchangingProcessor, Served
from livecam.core.cleared import How, Withheld
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import DeviceError, EngineError
from tests.app.serving import BARE, Painter, frame, picture

SETTINGS = Settings()
HALVED = Tier("halved", sharpen_every=2)


def shown(processor: Processor, seq: int) -> int:
    """What the whole picture of a frame is painted with."""
    out = picture()
    assert processor.process(frame(seq), out, SETTINGS) is How.SWAPPED
    assert out.min() == out.max() != BARE
    return int(out.flat[0])


def test_the_new_one_serves_from_the_next_frame_on_and_the_old_one_is_closed() -> None:
    old, new = Painter(1), Painter(2)
    exchange = ExchangingProcessor(old.served("cuda"))
    assert shown(exchange, 1) == 1
    exchange.offer(new.served("rtx"))
    assert not old.closed.is_set(), "not before it is relieved"
    assert [shown(exchange, seq) for seq in (2, 3)] == [2, 2]
    assert old.closed.wait(60)
    assert not new.closed.is_set()
    assert exchange.serving is not None
    assert exchange.serving.backend == "rtx"
    assert exchange.stages() == {"swap": 2}


def test_it_begins_afresh_on_the_tier_in_force_in_the_thread_that_uses_it() -> None:
    new, threads = Painter(2), []
    exchange = ExchangingProcessor(Painter(1).served())
    exchange.adapt(HALVED)
    thread = threading.Thread(
        target=lambda: exchange.offer(new.served(enter=lambda: threads.append(threading.get_ident())))
    )
    thread.start()
    thread.join()
    assert threads == []
    shown(exchange, 1)
    assert threads == [threading.get_ident()]
    assert new.told == ["reset", "adapt", "frame 1"]
    assert new.tiers == [HALVED]
    exchange.reset()
    assert new.told[-1] == "reset"


def test_of_two_offers_the_later_one_serves_and_the_other_is_closed() -> None:
    first, second = Painter(2), Painter(3)
    exchange = ExchangingProcessor(Painter(1).served())
    exchange.offer(first.served())
    exchange.offer(second.served())
    assert shown(exchange, 1) == 3
    assert first.closed.wait(60)
    assert first.told == []


@pytest.mark.parametrize("error", [EngineError("full"), DeviceError("lost")])
def test_one_that_cannot_take_over_is_closed_and_who_serves_goes_on(
    error: EngineError, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise error

    new = Painter(2)
    exchange = ExchangingProcessor(Painter(1).served("cuda"))
    exchange.offer(new.served(enter=refuse))
    assert [shown(exchange, seq) for seq in (1, 2)] == [1, 1]
    assert new.closed.wait(60)
    assert "rtx 2 was ready but cannot take over from cuda 1" in caplog.text
    assert len(caplog.records) == 1


def test_while_nobody_serves_frames_are_withheld() -> None:
    exchange = ExchangingProcessor()
    out = picture()
    assert exchange.process(frame(1), out, SETTINGS) is Withheld.FAILED
    exchange.reset()
    exchange.adapt(HALVED)
    assert exchange.stages() == {}
    exchange.offer(Painter(2).served())
    assert shown(exchange, 2) == 2
    exchange.withdraw()
    exchange.withdraw()
    assert exchange.process(frame(3), out, SETTINGS) is Withheld.FAILED


def test_one_that_cannot_be_closed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise DeviceError("gone already")

    exchange = ExchangingProcessor(Served(Painter(1), "cuda", "cuda", close=fail))
    exchange.withdraw()
    deadline = time.monotonic() + 60
    while "could not be closed" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "gone already" in caplog.text


def test_under_a_storm_of_offers_no_frame_is_lost_bare_or_made_by_two() -> None:
    """Another thread offers as fast as it can; each frame is whole, and nobody is used once closed."""
    exchange = ExchangingProcessor(Painter(10).served())
    offered = [Painter(number) for number in range(11, 111)]
    over = threading.Event()

    def storm() -> None:
        for painter in offered:
            exchange.offer(painter.served())
            time.sleep(0.0005)
        over.set()

    thread = threading.Thread(target=storm)
    thread.start()
    seen, seq = [shown(exchange, 1)], 1
    while not over.is_set() or seen[-1] != offered[-1].number:
        seq += 1
        seen.append(shown(exchange, seq))
    thread.join()
    assert seen == sorted(seen), "nobody comes back"
    assert len(seen) == seq
    assert all(painter.closed.wait(60) for painter in offered[:-1])
    assert not offered[-1].closed.is_set()


def test_one_that_has_seen_the_last_frames_forgets_none() -> None:
    new = Painter(2)
    exchange = ExchangingProcessor(Painter(1).served())
    exchange.offer(replace(new.served(), rehearsed=lambda: True))
    assert shown(exchange, 1) == 2
    assert new.told == ["frame 1"]


def test_it_begins_again_on_the_tier_in_force_and_closes_all_it_holds() -> None:
    first, late, again = Painter(1), Painter(2), Painter(3)
    exchange = ExchangingProcessor(first.served())
    exchange.adapt(HALVED)
    exchange.offer(late.served())
    exchange.close()
    assert first.closed.is_set()
    assert late.closed.is_set()
    assert exchange.process(frame(1), picture(), SETTINGS) is Withheld.FAILED
    exchange.begin(again.served())
    assert shown(exchange, 2) == 3
    assert again.tiers == [HALVED]
