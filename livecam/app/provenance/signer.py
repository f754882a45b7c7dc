"""Signs the files of a run beside it, one after the other: no picture waits for a signature."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from livecam.app.provenance.made import Made
from livecam.errors import ExtraMissing, LivecamError

log = logging.getLogger(__name__)

MOST: Final = 32
"""Files that may wait to be signed."""

CLOSE_S: Final = 20.0
"""How long the end of a run waits for signatures; about 2 GB are signed in it."""

_GIVE_UP_S: Final = 2.0

Sign: TypeAlias = Callable[[Path, Made, Callable[[], bool]], None]
"""Signs a file, unless its last argument says to stop. Raises `LivecamError` and leaves the file as it was."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What came of one file.

    Attributes:
        path: Of the file.
        why: Why it is not signed; empty when it is.
    """

    path: Path
    why: str = ""

    def __str__(self) -> str:
        """Such as ``signed``, to end a sentence with."""
        return f"not signed: {self.why}" if self.why else "signed"


@dataclass(frozen=True, slots=True)
class _Job:
    path: Path
    what: str
    seal: "Future[Seal]"


class Signer:
    """Signs files in a thread of its own, begun with the first of them. Any thread.

    Args:
        session: Of the mark in them.
        sign: Does it; None where the configuration says not to.
    """

    def __init__(self, session: int, sign: Sign | None) -> None:
        self._session = session
        self._sign = sign
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._closed = False
        self._said = False
        self._seals: list[Seal] = []

    def told(self) -> tuple[dict[str, str], ...]:
        """Each file so far, and what came of it, for a report. Any thread."""
        return tuple({"path": str(seal.path), "provenance": str(seal)} for seal in tuple(self._seals))

    def submit(self, path: Path, what: str, swapped: bool) -> "Future[Seal]":
        """Have the file at `path`, which is whole, signed soon. Does not wait.

        Args:
            path: Replaced by the signed file, or left as it is.
            what: ``recording`` or ``snapshot``.
            swapped: Whether any picture in it was swapped; what shows nobody else is not said to be AI's.
        """
        job = _Job(path, what, Future())
        why = self._refusal(swapped)
        with self._lock:
            if not why and self._closed:
                why = "the run had ended"
            if not why:
                why = self._queued(job)
        if why:
            self._settle(job, why)
        return job.seal

    def finished(self, path: Path, swapped: bool) -> None:
        """A recording is whole: sign it. For sinks; does not wait."""
        self.submit(path, "recording", swapped)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Sign what waits, at most for so long; what was not signed then stays as it is, and the log says so."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is None:
            return
        # The queue has room for the end: nothing is put into it any more.
        with suppress(queue.Full):
            self._jobs.put(None, timeout=timeout_s)
        thread.join(timeout_s)
        if thread.is_alive():
            self._stopped.set()
            thread.join(_GIVE_UP_S)

    def _refusal(self, swapped: bool) -> str:
        if self._sign is None:
            return "provenance.sign is off"
        return "" if swapped else "no picture in it was swapped"

    def _queued(self, job: _Job) -> str:
        """Why it cannot wait its turn; empty when it does."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return f"{MOST} files wait already"
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="livecam-sign", daemon=True)
            self._thread.start()
        return ""

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._settle(job, self._tried(job))

    def _tried(self, job: _Job) -> str:
        """Why it is not signed; empty when it is."""
        if self._stopped.is_set():
            log.warning("%s is not signed: the run ended first.", job.path)
            return "the run ended first"
        assert self._sign is not None, "nothing is queued otherwise"
        try:
            self._sign(job.path, Made(self._session, job.what), self._stopped.is_set)
        except ExtraMissing as error:
            if not self._said:
                log.warning("Files are not signed. %s", error)
            self._said = True
            return "c2pa-python is not installed"
        except LivecamError as error:
            log.warning("%s", error)
            return error.what.rstrip(".")
        log.info("Signed %s.", job.path)
        return ""

    def _settle(self, job: _Job, why: str) -> None:
        seal = Seal(job.path, why)
        self._seals.append(seal)
        job.seal.set_result(seal)


def waited(seal: "Future[Seal]", timeout_s: float) -> str:
    """What came of a file, to end a sentence with; it is waited for at most so long."""
    try:
        return str(seal.result(timeout_s))
    except TimeoutError:
        return "and it is being signed"
