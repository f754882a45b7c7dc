"""What is said where no audit log is, and for how long a disk is waited for that holds one."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from livecam.config import Paths
from livecam.errors import LivecamError
from livecam.privacy.audit_seal import FILES, AuditError, seal_path

T = TypeVar("T")

PATIENCE_S: Final = 60.0
"""So long a disk may take for the whole log. A log of 100 MB, many years of it, takes some seconds."""

_TRACES: Final = ("vault.key", "vault.in-keyring", "personas/*", "wearers/*", "provenance/*", "favourites.json")
"""What only somebody who used this installation leaves, below the data folder."""


class NoAuditLog(AuditError):
    """There is neither a line of the audit log nor its seal."""

    exit_code: ClassVar[int] = 4
    """As `livecam verify` has it: nothing was found, which is not the same as broken."""


def demand_log(folder: Path, paths: Paths) -> None:
    """Say plainly where nothing is there that could be whole: an emptied folder is no log of 0 lines.

    Args:
        folder: Of the log.
        paths: Where this installation keeps what shows that it has been used.

    Raises:
        NoAuditLog: Neither a line nor a seal is there.
    """
    if seal_path(folder).exists() or any(folder.glob(FILES)):
        return
    used = _used_since(paths.data)
    if used is None:
        raise NoAuditLog(f"There is no audit log in {folder}.", "One is begun by: livecam run")
    trace, since = used
    raise NoAuditLog(
        f"There is no audit log in {folder}, not a line of it, and no seal beside it; "
        f"but this livecam has been used: {trace} is there since {since}.",
        "Unless [audit] enabled was false, or files were only looked at, log and seal were deleted: "
        "an export that is kept elsewhere shows what they said.",
    )


def _used_since(data: Path) -> tuple[str, str] | None:
    """The oldest trace of use, below `data`, and its day; None for none."""
    found = [(path.lstat().st_mtime, path) for pattern in _TRACES for path in data.glob(pattern)]
    if not found:
        return None
    at_s, path = min(found)
    return str(path.relative_to(data)), f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def answered(work: Callable[[], T], folder: Path) -> T:
    """What `work` returns, in a thread of its own, which is left behind where the disk of `folder` does not answer.

    Raises:
        AuditError: The disk does not answer within `PATIENCE_S`.
    """
    done: list[T] = []
    failed: list[LivecamError] = []

    def run() -> None:
        try:
            done.append(work())
        except LivecamError as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="livecam-audit-verify", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    if failed:
        raise failed[0]
    if thread.is_alive():
        raise AuditError(
            f"The audit log in {folder} was not read within {PATIENCE_S:g} s: the disk does not answer.",
            "Look at the disk, and at what is in that folder; nothing is said of the log itself.",
        )
    return done[0]
