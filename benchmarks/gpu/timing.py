"""Times of work on a card, from the host's clock: enough work at a time that the call itself does not count."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from livecam.core.device import Device
from livecam.core.frame import NS_PER_MS

Times = dict[str, float]
"""Milliseconds by percentile."""


def percentiles(times_ms: Sequence[float]) -> Times:
    """p50, p95, p99 and the best."""
    values = np.asarray(times_ms, np.float64)
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "best_ms": float(values.min()), "runs": float(len(values))}


def one_by_one(work: Callable[[], None], seconds: float, least: int = 20, warm: int = 5) -> Times:
    """Times of single calls that wait for their own end."""
    for _ in range(warm):
        work()
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < least or time.monotonic() < end:
        began = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - began) / NS_PER_MS)
    return percentiles(times)


def together(device: Device, stream: int, begin: Callable[[], None], runs: int = 20, copies: int = 50) -> Times:
    """Times of a piece of work that is short against a call: `copies` of it in one graph, replayed `runs` times.

    Args:
        device: The card.
        stream: Where the work goes.
        begin: Begins it once, without waiting and without allocating.
        runs: How many replays are timed.
        copies: How many pieces are in the graph.
    """
    begin()
    device.wait(stream)
    device.begin_capture(stream)
    for _ in range(copies):
        begin()
    graph = device.end_capture(stream)
    times: list[float] = []
    for _ in range(runs + 2):
        began = time.perf_counter_ns()
        device.replay(graph, stream)
        device.wait(stream)
        times.append((time.perf_counter_ns() - began) / NS_PER_MS / copies)
    device.end_graph(graph)
    return percentiles(times[2:])
