"""The audit log: what was done with this livecam, in lines of which none can be changed, dropped or moved unnoticed.

Each line is JSON and carries the SHA-256 of the line before it. A seal beside the files names the first and the last
line, under a key of this installation, so that lines cut off at either end are noticed too. Whoever has that key, which
is whoever runs as this user, can write another history: what must hold against the user is exported and kept elsewhere.

Never in it: pictures, faces, embeddings, photos.
"""

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from livecam.errors import LivecamError

Fact: TypeAlias = str | int | float | bool | None

ROTATE_BYTES: Final = 1_000_000
"""A file that has become so large is followed by a new one."""

_BEGINNING: Final = "0" * 64
_SEAL: Final = "seal.json"
_FILES: Final = "audit-*.jsonl"


class AuditError(LivecamError):
    """The audit log cannot be written or read."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What the log must consist of.

    Attributes:
        first: Number of the oldest line that is kept.
        before: Digest of the line before that one.
        last: Number of the newest line.
        digest: Of the newest line.
        line: The newest line itself, so that it is not lost when the power goes between seal and file.
    """

    first: int = 1
    before: str = _BEGINNING
    last: int = 0
    digest: str = _BEGINNING
    line: str = ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def line_of(number: int, before: str, event: str, facts: Mapping[str, Fact], at: str) -> str:
    """A line, without its end."""
    content = {"n": number, "at": at, "event": event, **facts, "before": before}
    return json.dumps(content, ensure_ascii=True, separators=(",", ":"))


def digest_of(line: str) -> str:
    """SHA-256 of a line, hex."""
    return hashlib.sha256(line.encode()).hexdigest()


class AuditLog:
    """Writes the log. Any thread; one process at a time.

    Args:
        folder: Of the log; must be there, for its owner alone.
        key: Of this installation.
        at: Gives the time, UTC, ISO 8601.
        rotate_bytes: See `ROTATE_BYTES`.

    Raises:
        AuditError: What is there cannot be read, or was tampered with: nothing is appended to that.
    """

    def __init__(
        self, folder: Path, key: bytes, at: Callable[[], str] = _now, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self._folder, self._key, self._at, self._rotate_bytes = folder, key, at, rotate_bytes
        self._lock = threading.Lock()
        self._seal = read_seal(folder, key)
        self._complete()

    def _complete(self) -> None:
        """Write the line that an end without warning kept out of the file."""
        newest = max(self._folder.glob(_FILES), default=None)
        text = newest.read_text(encoding="ascii", errors="replace") if newest else ""
        whole, _, begun = text.rpartition("\n")
        if newest and begun and self._seal.line.startswith(begun):
            os.truncate(newest, len(text) - len(begun))
        if self._seal.line and whole.rpartition("\n")[2] != self._seal.line:
            self._write(self._seal)

    def append(self, event: str, **facts: Fact) -> None:
        """Write what happened. It is on the disk when this returns.

        Args:
            event: In a word, such as ``panic``.
            facts: What there is to know of it; never a picture of any kind.

        Raises:
            AuditError: The disk refused.
            ValueError: A fact has the name of a part of every line.
        """
        if facts.keys() & {"n", "at", "event", "before"}:
            raise ValueError("n, at, event and before are the log's own.")
        with self._lock:
            line = line_of(self._seal.last + 1, self._seal.digest, event, facts, self._at())
            seal = Seal(self._seal.first, self._seal.before, self._seal.last + 1, digest_of(line), line)
            try:
                _write_seal(self._folder, self._key, seal)
            except OSError as error:
                raise _refused(self._folder, error) from None
            self._seal = seal
            self._write(seal)

    def _write(self, seal: Seal) -> None:
        try:
            with self._file(seal.last).open("a", encoding="ascii", newline="\n") as file:
                file.write(seal.line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _refused(self._folder, error) from None

    def _file(self, number: int) -> Path:
        """Where line `number` goes."""
        newest = max(self._folder.glob(_FILES), default=None)
        if newest is None or newest.stat().st_size >= self._rotate_bytes:
            return self._folder / f"audit-{number:010}.jsonl"
        return newest

    def forget_before(self, at: str) -> int:
        """Delete files whose every line is older than `at`, ISO 8601; the newest file stays. How many were deleted.

        Raises:
            AuditError: The disk refused.
        """
        with self._lock:
            gone = 0
            for path, following in list(_pairs(self._folder)):
                first = _first_of(following)
                if str(first.get("at", "")) >= at:
                    break
                seal = replace(self._seal, first=int(str(first["n"])), before=str(first["before"]))
                try:
                    _write_seal(self._folder, self._key, seal)
                    path.unlink()
                except OSError as error:
                    raise _refused(self._folder, error) from None
                self._seal, gone = seal, gone + 1
            return gone


def lines(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Every line of the log in `folder`: its file's name, its place there from 1, and the line.

    Raises:
        AuditError: A file cannot be read.
    """
    for path in sorted(folder.glob(_FILES)):
        try:
            # Not as text: that would take other ends of lines for the same.
            text = path.read_bytes().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise AuditError(f"{path} cannot be read: {error}.", "Keep it, and look at who changed it.") from None
        for place, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
            yield path.name, place, line


def verify(folder: Path, key: bytes) -> tuple[int, str]:
    """Whether the log in `folder` is whole: how many lines it has, and what is wrong with it, "" for nothing.

    Raises:
        AuditError: A file cannot be read.
    """
    try:
        seal = read_seal(folder, key)
    except AuditError as error:
        return 0, error.what
    before, expected = seal.before, seal.first
    for file, place, line in _all(folder, seal):
        number, said_before = _chain(line)
        if number != expected:
            return expected - seal.first, f"{file}, line {place}: line {expected} was expected, not {number}."
        if said_before != before:
            return expected - seal.first, f"{file}, line {place}: the line before it was changed."
        before, expected = digest_of(line), expected + 1
    return expected - seal.first, ""


def _all(folder: Path, seal: Seal) -> Iterator[tuple[str, int, str]]:
    """Every line, the newest from the seal where its file lacks it."""
    newest = ""
    for file, place, newest in lines(folder):
        yield file, place, newest
    if seal.line and newest != seal.line:
        yield _SEAL, 1, seal.line


def _chain(line: str) -> tuple[int, str]:
    """Number of a line and the digest it gives for the one before; (0, "") where it is none."""
    try:
        content: object = json.loads(line)
    except (ValueError, RecursionError):
        return 0, ""
    match content:
        case {"n": int(number), "before": str(before)}:
            return number, before
        case _:
            return 0, ""


def read_seal(folder: Path, key: bytes) -> Seal:
    """What the log in `folder` must consist of; an empty log's where there is none.

    Raises:
        AuditError: The seal is broken, is missing beside lines, or is another installation's.
    """
    path = folder / _SEAL
    try:
        content: object = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        if any(folder.glob(_FILES)):
            raise AuditError(f"The seal {path} is missing.", _LOOK) from None
        return Seal()
    except (OSError, ValueError, RecursionError):
        content = None
    match content:
        case {
            "first": int(first),
            "before": str(before),
            "last": int(last),
            "digest": str(digest),
            "line": str(line),
            "mac": str(mac),
        }:
            seal = Seal(first, before, last, digest, line)
            if hmac.compare_digest(_mac(key, seal), mac):
                return seal
            raise AuditError(f"The seal {path} was changed, or belongs to another installation.", _LOOK)
        case _:
            raise AuditError(f"The seal {path} is broken.", _LOOK)


_LOOK: Final = "Keep the folder, and begin a new log by moving it away."


def _write_seal(folder: Path, key: bytes, seal: Seal) -> None:
    path, part = folder / _SEAL, folder / f"{_SEAL}.part"
    with part.open("w", encoding="ascii") as file:
        json.dump({**asdict(seal), "mac": _mac(key, seal)}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _mac(key: bytes, seal: Seal) -> str:
    return hmac.new(key, b"livecam audit seal " + json.dumps(asdict(seal)).encode(), hashlib.sha256).hexdigest()


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    return pairwise(sorted(folder.glob(_FILES)))


def _first_of(path: Path) -> Mapping[str, object]:
    with path.open(encoding="ascii") as file:
        content: dict[str, object] = json.loads(file.readline())
    return content


def _refused(folder: Path, error: OSError) -> AuditError:
    return AuditError(f"The audit log in {folder} cannot be written: {error.strerror}.", "Free some space.")
