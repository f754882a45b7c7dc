"""Measures a network on every backend that works, and tells which is the quickest that gives the right result."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from typing import Final

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.seams import Clock, Engine, Tensor
from livecam.errors import LivecamError
from livecam.inference.agreement import LIMIT, Reference
from livecam.inference.backends import Backend, Facts, judge, order

LEAST_RUNS: Final = 3
"""A run that takes longer than the whole time is still made so often."""
_WARM_PART: Final = 0.2
"""Of the measuring time: runs before it, which do not count."""
_ON_PROCESSOR: Final = (Backend.OPENVINO, Backend.CPU)
_WORTH: Final = 0.97
"""A later candidate must take less than this share of the time of an earlier one: what differs by less is noise."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to run a network.

    Attributes:
        backend: Which.
        threads: Within an operator, on the processor; 0 where it does not matter.
    """

    backend: Backend
    threads: int = 0

    def __str__(self) -> str:
        """Such as ``cpu, 3 threads``."""
        if not self.threads:
            return str(self.backend)
        return f"{self.backend}, {self.threads} {'thread' if self.threads == 1 else 'threads'}"


@dataclass(frozen=True, slots=True)
class Timing:
    """How a network did.

    Attributes:
        candidate: How it ran.
        runs: That were timed; 0 where it did not run.
        median_ms: Of them.
        error: The worst of its results against the 32-bit network on the processor.
        problem: Why it cannot be taken; "" where it can.
    """

    candidate: Candidate
    runs: int = 0
    median_ms: float = 0.0
    error: float = 0.0
    problem: str = ""


def candidates(facts: Facts, most_threads: int) -> tuple[Candidate, ...]:
    """Every way that works here, best first as it is thought to be.

    Args:
        facts: The computer.
        most_threads: Beside one, tried on the processor.
    """
    usable = [backend for backend in order(facts) if judge(backend, facts) is None]
    counts = sorted({1, max(most_threads, 1)}, reverse=True)
    return tuple(
        Candidate(backend, threads) for backend in usable for threads in (counts if backend in _ON_PROCESSOR else (0,))
    )


def measure(
    load: Callable[[Candidate], Engine],
    reference: Reference,
    asked: Sequence[Candidate],
    clock: Clock,
    seconds: float,
    told: Callable[[Candidate], None] = lambda _: None,
) -> list[Timing]:
    """Time every candidate for about `seconds`, one after the other, in this thread.

    Args:
        load: Makes the network ready.
        reference: What the 32-bit network on the processor gave.
        asked: The candidates.
        clock: Where time comes from.
        seconds: For each.
        told: Hears which is measured next.
    """
    found = []
    for candidate in asked:
        told(candidate)
        found.append(_timing(load, reference, candidate, clock, seconds))
    return found


def quickest(timings: Sequence[Timing]) -> Timing | None:
    """The quickest that gives the right result; None where none does.

    The earlier one stays where the difference is no more than noise: it needs fewer copies, or leaves more cores.
    """
    best: Timing | None = None
    for timing in timings:
        if not timing.problem and (best is None or timing.median_ms < _WORTH * best.median_ms):
            best = timing
    return best


def _timing(
    load: Callable[[Candidate], Engine], reference: Reference, candidate: Candidate, clock: Clock, seconds: float
) -> Timing:
    try:
        with closing(load(candidate)) as engine:
            error = max(reference.errors(engine).values(), default=0.0)
            # Written so that an error that is not a number is a problem too.
            if not error <= LIMIT:
                return Timing(candidate, error=error, problem=f"its error is {error:.3g}, more than {LIMIT:g}")
            _run(engine, reference.feeds, clock, seconds * _WARM_PART, least=1)
            times = _run(engine, reference.feeds, clock, seconds, LEAST_RUNS)
    except LivecamError as trouble:
        return Timing(candidate, problem=trouble.what)
    return Timing(candidate, len(times), median(times) / NS_PER_MS, error)


def _run(engine: Engine, feeds: Mapping[str, Tensor], clock: Clock, seconds: float, least: int) -> list[int]:
    """Durations, ns, of runs made until `seconds` are over and there are at least `least`.

    Raises:
        EngineError: A run failed.
    """
    times: list[int] = []
    before_ns = clock.now_ns()
    end_ns = before_ns + int(seconds * NS_PER_S)
    while before_ns < end_ns or len(times) < least:
        engine.run(feeds)
        after_ns = clock.now_ns()
        times.append(after_ns - before_ns)
        before_ns = after_ns
    return times
