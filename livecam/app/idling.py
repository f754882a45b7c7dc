"""``idle = "release"``: while no application reads the virtual camera, the real one is closed and little is done."""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from livecam.app.exit import Exit
from livecam.config.idle import IdleConfig, WhenIdle
from livecam.core.frame import NS_PER_S
from livecam.core.seams import Clock
from livecam.runtime.loops import InferenceLoop
from livecam.runtime.supervisor import Supervisor

log = logging.getLogger(__name__)

_UNCOUNTED: Final = "Pictures go to a recording, or to where it cannot be told who looks"


class Sleeper(Protocol):
    """What can rest."""

    def rest(self) -> bool:
        """Let go of camera and networks; whether that was done, or had been."""
        ...

    def wake(self) -> bool:
        """Take them again; whether that was begun."""
        ...


class RunSleeper:
    """The threads of a run. The thread of the supervisor.

    Args:
        supervisor: Stops and starts capture and inference.
        inference: Frees what is large, see its `rest`.
        slow: Lets the output send seldom, or at full rate again.
    """

    def __init__(self, supervisor: Supervisor, inference: InferenceLoop, slow: Callable[[bool], None]) -> None:
        self._supervisor = supervisor
        self._inference = inference
        self._slow = slow

    def rest(self) -> bool:
        """See `Sleeper`; not done while the run is starting or stopping."""
        self._inference.rest(True)
        rests = self._supervisor.rest()
        if not rests:
            self._inference.rest(False)
        self._slow(rests)
        return rests

    def wake(self) -> bool:
        """See `Sleeper`; not done while a camera still hangs on to its thread."""
        self._inference.rest(False)
        self._slow(False)
        return self._supervisor.wake()


class Idling:
    """Watches who reads, has the run rest and wake up, and shows the first reader the card. One thread.

    Args:
        config: When to do so.
        readers: How many read now; None where that cannot be known, which counts as being read.
        sleeper: What rests.
        introduce: Shows the card until a monotonic time in ns.
        clock: Where time comes from.
    """

    def __init__(
        self,
        config: IdleConfig,
        readers: Callable[[], int | None],
        sleeper: Sleeper,
        introduce: Callable[[int], None],
        clock: Clock,
    ) -> None:
        self._config = config
        self._readers = readers
        self._sleeper = sleeper
        self._introduce = introduce
        self._clock = clock
        self._read_ns = clock.now_ns()
        self._known: int | None = 0
        self._rests = False

    def look(self) -> None:
        """See who reads, and do what follows. To be called about ten times a second."""
        if self._config.when is not WhenIdle.RELEASE:
            return
        readers, now_ns = self._readers(), self._clock.now_ns()
        known, self._known = self._known, readers
        if readers == 0:
            self._nobody(now_ns)
            return
        self._read_ns = now_ns
        if readers and known == 0 and self._config.card_s:
            self._introduce(now_ns + int(self._config.card_s * NS_PER_S))
        self._somebody(readers)

    def _nobody(self, now_ns: int) -> None:
        if self._rests or now_ns - self._read_ns < self._config.after_s * NS_PER_S:
            return
        self._rests = self._sleeper.rest()
        if self._rests:
            log.info("Nobody has looked for %g s: the camera is closed until somebody does.", self._config.after_s)

    def _somebody(self, readers: int | None) -> None:
        if self._rests and self._sleeper.wake():
            self._rests = False
            log.info("%s: the camera is opened.", "Somebody looks" if readers is not None else _UNCOUNTED)


def idling_of(
    config: IdleConfig, way_out: Exit, supervisor: Supervisor, inference: InferenceLoop, clock: Clock
) -> Idling:
    """The `Idling` of a run, whose pictures leave by `way_out`."""
    sleeper = RunSleeper(supervisor, inference, way_out.slow)
    return Idling(config, way_out.readers, sleeper, way_out.introduce, clock)
