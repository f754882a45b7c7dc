"""Finds threads that do not come back from a driver or a network: no thread can be taken back from one.

Time counts only while somebody looks: a process that was stopped, or a machine that was asleep, accuses nobody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.errors import DeviceError, SourceHangs
from livecam.runtime.telemetry import InferenceCounters
from livecam.runtime.worker import Doing, Worker

MOST_NS: Final = 250 * NS_PER_MS
"""So much counts of the time between two looks, at most."""

HANGS_S: Final = 1.0
"""A source that says that its driver hangs is believed after this."""

LOST_S: Final = 10.0
"""So long a graphics card may fail at every try: what this process holds of it is then lost."""

_PROVEN: Final = 10
_FIRST_S: Final = 60.0
_FRAME_S: Final = 2.5
_SLOWEST_FRAMES: Final = 8.0

Patience = Callable[[Doing], float | None]
"""How long one call may take, s; None for as long as it likes."""


def calls(open_s: float | None, step_s: float) -> Patience:
    """One limit for opening, and one for a round."""
    return lambda doing: open_s if doing is Doing.OPENING else step_s


def frames(counters: InferenceCounters) -> Patience:
    """For inference: loading and compiling take what they take; a frame, eight times as long as the slowest percent."""

    def patience(doing: Doing) -> float | None:
        if doing is Doing.OPENING:
            return None
        if counters.whole.count < _PROVEN:
            return _FIRST_S
        return max(_FRAME_S, _SLOWEST_FRAMES * counters.whole.percentile_ms(99) / 1e3)

    return patience


@dataclass(slots=True)
class _Seen:
    calls: int = -1
    stuck_ns: int = 0
    failing_ns: int = 0


class StuckWatch:
    """Looks at workers now and then. One thread.

    Args:
        patience: With each, by name; a worker that is not there is not looked at.
    """

    def __init__(self, patience: Mapping[str, Patience]) -> None:
        self._patience = patience
        self._seen = {name: _Seen() for name in patience}
        self._looked_ns = 0

    def look(self, workers: tuple[Worker, ...], now_ns: int) -> tuple[Worker, str] | None:
        """Who does not come back, and the sentence for it; None while all do."""
        step_ns = min(now_ns - self._looked_ns, MOST_NS) if self._looked_ns else 0
        self._looked_ns = now_ns
        found = [(worker, text) for worker in workers if (text := self._judged(worker, step_ns))]
        return found[0] if found else None

    def _judged(self, worker: Worker, step_ns: int) -> str:
        seen = self._seen.get(worker.name)
        if seen is None:
            return ""
        if worker.calls != seen.calls or worker.doing is Doing.NOTHING:
            seen.calls, seen.stuck_ns = worker.calls, 0
        else:
            seen.stuck_ns += step_ns
        allowed_s, stuck_s = self._patience[worker.name](worker.doing), seen.stuck_ns / NS_PER_S
        if worker.doing is not Doing.NOTHING and allowed_s is not None and stuck_s > allowed_s:
            return f"The thread {worker.name} hangs: its driver or network has not returned for {stuck_s:.1f} s."
        return _judged_failing(worker, seen, step_ns)


def _judged_failing(worker: Worker, seen: _Seen, step_ns: int) -> str:
    """Of a worker that fails again and again: whether this process can ever do better."""
    kind = worker.failure
    if kind is None or not issubclass(kind, SourceHangs | DeviceError):
        seen.failing_ns = 0
        return ""
    allowed_s = HANGS_S if issubclass(kind, SourceHangs) else LOST_S
    seen.failing_ns += step_ns
    return worker.problem if seen.failing_ns > allowed_s * NS_PER_S else ""
