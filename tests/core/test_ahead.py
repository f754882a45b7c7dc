"""Work done beside the caller."""

import gc
import threading

import pytest

from livecam.core.ahead import Ahead


def test_work_is_begun_at_once_and_in_order() -> None:
    ahead, begun, let_go = Ahead("test-ahead"), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert let_go.wait(60)
        return threading.current_thread().name

    first = ahead(work)
    assert begun.wait(60)
    second = ahead(first.done)
    assert not first.done()
    let_go.set()
    assert second.result(60)
    assert first.result(60).startswith("test-ahead")


def test_what_the_work_raises_is_raised_where_it_is_fetched() -> None:
    with pytest.raises(ZeroDivisionError):
        Ahead("test-ahead")(lambda: 1 // 0).result(60)


def test_its_thread_ends_when_nothing_refers_to_it_any_more() -> None:
    ahead = Ahead("test-forgotten")
    ahead(int).result(60)
    (thread,) = [thread for thread in threading.enumerate() if thread.name.startswith("test-forgotten")]
    del ahead
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
