"""One sink of a tee, and what becomes of it when it fails."""

import logging
import re
import threading
from collections.abc import Callable
from enum import Enum, auto

from livecam.core.cleared import Cleared
from livecam.core.frame import NS_PER_MS, NS_PER_S, Size
from livecam.core.seams import Clock, Sink
from livecam.errors import LivecamError, SinkError, SinkGone

_LOG = logging.getLogger("livecam.output")

DRIVER_ERRORS = (LivecamError, OSError, ValueError, RuntimeError)
"""What drivers raise: their own errors, the system's, and those that vendor libraries raise from native code."""

SLOW_NS = 250 * NS_PER_MS
SLOW_TIMES = 3
SETTLED_NS = 5 * NS_PER_S
"""Open for that long, a sink's earlier failures are forgotten; one that opens and fails at once keeps its wait."""


class State(Enum):
    """Who may touch the sink: the sending thread (`OPEN`), the helper (`LOST`, `AWAY`), or nobody."""

    CLOSED = auto()
    OPEN = auto()
    LOST = auto()
    AWAY = auto()
    GONE = auto()


class Role(Enum):
    """What a sink is to a run.

    Attributes:
        OUTLET: A way out, of which there has to be one.
        GUEST: One besides, such as a recording.
        LISTENER: One that nobody is told of.
    """

    OUTLET = auto()
    GUEST = auto()
    LISTENER = auto()


class Member:
    """A sink and its fate.

    Args:
        sink: Owned from here on.
        clock: Where time comes from.
        delay_ns: The wait in ns after so many failed tries.
        role: What it is to the run.

    Attributes:
        sink: The sink.
        role: The same.
        state: Who may touch it.
        sent: How many pictures it took.
        lost: How often it went away.
        problem: Why it is not open; empty when it is.
    """

    def __init__(self, sink: Sink, clock: Clock, delay_ns: Callable[[int], int], role: Role = Role.OUTLET) -> None:
        self.sink = sink
        self.role = role
        self._clock = clock
        self._delay_ns = delay_ns
        self._size = Size(0, 0)
        self._fps = 0.0
        self._tries = 0
        self._due_ns = 0
        self._opened_ns = 0
        self._slow = 0
        self._final = False
        self._gate = threading.Lock()
        self.state = State.CLOSED
        self.sent = 0
        self.lost = 0
        self.problem = ""

    def open(self, size: Size, fps: float) -> None:
        """Try to open it; afterwards `state` is `OPEN`, `AWAY` or `GONE`."""
        with self._gate:
            self._size, self._fps = size, fps
            self._tries = 0
            self.state = self._opened()

    def leave_to_helper(self, size: Size, fps: float) -> None:
        """Have the helper open it, soon; afterwards `state` is `AWAY`. Only while it is closed."""
        with self._gate:
            self._size, self._fps = size, fps
            self._due_ns = 0
            self.state = State.AWAY

    def send(self, cleared: Cleared) -> None:
        """Send one picture; afterwards `state` may be `LOST`."""
        started_ns = self._clock.now_ns()
        try:
            self.sink.send(cleared)
        except DRIVER_ERRORS as error:
            self._lose(error)
            return
        self.sent += 1
        took_ns = self._clock.now_ns() - started_ns
        self._slow = self._slow + 1 if took_ns > SLOW_NS else 0
        if self._slow >= SLOW_TIMES:
            self._lose(
                SinkError(f"{_public(self.sink)} took {took_ns // NS_PER_MS} ms for a picture, again and again.")
            )

    def mend(self) -> None:
        """Close it if it was just lost; open it again if that is due."""
        if self.state not in (State.LOST, State.AWAY) or not self._gate.acquire(blocking=False):
            return
        try:
            if self.state is State.LOST:
                self._put_away()
            if self.state is State.AWAY and self._clock.now_ns() >= self._due_ns:
                self.state = self._opened()
        finally:
            self._gate.release()

    def close(self) -> None:
        """Close it for good. Waits for an opening that is under way."""
        with self._gate:
            if self.state in (State.OPEN, State.LOST):
                self.sink.close()
            self.state = State.CLOSED

    def _opened(self) -> State:
        try:
            self.sink.open(self._size, self._fps)
        except DRIVER_ERRORS as error:
            self._report(error)
            self.sink.close()
            if isinstance(error, SinkGone):
                return State.GONE
            self._schedule()
            return State.AWAY
        if self.problem:
            _LOG.info("%s is open again.", _public(self.sink))
        self.problem = ""
        self._slow = 0
        self._opened_ns = self._clock.now_ns()
        return State.OPEN

    def _lose(self, error: Exception) -> None:
        self.lost += 1
        self._report(error)
        self._final = isinstance(error, SinkGone)
        self.state = State.LOST

    def _put_away(self) -> None:
        self.sink.close()
        if self._final:
            self.state = State.GONE
            return
        if self._clock.now_ns() - self._opened_ns >= SETTLED_NS:
            self._tries = 0
        self._schedule()
        self.state = State.AWAY

    def _schedule(self) -> None:
        self._due_ns = self._clock.now_ns() + self._delay_ns(self._tries)
        self._tries += 1

    def _report(self, error: Exception) -> None:
        expected = isinstance(error, LivecamError)
        problem = str(error) if expected else f"{_public(self.sink)} failed: {error}"
        if problem != self.problem:
            # The same refusal at every try is said once.
            _LOG.warning("%s", problem, exc_info=None if expected else error)
        self.problem = problem


def _public(sink: Sink) -> str:
    """The sink's name without its secret."""
    return re.sub(r"token=[^\s&]+", "token=...", sink.name)
