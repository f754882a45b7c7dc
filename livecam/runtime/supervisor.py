"""Starts, watches and stops the three threads. Output comes first and goes last, so that the slate is always there."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.core.seams import Clock
from livecam.core.settings import Panic, SettingsCell
from livecam.errors import DriverHangs, LivecamError, StopFailed
from livecam.runtime.stuck import StuckWatch
from livecam.runtime.telemetry import Telemetry
from livecam.runtime.worker import Doing, Worker

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""The GIL is the jitter source: a thread that wants it waits at most this long for one that computes in Python."""

STALLED_NS = NS_PER_S
"""A camera silent, or a frame in work, for longer than this means the daemon is degraded."""

FIRST_PICTURE_NS = NS_PER_S // 2
"""The other threads import much, which keeps the GIL: they wait this long for output to send its first picture."""

STOP_S = 1.7
"""All threads together may take this long to end."""

CLOSE_S = 2.0
"""At the end of a run, so much longer for those that hold a device: starved of processors, they close it late."""

LAST_S = 1.0
"""So long the output, which then sends the slate last."""

RESTING = "Nobody is looking."
"""What is told while the camera is closed because of that."""


class State(StrEnum):
    """What the daemon as a whole is doing."""

    STARTING = "starting"
    LIVE = "live"
    DEGRADED = "degraded"
    IDLE = "idle"
    STOPPING = "stopping"
    FAILED = "failed"


MOVES = {
    State.STARTING: frozenset({State.LIVE, State.DEGRADED, State.STOPPING, State.FAILED}),
    State.LIVE: frozenset({State.DEGRADED, State.IDLE, State.STOPPING, State.FAILED}),
    State.DEGRADED: frozenset({State.LIVE, State.IDLE, State.STOPPING, State.FAILED}),
    State.IDLE: frozenset({State.STARTING, State.STOPPING, State.FAILED}),
    State.STOPPING: frozenset({State.FAILED}),
    State.FAILED: frozenset[State](),
}
"""The legal moves; everything else is a bug."""


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the daemon.

    Attributes:
        state: As a whole.
        problem: What is wrong, in a sentence; empty when nothing is.
        ended: The source has ended, or something final happened: there is nothing left to wait for.
        error: What ended it, when it was not asked for.
    """

    state: State
    problem: str
    ended: bool
    error: LivecamError | None


class Supervisor:
    """Owns the threads of one run. Its methods belong to the thread that made it.

    Args:
        capture: Runs a `CaptureLoop`.
        inference: Runs an `InferenceLoop`.
        output: Runs an `OutputLoop`.
        telemetry: Their counters.
        cell: The settings, closed by a panic when the run stops.
        stuck: Finds threads that do not come back.
        may_restart: Whether the process may end for one, to be started again; it goes on with the slate otherwise.
    """

    def __init__(
        self,
        capture: Worker,
        inference: Worker,
        output: Worker,
        telemetry: Telemetry,
        cell: SettingsCell,
        clock: Clock | None = None,
        stuck: StuckWatch | None = None,
        may_restart: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stuck = stuck or StuckWatch({})
        self._may_restart = may_restart
        self._hangs: Worker | None = None
        self._capture = capture
        self._inference = inference
        self._output = output
        self._telemetry = telemetry
        self._cell = cell
        self._clock = clock or MonotonicClock()
        self._captured = 0
        self._captured_change_ns = 0
        self._captured_before = 0
        self._old_switch_interval = sys.getswitchinterval()
        self.state = State.STARTING
        self.restarts = 0

    @property
    def workers(self) -> tuple[Worker, Worker, Worker]:
        """In starting order."""
        return (self._output, self._inference, self._capture)

    def start(self) -> None:
        """Start output, and once it has sent a picture, or soon after, inference and capture."""
        self._old_switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._captured_change_ns = self._clock.now_ns()
        self._output.start()
        self._wait_for_picture()
        for worker in (self._inference, self._capture):
            worker.start()

    def _wait_for_picture(self) -> None:
        deadline_ns = self._clock.now_ns() + FIRST_PICTURE_NS
        while not (self._telemetry.output.ticks or self._output.problem or self._output.done):
            now_ns = self._clock.now_ns()
            if now_ns >= deadline_ns:
                return
            self._clock.sleep_until(now_ns + NS_PER_S // 200)

    def check(self) -> Health:
        """Look at every thread, start again what died, and say how things stand."""
        for worker in self.workers:
            if worker.died and self.state is not State.STOPPING:
                log.error("The thread %s died and is started again.", worker.name)
                self.restarts += 1
                with suppress(RuntimeError):  # no thread can be started now: there is another look soon
                    worker.start()
        problem = self._problem()
        error = next((worker.error for worker in self.workers if worker.error is not None), self._hanging())
        if self.state is State.STOPPING:
            return Health(self.state, problem, True, error)
        if self.state is State.IDLE:
            return Health(self.state, self._output.problem or RESTING, error is not None, error)
        # What a worker meets it says itself.
        self._move(self._judge(problem), "" if any(worker.problem for worker in self.workers) else problem)
        return Health(self.state, problem, error is not None, error)

    def _hanging(self) -> LivecamError | None:
        """What ends the run because a thread does not come back, if one does not, and that may be."""
        found = self._stuck.look(self.workers, self._clock.now_ns())
        if found is None or self.state is State.STOPPING or self._cell.current.panic or not self._may_restart():
            # What the user covered stays covered: the next process would not know of it.
            return None
        self._hangs, text = found
        return DriverHangs(text, "livecam is started again.")

    def _judge(self, problem: str) -> State:
        if problem:
            starting = self.state is State.STARTING and not any(worker.problem for worker in self.workers)
            return State.STARTING if starting else State.DEGRADED
        return State.LIVE

    def _problem(self) -> str:
        now_ns = self._clock.now_ns()
        for worker in self.workers:
            if worker.problem:
                return worker.problem
        busy_since_ns = self._telemetry.inference.busy_since_ns
        if busy_since_ns and now_ns - busy_since_ns > STALLED_NS:
            return f"Inference has been busy with one frame for {(now_ns - busy_since_ns) / NS_PER_S:.1f} s."
        if not all(worker.is_open for worker in self.workers):
            return "Still starting." if self.state is State.STARTING else "A thread is being opened again."
        return self._stall(now_ns)

    def _stall(self, now_ns: int) -> str:
        captured = self._telemetry.capture.captured
        if captured != self._captured:
            self._captured = captured
            self._captured_change_ns = now_ns
        silent_ns = now_ns - self._captured_change_ns
        if silent_ns > STALLED_NS:
            return f"The source has been silent for {silent_ns / NS_PER_S:.1f} s."
        return "" if captured != self._captured_before else "Waiting for the first frame."

    def _move(self, state: State, why: str = "") -> None:
        if state is self.state:
            return
        if state not in MOVES[self.state]:
            raise RuntimeError(f"{self.state} may not become {state}.")
        level = logging.WARNING if state is State.DEGRADED else logging.INFO
        log.log(level, "%s -> %s%s", self.state, state, f": {why}" if why else "")
        self.state = state

    def rest(self) -> bool:
        """Stop capture, which closes the camera, then inference; output goes on. Whether the daemon rests now.

        While it is starting, or stopping, it does not. Takes a few frames' time, at most 1.7 s.
        """
        if State.IDLE not in MOVES[self.state]:
            return self.state is State.IDLE
        self._move(State.IDLE)
        deadline_ns = self._clock.now_ns() + int(STOP_S * NS_PER_S)
        for worker in self._resting:
            worker.ask_stop()
            if not self._ended(worker, deadline_ns):
                log.warning("%s does not end, so that the camera may still be open.", worker.name)
        return True

    def wake(self) -> bool:
        """Start inference and capture again; false while one of them has still not ended, or unless it rests."""
        if self.state is not State.IDLE or not all(worker.join(0) for worker in self._resting):
            return False
        self._move(State.STARTING)
        self._captured_change_ns = self._clock.now_ns()
        self._captured_before = self._telemetry.capture.captured
        for worker in (self._inference, self._capture):
            worker.start()
        return True

    @property
    def _resting(self) -> tuple[Worker, Worker]:
        """Who stops for a rest, in that order."""
        return (self._capture, self._inference)

    def stop(self) -> None:
        """Stop capture, then inference, then output, which sends the slate last.

        A thread that is still opening, such as one that loads networks, cannot be interrupted and has nothing to close
        yet: it is left behind, and ends with the process.

        Raises:
            StopFailed: Another thread did not end in time; the process must exit with an error.
        """
        self._move(State.STOPPING)
        # From here on the gate lets nothing but the slate out, whatever the other threads still do.
        self._cell.submit(Panic())
        deadline_ns = self._clock.now_ns() + int(STOP_S * NS_PER_S)
        self._capture.ask_stop()
        self._inference.ask_stop()
        late = [worker for worker in (self._capture, self._inference) if not self._ended(worker, deadline_ns)]
        deadline_ns += int(CLOSE_S * NS_PER_S)
        stuck = [
            worker.name for worker in late if not self._left_opening(worker) and not self._ended(worker, deadline_ns)
        ]
        self._output.ask_stop()
        if not self._output.join(0.0 if self._output is self._hangs else LAST_S):
            stuck.append(self._output.name)
        sys.setswitchinterval(self._old_switch_interval)
        if stuck:
            self._move(State.FAILED)
            raise StopFailed(f"Thread {' and '.join(stuck)} did not end.", "The process exits without it.")

    def _left_opening(self, worker: Worker) -> bool:
        """Whether it is left behind because it has nothing open yet."""
        opening = worker.doing is Doing.OPENING and worker is not self._hangs
        if opening:
            log.info("%s was still being opened, which cannot be interrupted: it ends with the process.", worker.name)
        return opening

    def _ended(self, worker: Worker, deadline_ns: int) -> bool:
        if worker is self._hangs:
            # It is known not to come back: nobody waits for it.
            return worker.join(0)
        return worker.join(max(0.05, (deadline_ns - self._clock.now_ns()) / NS_PER_S))
