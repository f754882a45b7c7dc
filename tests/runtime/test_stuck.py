"""Threads that do not come back."""

import pytest

from livecam.core.backoff import Band
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.errors import DeviceError, EngineError, LivecamError, SourceHangs, SourceLost
from livecam.runtime.stuck import HANGS_S, LOST_S, StuckWatch, calls, frames
from livecam.runtime.telemetry import InferenceCounters
from livecam.runtime.worker import Doing, Policy, Worker
from tests.runtime.test_worker import ScriptedLoop


def worker(name: str = "capture") -> Worker:
    made = Worker(name, ScriptedLoop(lambda _: None), Policy((Band(0.0, 1),), ()))
    made.calls, made.doing = 1, Doing.STEPPING
    return made


class Looks:
    """Ten looks a second."""

    def __init__(self, watch: StuckWatch, *workers: Worker) -> None:
        self.watch, self.workers, self.now_ns = watch, workers, NS_PER_S

    def for_s(self, seconds: float, every_s: float = 0.1) -> str:
        """What was found meanwhile; "" for nothing."""
        for _ in range(round(seconds / every_s)):
            self.now_ns += round(every_s * NS_PER_S)
            found = self.watch.look(self.workers, self.now_ns)
            if found is not None:
                return found[1]
        return ""


def test_who_does_not_return_is_found_after_the_limit_and_not_before() -> None:
    watched = worker()
    looks = Looks(StuckWatch({"capture": calls(15.0, 3.0)}), watched)
    assert looks.for_s(2.9) == ""
    assert looks.for_s(0.5).startswith("The thread capture hangs: its driver or network has not returned for 3.")


def test_whoever_begins_something_new_is_at_work() -> None:
    watched = worker()
    looks = Looks(StuckWatch({"capture": calls(15.0, 3.0)}), watched)
    for _ in range(5):
        assert looks.for_s(2.5) == ""
        watched.calls += 1


def test_opening_has_a_limit_of_its_own_and_waiting_has_none() -> None:
    watched = worker()
    watched.doing = Doing.OPENING
    looks = Looks(StuckWatch({"capture": calls(15.0, 3.0)}), watched)
    assert looks.for_s(14.5) == ""
    assert looks.for_s(1.0)
    watched.doing = Doing.NOTHING
    assert looks.for_s(100.0) == ""


def test_a_process_that_was_stopped_accuses_nobody() -> None:
    """As after SIGCONT, or on a system whose clock goes on while it sleeps."""
    looks = Looks(StuckWatch({"capture": calls(15.0, 3.0)}), worker())
    assert looks.for_s(36_000, every_s=3600.0) == ""


def test_who_is_not_watched_may_take_any_time() -> None:
    assert Looks(StuckWatch({}), worker()).for_s(100.0) == ""


def test_frames_may_take_eight_times_as_long_as_the_slowest() -> None:
    counters = InferenceCounters()
    patience = frames(counters)
    assert patience(Doing.OPENING) is None, "compiling takes minutes"
    assert patience(Doing.STEPPING) == 60.0
    for _ in range(20):
        counters.whole.add(20 * NS_PER_MS)
    assert patience(Doing.STEPPING) == 2.5
    for _ in range(20):
        counters.whole.add(NS_PER_S)
    assert patience(Doing.STEPPING) == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "limit_s"), [(SourceHangs, HANGS_S), (DeviceError, LOST_S), (SourceLost, None), (EngineError, None)]
)
def test_what_only_another_process_can_mend_is_found_after_a_while(
    kind: type[LivecamError], limit_s: float | None
) -> None:
    watched = worker()
    watched.doing, watched.failure, watched.problem = Doing.NOTHING, kind, "It hangs."
    looks = Looks(StuckWatch({"capture": calls(15.0, 3.0)}), watched)
    if limit_s is None:
        assert looks.for_s(60.0) == ""
        return
    assert looks.for_s(limit_s - 0.2) == ""
    watched.failure = None
    assert looks.for_s(0.5) == ""
    watched.failure = kind
    assert looks.for_s(limit_s - 0.2) == "", "it was back meanwhile"
    assert looks.for_s(1.0) == "It hangs."
