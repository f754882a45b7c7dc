"""How the quickest backend is found, with engines whose time is made up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from livecam.core.frame import NS_PER_MS
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import EngineError
from livecam.inference.agreement import Reference
from livecam.inference.backends import Backend
from livecam.inference.tune import LEAST_RUNS, Candidate, Timing, candidates, measure, quickest
from tests.fakes import FakeClock
from tests.inference.computers import RTX_3060, PretendComputer

SPECS = {"x": TensorSpec((1, 4), "float32")}


@dataclass
class Timed:
    """Doubles its input in `ms` of the clock's time."""

    clock: FakeClock
    ms: float
    wrong: float = 0.0
    fails_at: int = 10**9
    runs: int = 0
    closed: bool = False
    inputs: Mapping[str, TensorSpec] = field(default_factory=lambda: SPECS)
    outputs: Mapping[str, TensorSpec] = field(default_factory=lambda: SPECS)

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.runs += 1
        if self.runs >= self.fails_at:
            raise EngineError("The card is gone.")
        self.clock.time_ns += int(self.ms * NS_PER_MS)
        return {"x": np.asarray(feeds["x"], np.float32) * np.float32(2 + self.wrong)}

    def close(self) -> None:
        self.closed = True


def timed(engines: Mapping[Backend, Timed], clock: FakeClock, seconds: float = 1.0) -> dict[Backend, Timing]:
    reference = Reference.of(Timed(clock, 1))

    def load(way: Candidate) -> Engine:
        if way.backend not in engines:
            raise EngineError("It is not here.")
        return engines[way.backend]

    found = measure(load, reference, [Candidate(each) for each in Backend], clock, seconds)
    return {timing.candidate.backend: timing for timing in found}


def test_every_backend_that_works_is_a_candidate_and_the_processor_with_few_and_many_threads() -> None:
    computer = PretendComputer((Backend.CUDA, Backend.OPENVINO, Backend.CPU), RTX_3060)
    assert [str(each) for each in candidates(computer, 3)] == [
        "cuda",
        "openvino, 3 threads",
        "openvino, 1 thread",
        "cpu, 3 threads",
        "cpu, 1 thread",
    ]
    assert candidates(PretendComputer(), 1) == (Candidate(Backend.CPU, 1),)


def test_each_is_timed_after_it_has_warmed_up() -> None:
    clock = FakeClock()
    engine, slow = Timed(clock, 10), Timed(clock, 9000)
    found = timed({Backend.CPU: engine, Backend.CUDA: slow}, clock)
    assert (found[Backend.CPU].runs, found[Backend.CPU].median_ms) == (100, 10)
    assert engine.runs == 1 + 20 + 100
    assert found[Backend.CUDA].runs == LEAST_RUNS
    assert engine.closed
    assert slow.closed


def test_what_does_not_load_run_or_agree_is_no_choice() -> None:
    clock = FakeClock()
    engines = {
        Backend.CPU: Timed(clock, 9),
        Backend.CUDA: Timed(clock, 1, wrong=0.2),
        Backend.OPENVINO: Timed(clock, 1, wrong=float("nan")),
        Backend.RTX: Timed(clock, 1, fails_at=5),
    }
    found = timed(engines, clock)
    assert found[Backend.CUDA].problem == "its error is 0.1, more than 0.05"
    assert found[Backend.OPENVINO].problem.startswith("its error is inf")
    assert found[Backend.RTX].problem == "The card is gone."
    assert found[Backend.TENSORRT].problem == "It is not here."
    assert engines[Backend.RTX].closed
    best = quickest(list(found.values()))
    assert best is not None
    assert best.candidate.backend is Backend.CPU


@pytest.mark.parametrize(("ms", "chosen"), [(9.8, Backend.RTX), (9.5, Backend.CPU), (11, Backend.RTX)])
def test_a_later_one_must_be_clearly_quicker(ms: float, chosen: Backend) -> None:
    """What differs by noise would else be another choice at every measurement."""
    timings = [Timing(Candidate(Backend.RTX), 9, 10.0), Timing(Candidate(Backend.CPU), 9, ms)]
    best = quickest(timings)
    assert best is not None
    assert best.candidate.backend is chosen


def test_where_nothing_works_there_is_no_quickest() -> None:
    assert quickest([Timing(Candidate(Backend.CPU), problem="broken")]) is None
