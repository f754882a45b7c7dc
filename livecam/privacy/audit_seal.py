"""The seal of the audit log: what the log must consist of, under a key of this installation."""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeAlias

from livecam.errors import LivecamError

Fact: TypeAlias = str | int | float | bool | None

BEGINNING: Final = "0" * 64
"""Stands for the digest of the line before the first one."""

FILES: Final = "audit-*.jsonl"
OWN: Final = frozenset({"n", "at", "event", "before"})
"""What every line has besides its facts."""


class AuditError(LivecamError):
    """The audit log cannot be written or read, or is not whole."""


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
    before: str = BEGINNING
    last: int = 0
    digest: str = BEGINNING
    line: str = ""


def line_of(number: int, before: str, event: str, facts: Mapping[str, Fact], at: str) -> str:
    """A line, without its end."""
    content = {"n": number, "at": at, "event": event, **facts, "before": before}
    return json.dumps(content, ensure_ascii=True, separators=(",", ":"))


def digest_of(line: str) -> str:
    """SHA-256 of a line, hex."""
    return hashlib.sha256(line.encode()).hexdigest()


def content_of(line: str) -> dict[str, object]:
    """What is in a line; nothing where it is none."""
    try:
        content: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def seal_path(folder: Path) -> Path:
    """Where the seal of the log in `folder` is: beside it, so that it stays when the folder goes."""
    return folder.with_name(f"{folder.name}.seal")


def read_seal(folder: Path, key: bytes) -> Seal:
    """What the log in `folder` must consist of; an empty log's where there is none.

    Raises:
        AuditError: The seal is broken, is missing beside lines, or is another installation's.
    """
    path = seal_path(folder)
    try:
        content = content_of(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        if any(folder.glob(FILES)):
            raise AuditError(f"The seal {path} is missing.", begin_anew(folder)) from None
        return Seal()
    except (OSError, ValueError):
        content = {}
    match content:
        case {
            "first": int(first),
            "before": str(before),
            "last": int(last),
            "digest": str(digest),
            "line": str(line),
            "mac": str(said),
        } if said.isascii():
            seal = Seal(first, before, last, digest, line)
            if hmac.compare_digest(mac(key, "seal", asdict(seal)), said):
                return seal
            raise AuditError(f"The seal {path} was changed, or belongs to another installation.", begin_anew(folder))
        case _:
            raise AuditError(f"The seal {path} is broken.", begin_anew(folder))


def begin_anew(folder: Path) -> str:
    """What to do with a log that is not whole."""
    return f"Find out who changed it. To begin a new log, move {folder} and {seal_path(folder)} away, and keep them."


def write_seal(folder: Path, key: bytes, seal: Seal) -> None:
    """Have the log in `folder` consist of what `seal` says.

    Raises:
        OSError: The disk refused.
    """
    path = seal_path(folder)
    part = path.with_name(f"{path.name}.part")
    with open(part, "w", encoding="ascii", opener=private) as file:
        json.dump({**asdict(seal), "mac": mac(key, "seal", asdict(seal))}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    # Its name too, before the line itself: else a power cut could leave a newer line than the seal knows.
    with suppress(PermissionError):  # Windows opens no folder, and keeps the order by itself
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def private(path: str, flags: int) -> int:
    """Opens a file that nobody else may read where it is made."""
    return os.open(path, flags, 0o600)


def mac(key: bytes, what: str, content: Mapping[str, object]) -> str:
    """HMAC-SHA-256, hex, of `content` as `what` (``seal``, ``export``): one is never taken for the other."""
    return hmac.new(key, f"livecam audit {what} ".encode() + json.dumps(content).encode(), hashlib.sha256).hexdigest()
