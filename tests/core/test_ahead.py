"""Work done beside the caller."""

import gc
import threading

import pytest

from livecam.core.ahead import Ahead


def test_work_is_begun_at_once_and_in_order() -> None:
    ahead, begun, let_go = Ahead("test-ahead"), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert let_go.wait(5)
        return threading.current_thread().name

    first = ahead(work)
    assert begun.wait(5)
    second = ahead(first.done)
    assert not first.done()
    let_go.set()
    assert second.result(5)
    assert first.result(5).startswith("test-ahead")


def test_what_the_work_raises_is_raised_where_it_is_fetched() -> None:
    with pytest.raises(ZeroDivisionError):
        Ahead("test-ahead")(lambda: 1 // 0).result(5)


def test_its_thread_ends_when_nothing_refers_to_it_any_more() -> None:
    ahead = Ahead("test-forgotten")
    ahead(int).result(5)
    (thread,) = [thread for thread in threading.enumerate() if thread.name.startswith("test-forgotten")]
    del ahead
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
