"""Counting without allocating: a logarithmic histogram of durations, good for hours."""

import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_MS

_BUCKETS_PER_DOUBLING = 24
_SMALLEST_NS = 1_000
_DOUBLINGS = 27
_COUNT = _BUCKETS_PER_DOUBLING * _DOUBLINGS
HISTOGRAM_WORDS = _COUNT + 4
"""A histogram as numbers."""


class Histogram:
    """Durations from 1 us to about two minutes, in buckets 3 % wide; percentiles are good to half of that.

    Adding is O(1) and allocates nothing. One thread adds; any thread may read, and may miss the newest values.
    """

    __slots__ = ("_buckets", "count", "largest_ns", "total_ns")

    def __init__(self) -> None:
        self._buckets = np.zeros(_COUNT + 1, dtype=np.int64)
        self.count = 0
        self.total_ns = 0
        self.largest_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration; below 1 us counts as 1 us."""
        value = max(duration_ns, _SMALLEST_NS)
        index = int(np.log2(value / _SMALLEST_NS) * _BUCKETS_PER_DOUBLING)
        self._buckets[min(index, _COUNT)] += 1
        self.count += 1
        self.total_ns += duration_ns
        self.largest_ns = max(self.largest_ns, duration_ns)

    def percentile_ms(self, percent: float) -> float:
        """The value below which `percent` of the durations lie, in ms; 0 when nothing was added."""
        total = int(self._buckets.sum())
        if total == 0:
            return 0.0
        index = int(np.searchsorted(np.cumsum(self._buckets), total * percent / 100.0))
        middle_ns = float(_SMALLEST_NS * 2.0 ** ((index + 0.5) / _BUCKETS_PER_DOUBLING))
        return min(middle_ns, float(self.largest_ns)) / NS_PER_MS

    def below(self, limit_ms: float) -> int:
        """How many of the durations lie below `limit_ms`, by whole buckets."""
        index = int(np.log2(max(limit_ms * NS_PER_MS / _SMALLEST_NS, 1.0)) * _BUCKETS_PER_DOUBLING)
        return int(self._buckets[:index].sum())

    def mean_ms(self) -> float:
        """Mean in ms; 0 when nothing was added."""
        return self.total_ns / self.count / NS_PER_MS if self.count else 0.0

    def copy(self) -> "Histogram":
        """A snapshot, so that the durations since then can be had by `since`."""
        twin = Histogram()
        twin._buckets = self._buckets.copy()
        twin.count, twin.total_ns, twin.largest_ns = self.count, self.total_ns, self.largest_ns
        return twin

    def since(self, earlier: "Histogram") -> "Histogram":
        """What was added after `earlier` was copied from this one; its largest value is an upper bound."""
        twin = self.copy()
        twin._buckets -= earlier._buckets
        twin.count -= earlier.count
        twin.total_ns -= earlier.total_ns
        return twin

    def store(self, words: npt.NDArray[np.int64]) -> None:
        """Write it as `HISTOGRAM_WORDS` numbers, for another process."""
        words[:3] = self.count, self.total_ns, self.largest_ns
        words[3:] = self._buckets

    def load(self, words: npt.NDArray[np.int64]) -> None:
        """Become what `store` wrote."""
        self.count, self.total_ns, self.largest_ns = (int(word) for word in words[:3])
        self._buckets = words[3:].copy()
