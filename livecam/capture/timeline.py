"""When each frame of a file is due: its own times, put on an absolute grid, pass after pass."""

import av

from livecam.core.frame import NS_PER_S

_LONGEST_NS = 60 * NS_PER_S


class Timeline:
    """Maps a file's frames to monotonic time. With a constant rate this is a grid; otherwise the file's own times.

    Times never run backwards: a frame stamped before its predecessor is due together with it.

    Args:
        interval_ns: Nominal distance of frames, used where the file gives no times.
    """

    def __init__(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self._origin_ns: int | None = None
        self._first_ns: int | None = None
        self._at_ns = -interval_ns
        self._last_duration_ns = interval_ns

    def due_ns(self, frame: av.VideoFrame, now_ns: int) -> int:
        """When `frame`, the next one of the file, is due; the very first one is due at `now_ns`."""
        if self._origin_ns is None:
            self._origin_ns = now_ns
        self._at_ns = self._position_ns(frame)
        self._last_duration_ns = _span_ns(frame, frame.duration) or self.interval_ns
        return self._origin_ns + self._at_ns

    def next_pass(self) -> None:
        """The file starts again: its first frame follows its last one by that one's duration."""
        if self._origin_ns is not None:
            self._origin_ns += self._at_ns + self._last_duration_ns
        self._first_ns = None
        self._at_ns = -self.interval_ns

    def jump(self, late_ns: int) -> int:
        """Shift the grid later by as many whole intervals as fit into `late_ns`; returns the shift."""
        shift_ns = late_ns // self.interval_ns * self.interval_ns
        self._origin_ns = (self._origin_ns or 0) + shift_ns
        return shift_ns

    def _position_ns(self, frame: av.VideoFrame) -> int:
        following_ns = self._at_ns + self.interval_ns
        if frame.pts is None:
            return following_ns
        stamp_ns = _span_ns(frame, frame.pts)
        if self._first_ns is None:
            self._first_ns = stamp_ns
        position_ns = stamp_ns - self._first_ns
        # A stamp that leaps by more than a minute is damage, not a pause.
        if position_ns - max(self._at_ns, 0) > _LONGEST_NS:
            self._first_ns = stamp_ns - following_ns
            return following_ns
        return max(position_ns, self._at_ns, 0)


def _span_ns(frame: av.VideoFrame, ticks: int | None) -> int:
    return round((ticks or 0) * (frame.time_base or 0) * NS_PER_S)
