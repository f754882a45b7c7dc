"""The governor: when frames near their budget it gives up quality step by step, and takes it back when there is time.

It decides, and does nothing else: it reads no clock, touches no network and logs nothing. What it can change is what a
`Tier` can say, and that is nothing about safety.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.ladder import Ladder, Tier


@dataclass(frozen=True, slots=True)
class Rules:
    """When to step.

    The distance between `near` and `calm` is the hysteresis. A climb that does not last makes the next one wait
    `patience` times longer, up to `longest_s`; one that lasts makes it forget.

    Attributes:
        budget_ns: For the inference of one frame.
        age_budget_ns: For a picture's age when inference has finished it, which counts its waiting too. Larger than the
            age that the camera itself causes, or the governor gives up everything for nothing.
        near: A 95th percentile from this share of a budget steps down.
        calm: One up to this share of both budgets may climb.
        samples: The percentile is that of so many frames at most.
        enough: It takes so many frames of a tier before the tier is judged.
        down_s: The least time on a tier before a step down.
        up_s: Calm must have lasted so long, on this tier, before a climb.
        lasting_s: A climb that is taken back within this time has not lasted.
        patience: See above.
        longest_s: See above.
        gap_s: After a pause of this length what was measured before says nothing.

    Raises:
        ValueError: The numbers contradict each other.
    """

    budget_ns: int = 50 * NS_PER_MS
    age_budget_ns: int = 100 * NS_PER_MS
    near: float = 0.9
    calm: float = 0.6
    samples: int = 40
    enough: int = 6
    down_s: float = 0.7
    up_s: float = 4.0
    lasting_s: float = 10.0
    patience: float = 2.0
    longest_s: float = 120.0
    gap_s: float = 2.0

    def __post_init__(self) -> None:
        ordered = 0 < self.calm < self.near and 0 < self.down_s <= self.up_s <= self.longest_s and self.patience >= 1
        if not ordered or min(self.budget_ns, self.age_budget_ns) <= 0 or not 1 <= self.enough <= self.samples:
            raise ValueError(f"The governor's rules contradict each other: {self}.")


class Cause(StrEnum):
    """Why a step was made."""

    SLOW = "inference nears its budget"
    OLD = "pictures near their greatest age"
    CALM = "there is time again"


@dataclass(frozen=True, slots=True)
class Step:
    """One step along the ladder.

    Attributes:
        before: The tier left.
        after: The tier now in force.
        cause: Why.
        p95_ns: 95th percentile of what `cause` is about; of inference for `CALM`.
        budget_ns: Its budget.
        at_ns: When, monotonic.
    """

    before: Tier
    after: Tier
    cause: Cause
    p95_ns: int
    budget_ns: int
    at_ns: int

    @property
    def down(self) -> bool:
        """Whether quality was given up."""
        return self.cause is not Cause.CALM

    def __str__(self) -> str:
        way = "down" if self.down else "up"
        p95, budget = self.p95_ns / NS_PER_MS, self.budget_ns / NS_PER_MS
        return f"Quality {way} to {self.after.name}: {self.cause} (p95 {p95:.0f} ms of {budget:.0f} ms)."


@dataclass(slots=True)
class _Recent:
    """The newest values, and their 95th percentile, without sorting them anew."""

    most: int
    _order: deque[int] = field(default_factory=deque)
    _sorted: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._order)

    def add(self, value: int) -> None:
        if len(self._order) == self.most:
            self._sorted.pop(bisect_left(self._sorted, self._order.popleft()))
        self._order.append(value)
        insort(self._sorted, value)

    def clear(self) -> None:
        self._order.clear()
        self._sorted.clear()

    @property
    def p95(self) -> int:
        """The nearest-rank 95th percentile; of few values the largest but one, since one stray frame proves nothing."""
        count = len(self._sorted)
        return self._sorted[max(min(-(-count * 95 // 100), count - 1) - 1, 0)]


class Governor:
    """Moves along a ladder, at most one tier at a time. Starts at the top; one thread.

    Args:
        ladder: What can be given up, in which order.
        rules: When.
    """

    def __init__(self, ladder: Ladder, rules: Rules | None = None) -> None:
        self._ladder = ladder
        self._rules = rules or Rules()
        self._index = 0
        self._took = _Recent(self._rules.samples)
        self._age = _Recent(self._rules.samples)
        self._seen_ns: int | None = None
        self._climbed_ns: int | None = None
        self._stepped_ns = 0
        self._calm_since_ns = 0
        self._wait_s = self._rules.up_s

    @property
    def tier(self) -> Tier:
        """What is to be spent now."""
        return self._ladder.tiers[self._index]

    def observe(self, took_ns: int, now_ns: int, age_ns: int = 0) -> Step | None:
        """Take note of one finished frame.

        Args:
            took_ns: What its inference took.
            now_ns: Monotonic time at which it was finished.
            age_ns: Its age then, from capture.

        Returns:
            The step made, to be logged and shown; `tier` is the new one already.
        """
        if self._seen_ns is None or now_ns - self._seen_ns > self._rules.gap_s * NS_PER_S:
            self._stepped_ns = now_ns
            self._afresh(now_ns)
        self._seen_ns = now_ns
        self._took.add(took_ns)
        self._age.add(age_ns)
        if len(self._took) < self._rules.enough:
            return None
        return self._judged(now_ns)

    def _judged(self, now_ns: int) -> Step | None:
        rules, took, age = self._rules, self._took.p95, self._age.p95
        loads = took / rules.budget_ns, age / rules.age_budget_ns
        if max(loads) > rules.calm:
            self._calm_since_ns = now_ns
        self._forget_flapping(now_ns)
        if max(loads) >= rules.near and self._may_sink(now_ns):
            slow = loads[0] >= rules.near
            cause, p95, budget = (Cause.SLOW, took, rules.budget_ns) if slow else (Cause.OLD, age, rules.age_budget_ns)
            self._learn_flapping(now_ns)
            return self._step(1, Step(self.tier, self._next(1), cause, p95, budget, now_ns))
        if self._may_climb(now_ns):
            self._climbed_ns = now_ns
            return self._step(-1, Step(self.tier, self._next(-1), Cause.CALM, took, rules.budget_ns, now_ns))
        return None

    def _may_sink(self, now_ns: int) -> bool:
        return self._index < self._ladder.bottom and now_ns - self._stepped_ns >= self._rules.down_s * NS_PER_S

    def _may_climb(self, now_ns: int) -> bool:
        return self._index > 0 and now_ns - self._calm_since_ns >= self._wait_s * NS_PER_S

    def _next(self, way: int) -> Tier:
        return self._ladder.tiers[self._index + way]

    def _step(self, way: int, step: Step) -> Step:
        self._index += way
        self._stepped_ns = step.at_ns
        self._afresh(step.at_ns)
        return step

    def _afresh(self, now_ns: int) -> None:
        """Forget what was measured: it was another tier, or another time."""
        self._took.clear()
        self._age.clear()
        self._calm_since_ns = now_ns

    def _learn_flapping(self, now_ns: int) -> None:
        """A climb that is taken back this soon was a mistake: wait longer before the next one."""
        if self._climbed_ns is not None:
            self._wait_s = min(self._wait_s * self._rules.patience, self._rules.longest_s)
        self._climbed_ns = None

    def _forget_flapping(self, now_ns: int) -> None:
        """A climb that has lasted was right."""
        if self._climbed_ns is not None and now_ns - self._climbed_ns > self._rules.lasting_s * NS_PER_S:
            self._climbed_ns = None
            self._wait_s = self._rules.up_s
