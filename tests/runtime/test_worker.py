"""Workers and back-off: what is lost comes back, what is final ends, what is unexpected never kills the call."""

import threading
import time
from collections.abc import Callable

import pytest

from livecam.core.backoff import Band
from livecam.errors import SourceGone, SourceLost
from livecam.runtime.worker import Doing, Policy, Worker

QUICK = Policy((Band(0.0, 3), Band(0.01, 1)), (SourceGone,))


class ScriptedLoop:
    def __init__(self, step: Callable[[int], None], opening: Callable[[int], None] = lambda _: None) -> None:
        self.on_step, self.on_open = step, opening
        self.steps = self.opened = self.closed = 0
        self.failures: list[str] = []
        self.idle = False

    def open(self) -> None:
        self.opened += 1
        self.on_open(self.opened)

    def step(self) -> bool:
        self.steps += 1
        time.sleep(0.001)
        self.on_step(self.steps)
        return not self.idle

    def failed(self, error: Exception) -> None:
        self.failures.append(str(error))

    def close(self) -> None:
        self.closed += 1


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


@pytest.mark.parametrize("error", [SourceLost("unplugged"), ValueError("odd"), MemoryError()])
def test_a_lost_loop_is_closed_opened_and_goes_on(error: Exception) -> None:
    def step(count: int) -> None:
        if count in (2, 3):
            raise error

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, QUICK)
    worker.start()
    wait_for(lambda: loop.steps > 6)
    assert loop.opened == 3
    assert loop.failures == [str(error)] * 2
    assert worker.problem == ""
    assert worker.is_open
    worker.ask_stop()
    assert worker.join(60.0)
    assert worker.done
    assert not worker.died
    assert loop.closed >= 3


def test_failing_to_open_is_tried_again() -> None:
    def opening(count: int) -> None:
        if count < 4:
            raise SourceLost("busy")

    loop = ScriptedLoop(lambda _: None, opening)
    worker = Worker("test", loop, QUICK)
    worker.start()
    wait_for(lambda: loop.steps > 1)
    assert loop.opened == 4
    worker.ask_stop()
    assert worker.join(60.0)


def test_something_final_ends_the_worker_and_is_kept() -> None:
    def step(_: int) -> None:
        raise SourceGone("The file has ended.")

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, QUICK)
    worker.start()
    assert worker.join(60.0)
    assert worker.done
    assert isinstance(worker.error, SourceGone)
    assert (loop.opened, loop.closed) == (1, 1)


def test_a_thread_that_dies_is_noticed_and_can_be_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def step(count: int) -> None:
        if count == 2:
            raise SystemExit

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, QUICK)
    worker.start()
    wait_for(lambda: worker.died)
    assert not worker.done
    assert loop.closed == 1
    worker.start()
    wait_for(lambda: loop.steps > 4)
    assert not worker.died
    worker.ask_stop()
    assert worker.join(60.0)


def test_a_stop_interrupts_a_long_back_off() -> None:
    def step(_: int) -> None:
        raise SourceLost("away")

    worker = Worker("test", ScriptedLoop(step), Policy((Band(60.0, 1),), ()))
    worker.start()
    wait_for(lambda: worker.problem == "away")
    worker.ask_stop()
    assert worker.join(60.0)


def test_a_loop_that_cannot_even_close_does_not_kill_the_worker() -> None:
    class Stubborn(ScriptedLoop):
        def close(self) -> None:
            raise OSError("stuck")

    def step(count: int) -> None:
        if count == 1:
            raise SourceLost("away")

    loop = Stubborn(step)
    worker = Worker("test", loop, QUICK)
    worker.start()
    wait_for(lambda: loop.steps > 3)
    worker.ask_stop()
    assert worker.join(60.0)


def test_idle_rounds_do_not_count_as_recovery() -> None:
    def step(count: int) -> None:
        if count == 1:
            raise SourceLost("away")

    loop = ScriptedLoop(step)
    loop.idle = True
    worker = Worker("test", loop, QUICK)
    worker.start()
    wait_for(lambda: loop.steps > 5)
    assert worker.problem == "away"
    loop.idle = False
    wait_for(lambda: worker.problem == "")
    worker.ask_stop()
    assert worker.join(60.0)


def test_the_same_failure_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    def step(count: int) -> None:
        if count % 2:
            raise ValueError("always the same")

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, Policy((Band(0.0, 1),), ()))
    worker.start()
    wait_for(lambda: len(loop.failures) > 10)
    worker.ask_stop()
    assert worker.join(60.0)
    assert sum("always the same" in record.message for record in caplog.records) == 1


def test_joining_before_starting_is_fine() -> None:
    worker = Worker("test", ScriptedLoop(lambda _: None), QUICK)
    assert worker.join(0.1)
    assert not worker.died


def test_a_failure_counts_as_overcome_only_once_work_has_gone_on_for_a_while() -> None:
    """A frame without a face succeeds while the server that swaps faces is down: the status must not flicker."""
    told: list[str] = []
    failed_s = 0.0
    worker: Worker

    def step(count: int) -> None:
        nonlocal failed_s
        # Unless this thread was kept from running for so long that it has gone on for a while.
        told.append(worker.problem if time.monotonic() - failed_s < 0.1 else "The server is away.")
        if count % 3 == 1 and count < 30:
            failed_s = time.monotonic()
            raise SourceLost("The server is away.")

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, Policy((Band(0.0, 1),), (), settle_s=0.1))
    worker.start()
    wait_for(lambda: loop.steps > 30)
    assert set(told[1:30]) == {"The server is away."}
    wait_for(lambda: worker.problem == "")
    worker.ask_stop()
    assert worker.join(60.0)


def test_after_work_that_succeeded_the_next_failure_is_tried_again_at_once() -> None:
    def step(count: int) -> None:
        if count % 2:
            raise SourceLost("away")

    loop = ScriptedLoop(step)
    worker = Worker("test", loop, Policy((Band(0.0, 1), Band(60.0, 1)), (), settle_s=60.0))
    worker.start()
    wait_for(lambda: len(loop.failures) > 4)
    worker.ask_stop()
    assert worker.join(60.0)
    assert worker.problem == "away"


def test_a_worker_that_was_stopped_can_be_started_again() -> None:
    loop = ScriptedLoop(lambda _: None)
    worker = Worker("test", loop, QUICK)
    for round_ in (1, 2, 3):
        worker.problem = "of before"
        worker.start()
        seen = loop.steps
        wait_for(lambda seen=seen: loop.steps > seen + 2)  # type: ignore[misc]
        worker.ask_stop()
        assert worker.join(60.0)
        assert (worker.done, worker.died, loop.opened, loop.closed) == (True, False, round_, round_)
        assert worker.problem == ""


def test_what_it_is_in_the_middle_of_can_be_seen() -> None:
    go_on = threading.Event()

    def step(count: int) -> None:
        if count == 2:
            raise SourceLost("unplugged")
        if count > 2:
            go_on.wait(60)

    loop = ScriptedLoop(step, lambda count: None)
    worker = Worker("test", loop, Policy((Band(0.05, 1),), ()))
    assert (worker.doing, worker.calls) == (Doing.NOTHING, 0)
    worker.start()
    wait_for(lambda: worker.failure is SourceLost)
    wait_for(lambda: loop.steps == 3)
    assert str(worker.doing) == "Doing.STEPPING"
    began = worker.calls
    go_on.set()
    wait_for(lambda: worker.calls > began and worker.failure is None)
    worker.ask_stop()
    assert worker.join(60)
    assert worker.doing is Doing.NOTHING


def test_where_no_thread_can_be_started_it_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker("test", ScriptedLoop(lambda _: None), QUICK)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            worker.start()
    assert worker.join(0.1), "nobody waits for a thread that was never started"
    worker.start()
    worker.ask_stop()
    assert worker.join(60)


def refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
