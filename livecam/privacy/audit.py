"""The audit log: what was done with this livecam, in lines of which none can be changed, dropped or moved unnoticed.

Each line is JSON and carries the SHA-256 of the line before it. A seal beside the folder names the first and the last
line, under a key of this installation, so that lines cut off at either end are noticed too. Whoever has that key, which
is whoever runs as this user, can write another history: what must hold against the user is exported and kept elsewhere.

Never in it: pictures, faces, embeddings, photos.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from livecam.core.locked import locked
from livecam.privacy.audit_check import lines, verify
from livecam.privacy.audit_seal import (
    FILES,
    OWN,
    AuditError,
    Fact,
    Seal,
    begin_anew,
    content_of,
    digest_of,
    line_of,
    private,
    read_seal,
    write_seal,
)

__all__ = ["AuditError", "AuditLog", "Fact", "held", "lines", "read_seal", "utc_now", "verify"]

ROTATE_BYTES: Final = 1_000_000
"""A file that has become so large is followed by a new one."""

PATIENCE_S: Final = 5.0
"""How long another process's line is waited for."""

_LOCK: Final = "lock"
_LONGEST: Final = 1 << 20


def utc_now() -> str:
    """UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextmanager
def held(folder: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Within the context nobody else writes to the log in `folder`.

    Raises:
        AuditError: Somebody does for all of `patience_s`, or there is no such folder.
    """
    try:
        with locked(folder / _LOCK, patience_s):
            yield
    except TimeoutError:
        raise AuditError(f"Another livecam holds the audit log in {folder}.", "Wait for it, or end it.") from None
    except AuditError:
        raise
    except OSError as error:
        raise _refused(folder, error) from None


class AuditLog:
    """Writes the log. Any thread, and any number of processes.

    Args:
        folder: Of the log; must be there, for its owner alone.
        key: Of this installation.
        at: Gives the time, UTC, ISO 8601.
        rotate_bytes: See `ROTATE_BYTES`.

    Raises:
        AuditError: What is there cannot be read, or was tampered with: nothing is appended to that.
    """

    def __init__(
        self, folder: Path, key: bytes, at: Callable[[], str] = utc_now, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self._folder, self._key, self._at, self._rotate_bytes = folder, key, at, rotate_bytes
        self._order = threading.Lock()
        with self._sealed():
            """What was begun is completed."""

    @contextmanager
    def _sealed(self) -> Iterator[Seal]:
        """Within the context, the seal as it is now, of a log that nobody else writes to."""
        with self._order, held(self._folder):
            seal = read_seal(self._folder, self._key)
            self._complete(seal)
            yield seal

    def _complete(self, seal: Seal) -> None:
        """Write the line that an end without warning kept out of the file."""
        if not seal.line:
            return
        newest = _newest(self._folder)
        tail = _tail(newest, len(seal.line) + 2) if newest is not None else ""
        if tail.endswith(seal.line + "\n"):
            return
        begun = tail.rpartition("\n")[2]
        if newest is not None and begun and seal.line.startswith(begun):
            os.truncate(newest, newest.stat().st_size - len(begun))
        self._write(seal)

    def append(self, event: str, **facts: Fact) -> None:
        """Write what happens now; see `append_at`."""
        self.append_at(self._at(), event, facts)

    def append_at(self, at: str, event: str, facts: Mapping[str, Fact]) -> None:
        """Write what happened. It is on the disk when this returns.

        Args:
            at: When, UTC, ISO 8601.
            event: In a word, such as ``panic``.
            facts: What there is to know of it; never a picture of any kind.

        Raises:
            AuditError: The disk refused, or what is there was tampered with.
            ValueError: A fact has the name of a part of every line.
        """
        if facts.keys() & OWN:
            raise ValueError("n, at, event and before are the log's own.")
        with self._sealed() as seal:
            line = line_of(seal.last + 1, seal.digest, event, facts, at)
            after = Seal(seal.first, seal.before, seal.last + 1, digest_of(line), line)
            write_seal(self._folder, self._key, after)
            self._write(after)

    def _write(self, seal: Seal) -> None:
        with open(self._file(seal.last), "a", encoding="ascii", newline="\n", opener=private) as file:
            file.write(seal.line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _file(self, number: int) -> Path:
        """Where line `number` goes."""
        newest = _newest(self._folder)
        if newest is None or newest.stat().st_size >= self._rotate_bytes:
            return self._folder / f"audit-{number:010}.jsonl"
        return newest

    def forget_before(self, at: str) -> int:
        """Delete files whose every line is older than `at`, ISO 8601; the newest file stays. How many were deleted.

        Raises:
            AuditError: The disk refused, or a file does not begin with a line of the log.
        """
        with self._sealed() as sealed:
            seal, gone = sealed, 0
            for path, following in list(pairwise(sorted(self._folder.glob(FILES)))):
                first = self._first_of(following)
                if str(first["at"]) >= at:
                    break
                seal = replace(seal, first=int(str(first["n"])), before=str(first["before"]))
                write_seal(self._folder, self._key, seal)
                path.unlink()
                gone += 1
            return gone

    def _first_of(self, path: Path) -> dict[str, object]:
        with path.open(encoding="ascii", errors="replace") as file:
            first = content_of(file.readline(_LONGEST))
        if not first.keys() >= {"n", "at", "before"}:
            raise AuditError(f"{path} does not begin with a line of the log.", begin_anew(self._folder))
        return first


def _newest(folder: Path) -> Path | None:
    return max(folder.glob(FILES), default=None)


def _tail(path: Path, size: int) -> str:
    """The last `size` bytes of a file, and fewer where it is shorter."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode("ascii", errors="replace")


def _refused(folder: Path, error: OSError) -> AuditError:
    reason = error.strerror or error
    return AuditError(f"The audit log in {folder} cannot be written: {reason}.", "Free some space there.")
