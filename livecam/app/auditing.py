"""Writing the audit log of a run, in a thread of its own: whoever has something to tell never waits for a disk."""

import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from livecam.app.discreet import told
from livecam.config import Paths
from livecam.core.locked import take
from livecam.errors import LivecamError, PersonaError
from livecam.privacy.audit import AuditError, AuditLog, Fact, utc_now
from livecam.privacy.audit_check import newest_with

log = logging.getLogger(__name__)

MOST: Final = 256
"""So many events may wait for the disk; more are counted, and the count is written."""

RETRY_S: Final = 2.0
CHORES_S: Final = 6 * 3600.0
STOP_S: Final = 5.0
"""How long the end of a run waits for the disk to take its last events."""

STUCK_S: Final = 10.0
"""A disk silent for so long counts as one that refuses; another process's line is waited for less long."""

_WAKE_S: Final = 0.5
_RUNS: Final = "run-*.lock"


def folder_of(paths: Paths) -> Path:
    """Where the log is."""
    return paths.data / "audit"


def open_log(paths: Paths) -> AuditLog:
    """The log of this installation, made if need be.

    Raises:
        AuditError: It cannot be had, or is not as livecam left it.
    """
    from livecam.app.keys import audit_key  # brings ciphers, which the slate does not wait for

    try:
        for folder in (paths.data, folder_of(paths)):
            # One after the other: the folders above the last one would be open to others.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return AuditLog(folder_of(paths), audit_key(paths))
    except PersonaError as error:
        raise AuditError(f"The audit log has no key: {error.what}", error.next_step) from None
    except OSError as error:
        told = f"The audit log in {folder_of(paths)} cannot be written: {error.strerror}."
        raise AuditError(told, "Free some space there, or look at who owns it.") from None


def audit_once(paths: Paths, event: str, enabled: bool = True, required: bool = False, **facts: Fact) -> None:
    """Write one event, from a command that is no run. What cannot be written is told in the log.

    Args:
        paths: Where the log is.
        event: In a word, such as ``consent``.
        enabled: Whether it is to be written at all.
        required: Whether the command must not go on where it cannot be.
        facts: Names, digests, numbers; never pictures, embeddings, passwords.

    Raises:
        AuditError: It is required, and cannot be written.
    """
    if not (enabled or required):
        return
    try:
        open_log(paths).append_at(utc_now(), event, told(facts))
    except AuditError as error:
        if required:
            raise
        log.warning("This is not in the audit log: %s. %s", event, error)


class Auditor:
    """The audit log of one run.

    Args:
        paths: Where it is.
        enabled: Whether anything is written.
        required: Whether the run must not go on without.
        keep_days: What is older is deleted, in whole files.

    Attributes:
        problem: Why nothing can be written at present; "" while it can. Any thread may read it.
    """

    def __init__(self, paths: Paths, enabled: bool = True, required: bool = False, keep_days: float = 365.0) -> None:
        self._paths = paths
        self._enabled = enabled or required
        self._required = required
        self._keep_days = keep_days
        self._waiting: queue.Queue[tuple[str, str, dict[str, Fact]] | None] = queue.Queue(MOST)
        self._ends = threading.Event()
        self._counting = threading.Lock()
        self._lost = 0
        self._log: AuditLog | None = None
        self._thread: threading.Thread | None = None
        self._session = ""
        self._mark: tuple[Path, int] | None = None
        self._next_chores_s = 0.0
        self._moved_s = time.monotonic()
        self.problem = ""

    @property
    def failing(self) -> bool:
        """Whether events are lost, or may be: they cannot be written, nobody writes them, or it hangs. Any thread."""
        hangs = time.monotonic() - self._moved_s > STUCK_S
        return bool(self.problem) or hangs or self._thread is None or not self._thread.is_alive()

    def demand(self) -> None:
        """See that it can be written, where it must be.

        Raises:
            AuditError: It cannot.
        """
        if self._required:
            self._log = open_log(self._paths)

    def start(self, session: int, **facts: Fact) -> None:
        """Begin, with the event ``start``.

        Args:
            session: What the invisible mark of this run says.
            facts: What there is to know of the run; ``policy`` is compared with that of the run before.
        """
        self._session = f"{session:08x}"
        if not self._enabled:
            return
        self._policy = str(facts.get("policy", ""))
        self.note("start", session=self._session, **facts)
        self._moved_s = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="livecam-audit", daemon=True)
        self._thread.start()

    def note(self, event: str, **facts: Fact) -> None:
        """Have an event written. Any thread; never waits."""
        if not self._enabled:
            return
        try:
            self._waiting.put_nowait((event, utc_now(), told(facts)))
        except queue.Full:
            with self._counting:
                self._lost += 1
            self._fails(AuditError("More happens than the audit log is told of.", "Look for what does so much."))

    def stop(self, **facts: Fact) -> None:
        """End, with the event ``stop``. Idempotent; waits for the disk a moment."""
        thread = self._thread
        if thread is None or self._ends.is_set():
            return
        self.note("stop", session=self._session, **facts)
        self._ends.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        thread.join(STOP_S)
        if thread.is_alive() or (self.problem and not self._waiting.empty()):
            log.warning("The end of the run is not in the audit log. %s", self.problem or "The disk does not answer.")

    def _work(self) -> None:
        try:
            while not self._ends.is_set() or not self._waiting.empty():
                self._moved_s = time.monotonic()
                if not (self._opened() and self._marked() and self._wrote_next()) and self._ends.wait(RETRY_S):
                    return
                self._forget()
            self._unmark()
        finally:
            if self._mark is not None:
                # The run ends, and the disk has not taken its last word.
                os.close(self._mark[1])

    def _opened(self) -> bool:
        if self._log is None:
            try:
                self._log = open_log(self._paths)
            except AuditError as error:
                self._fails(error)
        return self._log is not None

    def _wrote_next(self) -> bool:
        """Write what waited longest, which is tried again until it is done; whether that is so."""
        try:
            waiting = self._waiting.get(timeout=_WAKE_S)
        except queue.Empty:
            return True
        if waiting is None:
            return True
        event, at, facts = waiting
        while not self._wrote(event, at, facts):
            if self._ends.wait(RETRY_S):
                log.warning("The event %s is not in the audit log. %s", event, self.problem)
                return False
        return True

    def _wrote(self, event: str, at: str, facts: Mapping[str, Fact]) -> bool:
        assert self._log is not None, "it was opened"
        self._moved_s = time.monotonic()
        try:
            if lost := self._lost:
                self._log.append("lost", events=lost)
                with self._counting:
                    self._lost -= lost
            self._log.append_at(at, event, facts)
        except AuditError as error:
            self._fails(error)
            return False
        if self.problem:
            log.warning("The audit log is written again.")
            self.problem = ""
        return True

    def _fails(self, error: LivecamError) -> None:
        if not self.problem:
            log.error("What happens is not in the audit log. %s", error)
        self.problem = str(error)

    def _marked(self) -> bool:
        """Tell of what was before this run, and hold a file by which the next one sees whether this one ended well."""
        if self._mark is not None:
            return True
        folder = folder_of(self._paths)
        try:
            for path in sorted(folder.glob(_RUNS)):
                if (handle := take(path)) is not None:
                    self._tell_unclean(path, handle)
            self._tell_policy()
            mine = folder / f"run-{self._session}-{secrets.token_hex(4)}.lock"
            if (held := take(mine)) is not None:
                self._mark = mine, held
        except OSError as error:
            self._fails(AuditError(f"The folder {folder} cannot be written: {error.strerror}.", "Free some space."))
        except AuditError as error:
            self._fails(error)
        return self._mark is not None

    def _tell_unclean(self, path: Path, handle: int) -> None:
        if self._wrote("ended-without-warning", utc_now(), {"session": path.name.split("-")[1]}):
            _remove(path, handle)
        else:
            os.close(handle)

    def _tell_policy(self) -> None:
        from livecam.app.keys import audit_key

        last = newest_with(folder_of(self._paths), audit_key(self._paths), "start")
        if last and last.get("policy") != self._policy:
            self._wrote("policy", utc_now(), told({"was": str(last.get("policy", "")), "now": self._policy}))

    def _unmark(self) -> None:
        mark, self._mark = self._mark, None
        if mark is not None:
            _remove(*mark)

    def _forget(self) -> None:
        if self._log is None or time.monotonic() < self._next_chores_s:
            return
        self._next_chores_s = time.monotonic() + CHORES_S
        try:
            gone = self._log.forget_before(days_ago(self._keep_days))
        except AuditError as error:
            log.warning("Old parts of the audit log stay. %s", error)
        else:
            if gone:
                self.note("forgotten", files=gone, keep_days=self._keep_days)


def _remove(path: Path, handle: int) -> None:
    """Remove the file at `path`, which is open as `handle`."""
    # Before it is let go, so that nobody takes it for that of a run that ended without a word; Windows refuses that.
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(handle)
    with suppress(OSError):
        path.unlink(missing_ok=True)


def days_ago(days: float) -> str:
    """That moment, UTC, ISO 8601."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
