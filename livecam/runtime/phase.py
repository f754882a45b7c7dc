"""Lets the output's beat follow publication, so that a finished picture does not wait a whole interval."""

from livecam.core.clock import STEADY, Metronome

_TARGET_NS = 3_000_000
_CREEP_NS = 50_000
_GAIN = 0.1
_LATEST_NS = -2_000_000
_FAR_NS = 6_000_000
_PATIENCE = 15
_SLACK = 4
_SEARCHING = 0.1


class PhaseFollower:
    """Moves the grid after each picture, given how long the picture waited for its tick.

    It is a phase-locked loop on the smallest wait of late: that is remembered, creeps up by 50 us a picture (so
    it spans a second or two), and is held at 3 ms. A picture that just missed its tick counts as a negative wait.
    So nearly every picture is in time, the rest waits as little as the jitter of inference allows, and a camera
    whose clock is a little off is followed. One stalled frame moves the beat by 4 ms at most.

    At the start, and when some fifteen pictures were far off, the phase is not known: then the grid moves by up to
    10 % of the interval a tick, later by up to 1 %.

    Args:
        metronome: Whose grid is moved.
    """

    __slots__ = ("_far", "_metronome", "_smallest_ns")

    def __init__(self, metronome: Metronome) -> None:
        self._metronome = metronome
        self._smallest_ns = 0
        self._far = _PATIENCE

    def follow(self, wait_ns: int) -> int:
        """Move the grid after a picture waited `wait_ns` between publication and sending; the shift made, in ns."""
        late = wait_ns > self._metronome.interval_ns // 2
        margin_ns = wait_ns - self._metronome.interval_ns if late else wait_ns
        off = abs(margin_ns - _TARGET_NS) > _FAR_NS
        self._far = min(self._far + 1, _PATIENCE + _SLACK) if off else max(self._far - _SLACK, 0)
        if self._far >= _PATIENCE:
            self._smallest_ns = margin_ns
            made_ns = self._metronome.nudge(_TARGET_NS - margin_ns, _SEARCHING)
        else:
            self._smallest_ns = min(self._smallest_ns + _CREEP_NS, max(margin_ns, _LATEST_NS))
            made_ns = self._metronome.nudge(int((_TARGET_NS - self._smallest_ns) * _GAIN), STEADY)
        self._smallest_ns += made_ns
        return made_ns
