"""Bounds calls into drivers that may hang: they run in a thread of their own, which can be left behind."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

import cv2

from livecam.errors import LivecamError

T = TypeVar("T")
_Job = Callable[[], None]


class DriverThread:
    """Runs one call at a time in its thread, so that the caller can stop waiting for it.

    A call that was given up goes on in the thread; nothing it writes may belong to the caller. `end` names a last
    call, which frees the device as soon as the hanging one returns.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stuck = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs: after `end`, that a call hangs."""
        return self._thread.is_alive()

    def call(self, work: Callable[[], T], timeout_s: float) -> T:
        """Run `work` in the thread and return what it returns, or raise what it raises.

        Raises:
            TimeoutError: It has not returned within `timeout_s`; no further call is possible.
        """
        if self._stuck:
            raise TimeoutError
        done: Future[T] = Future()

        def job() -> None:
            try:
                done.set_result(work())
            except (cv2.error, LivecamError, OSError) as error:
                done.set_exception(error)

        self._jobs.put(job)
        try:
            return done.result(timeout_s)
        except TimeoutError:
            self._stuck = True
            raise

    def end(self, last: Callable[[], None], timeout_s: float) -> None:
        """Run `last`, then end the thread. Waits for that, but no longer than `timeout_s`."""
        self._stuck = True
        self._jobs.put(last)
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
