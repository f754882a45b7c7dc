"""Lets the output's beat follow publication, so that a finished picture does not wait a whole interval."""

_SETTLED_NS = 6_000_000
_FAST_NS = 1_000_000
_PULL_NS = 20_000


class PhaseFollower:
    """Says how to move the grid after each picture, given how long the picture waited for its tick.

    It is a stochastic quantile tracker: a picture that just missed its tick (and so waited more than half an interval)
    pushes the grid later by a large step, one that was in time pulls it earlier by a small one. It settles where about
    one picture in fifteen is late: near the 94th percentile of the processing time. While the wait is long it
    moves fast. Steps are cut by the metronome to 1 % of the interval.

    Args:
        interval_ns: Distance of ticks.
    """

    __slots__ = ("_interval_ns",)

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns

    def shift_ns(self, wait_ns: int) -> int:
        """The shift wanted after a picture waited `wait_ns` between publication and sending; positive is later."""
        if wait_ns > self._interval_ns // 2:
            return _FAST_NS
        return -_FAST_NS if wait_ns > _SETTLED_NS else -_PULL_NS
