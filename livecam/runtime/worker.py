"""A named thread that keeps a loop going: it reopens what was lost and ends on what is final.

This is the only file that catches `Exception`: whatever a driver or network throws ends here, is told to the loop, and
costs at most the frame at hand.
"""

import logging
import threading
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from livecam.core.backoff import Backoff, Band
from livecam.core.frame import NS_PER_S
from livecam.errors import LivecamError

log = logging.getLogger(__name__)

REPEAT_S = 10.0
"""The same failure is logged at most this often."""


class Doing(Enum):
    """What a worker is in the middle of."""

    NOTHING = auto()
    OPENING = auto()
    STEPPING = auto()


class Loop(Protocol):
    """What a worker runs."""

    def open(self) -> None:
        """Get ready; called again after a failure."""
        ...

    def step(self) -> bool:
        """Do one round, within about a second; whether there was anything to do."""
        ...

    def failed(self, error: Exception) -> None:
        """Count a failure of `open` or `step`."""
        ...

    def close(self) -> None:
        """Free what `open` got. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """How a worker treats errors.

    Attributes:
        bands: Waits between tries.
        final: Errors after which trying again is pointless.
        settle_s: How long work has to go on without a failure before the last one counts as overcome. Of use where a
            round may succeed without having touched what fails: a frame without a face never asks the server that is
            down, and must not make the status flicker.
    """

    bands: tuple[Band, ...]
    final: tuple[type[LivecamError], ...]
    settle_s: float = 0.0


class Worker:
    """Runs one loop in one daemon thread.

    Attributes:
        name: Of the thread.
        error: What ended it, if something final did.
        problem: The failure being retried; empty when all is well.
        failure: Of which kind it is; None when all is well.
        is_open: Whether the loop is open.
        doing: What the thread is in the middle of.
        calls: How often it began to do something.
    """

    def __init__(self, name: str, loop: Loop, policy: Policy) -> None:
        self.name = name
        self.error: LivecamError | None = None
        self.problem = ""
        # Not the error itself: it holds on to all that was at work when it was raised.
        self.failure: type[Exception] | None = None
        self.is_open = False
        self.doing = Doing.NOTHING
        self.calls = 0
        self._loop = loop
        self._policy = policy
        self._backoff = Backoff(policy.bands)
        self._stop = threading.Event()
        self._done = False
        self._thread: threading.Thread | None = None
        self._logged = ""
        self._logged_s = 0.0
        self._opened_s = 0.0
        self._tried = 0

    def start(self) -> None:
        """Start, or start again after the thread died or was stopped. Not while it runs."""
        if self._done:
            # It was stopped, so that what was wrong then is no news now.
            self.problem, self.failure = "", None
        self._done = False
        self._stop.clear()
        thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        # Kept once it runs: where memory is short it may not.
        thread.start()
        self._thread = thread

    @property
    def died(self) -> bool:
        """Whether the thread ended although nothing told it to."""
        return self._thread is not None and not self._thread.is_alive() and not self._done

    @property
    def done(self) -> bool:
        """Whether the thread ended as it should: it was stopped, or met something final (`error`)."""
        return self._done

    def ask_stop(self) -> None:
        """Tell the thread to end after its current step."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it ended in time."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self._attempt():
                    break
            self._done = True
        finally:
            self.is_open = False
            self.doing = Doing.NOTHING
            self._close()

    def _attempt(self) -> bool:
        """Open and step until something fails or ends; whether the worker is finished."""
        try:
            self._begin(Doing.OPENING)
            self._loop.open()
            self.is_open = True
            self._opened_s = time.monotonic()
            self.doing = Doing.STEPPING
            while not self._stop.is_set():
                self.calls += 1
                # An idle round proves nothing: only real work shows that what failed is back.
                if self._loop.step() and self.problem:
                    self._worked()
        except self._policy.final as error:
            self.error = error
            return True
        except Exception as error:  # noqa: BLE001 - the one place: drivers and networks may throw anything
            self._lost(error)
        return self._stop.is_set()

    def _begin(self, what: Doing) -> None:
        self.calls += 1
        self.doing = what

    def _worked(self) -> None:
        """After a failure there was work that succeeded: try quickly from now on, and believe it once it has lasted."""
        self._tried = max(self._tried, self._backoff.tries)
        self._backoff.succeeded()
        if time.monotonic() - self._opened_s >= self._policy.settle_s:
            log.info("%s is back after %d tries.", self.name, self._tried)
            self.problem, self.failure, self._tried = "", None, 0

    def _lost(self, error: Exception) -> None:
        self.is_open = False
        self.doing, self.failure = Doing.NOTHING, type(error)
        self._loop.failed(error)
        text = str(error) if isinstance(error, LivecamError) else f"{type(error).__name__}: {error}"
        self._log(text, error)
        self.problem = text
        self._close()
        delay_ns = self._backoff.next_delay_ns()
        if delay_ns:
            self._stop.wait(delay_ns / NS_PER_S)

    def _log(self, text: str, error: Exception) -> None:
        """Say the same thing once in a while, not thirty times a second."""
        now_s = time.monotonic()
        if text == self._logged and now_s - self._logged_s < REPEAT_S:
            return
        self._logged, self._logged_s = text, now_s
        unexpected = not isinstance(error, LivecamError)
        log.warning("%s failed and will be tried again: %s", self.name, text, exc_info=unexpected)

    def _close(self) -> None:
        try:
            self._loop.close()
        except Exception as error:  # noqa: BLE001 - closing what is broken may break; it is being left anyway
            log.warning("%s could not be closed: %s", self.name, error)
