"""The cache of plans: one folder of this user alone, in which a file is whole or not there, and made once.

Timing and runtime caches of TensorRT lie beside the plans in the same container and under the same rules, since they
hold machine code too. A file that must not be used is moved to ``bad/`` and never looked at again.
"""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import EngineError, WeightsMissing
from livecam.inference.files import private_folder
from livecam.inference.lock import locked
from livecam.inference.plan_file import Header, PlanRefused, Sealed, check_folder, read_header, read_sealed, sealed
from livecam.inference.plan_key import Key, Kind, file_name

log = logging.getLogger(__name__)

BUDGET_BYTES: Final = 4 << 30
"""Of the folder, unless told otherwise: some fifteen networks (in 16 bit: a swapper 270 MiB, a detector 9)."""
BUILD_LIMIT_S: Final = 3600.0
"""How long another process may build the same plan; full TensorRT takes minutes for a large network."""

_BAD_KEPT: Final = 4
"""Files in ``bad/``, for whoever wants to know what was wrong with them."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

Made = tuple[bytes, Mapping[str, str]]
"""A payload, and what is to be remembered with it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache.

    Attributes:
        path: Where it is.
        size: In bytes.
        used_s: When it was last used, seconds of the epoch.
        header: What it says of itself; None where it must not be used.
        reason: Why not; "" otherwise.
    """

    path: Path
    size: int
    used_s: float
    header: Header | None
    reason: str


class PlanCache:
    """Plans on the disk. Any thread and any number of processes.

    Args:
        folder: Made when it is needed; what is above it too, all for the owner alone.
        budget: Bytes that all files together may have. What was used longest ago goes first.

    Raises (every method):
        EngineError: The folder is not this user's alone, or the disk refused.
    """

    def __init__(self, folder: Path, budget: int = BUDGET_BYTES) -> None:
        self.folder = folder
        self.budget = budget

    def find(self, key: Key) -> Sealed | None:
        """The verified content for `key`; None where there is none, or where what was there had to be put away."""
        path = self.folder / file_name(key)
        with self._guarded():
            if not self.folder.exists():
                return None
            check_folder(self.folder)
            try:
                found = read_sealed(path, key)
            except FileNotFoundError:
                return None
            except PlanRefused as error:
                self._put_away(path, error)
                return None
            with contextlib.suppress(OSError):
                os.utime(path)
            return found

    def obtain(self, key: Key, make: Callable[[], Made], limit_s: float = BUILD_LIMIT_S) -> Sealed:
        """The content for `key`: found, or made by `make`, which only one process at a time does.

        What was made is used even where the disk had no room to keep it.

        Raises:
            EngineError: As the class says, another process built it for longer than `limit_s`, or from `make`.
        """
        found = self.find(key)
        if found is not None:
            return found
        with self._reserved(key, limit_s):
            # Whoever held the lock before may have made it.
            found = self.find(key)
            if found is not None:
                return found
            return self._kept(key, *make())

    def keep(self, key: Key, payload: bytes, about: Mapping[str, str] | None = None, limit_s: float = 60.0) -> Sealed:
        """Put `payload` in the place of whatever is there for `key`; a full disk is told in the log."""
        with self._reserved(key, limit_s):
            return self._kept(key, payload, about or {})

    def entries(self) -> list[Entry]:
        """Every file, most recently used first; only headers are read."""
        with self._guarded():
            if self.folder.exists():
                check_folder(self.folder)
            found = [entry for path in self._files() for entry in _entry(path)]
            return sorted(found, key=lambda entry: -entry.used_s)

    def verify(self) -> list[Entry]:
        """As `entries`, with every file read whole; what must not be used is put away, and its reason told."""
        told = []
        for entry in self.entries():
            try:
                read_sealed(entry.path)
                told.append(entry)
            except FileNotFoundError:
                continue
            except PlanRefused as error:
                with self._guarded():
                    self._put_away(entry.path, error)
                told.append(Entry(entry.path, entry.size, entry.used_s, None, error.reason))
        return told

    def prune(self, budget: int | None = None, spare: Path | None = None) -> list[Entry]:
        """Delete what was used longest ago until all files together have at most `budget` bytes.

        Plans in use are in memory, so nobody is harmed. Unfinished files of processes that died go first.

        Args:
            budget: Bytes; the cache's own unless given.
            spare: A file that stays.

        Returns:
            What was deleted.
        """
        with self._guarded():
            self._sweep()
            limit, gone = self.budget if budget is None else budget, []
            entries = self.entries()
            total = sum(entry.size for entry in entries) + sum(path.lstat().st_size for path in self._bad())
            for path in self._bad() if total > limit else []:
                total -= path.lstat().st_size
                path.unlink(missing_ok=True)
            for entry in reversed(entries):
                if total > limit and entry.path != spare:
                    entry.path.unlink(missing_ok=True)
                    total -= entry.size
                    gone.append(entry)
            return gone

    def remove(self, entry: Entry) -> None:
        """Delete one file."""
        with self._guarded():
            entry.path.unlink(missing_ok=True)

    def _kept(self, key: Key, payload: bytes, about: Mapping[str, str]) -> Sealed:
        """With the key's lock held."""
        path = self.folder / file_name(key)
        header, front = sealed(key, payload, about, int(time.time()))
        try:
            _write(path, front, payload)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            log.warning("The disk that holds %s is full; %s is used, but must be built again.", self.folder, key.label)
        else:
            self.prune(spare=path)
        return Sealed(header, payload)

    def _files(self) -> Iterator[Path]:
        endings = {f".{kind}" for kind in Kind}
        if self.folder.is_dir():
            yield from (path for path in self.folder.iterdir() if path.suffix in endings)

    def _bad(self) -> list[Path]:
        """What was put away, oldest first."""
        folder = self.folder / "bad"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _put_away(self, path: Path, error: PlanRefused) -> None:
        """Move what must not be used to ``bad/``, itself and not what it points to."""
        log.warning("%s Moved to bad/.", error.what)
        bad = private_folder(self.folder / "bad")
        with contextlib.suppress(FileNotFoundError):
            path.replace(bad / f"{time.time_ns()}-{path.name}")
        for old in self._bad()[:-_BAD_KEPT]:
            old.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete unfinished files whose key nobody has locked: their writers have died."""
        for part in self.folder.glob(".*.part"):
            name = part.name.removeprefix(".").removesuffix(".part")
            with contextlib.suppress(WeightsMissing), locked(self.folder / ".locks" / name, 0):
                part.unlink(missing_ok=True)

    @contextmanager
    def _reserved(self, key: Key, limit_s: float) -> Iterator[None]:
        """Keep other processes from making the file of `key`."""
        with self._guarded(), contextlib.ExitStack() as stack:
            locks = private_folder(private_folder(self.folder) / ".locks")
            check_folder(self.folder)
            try:
                stack.enter_context(locked(locks / file_name(key), limit_s))
            except WeightsMissing as error:
                raise EngineError(
                    f"Another livecam has been building {key.label} for more than {limit_s / 60:.0f} minutes.",
                    "Wait for it or end it, then run: livecam engines build",
                ) from error
            yield

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what the disk refuses into a sentence."""
        try:
            yield
        except OSError as error:
            raise EngineError(
                f"Plans cannot be kept in {self.folder}: {error.strerror or error}.",
                "Make it writable, or name another folder: LIVECAM_CACHE",
            ) from error


def _entry(path: Path) -> list[Entry]:
    """What the file says of itself; nothing where another process has just deleted it."""
    try:
        found = path.lstat()
        try:
            header, reason = read_header(path), ""
        except PlanRefused as error:
            header, reason = None, error.reason
    except FileNotFoundError:
        return []
    return [Entry(path, found.st_size, found.st_mtime, header, reason)]


def _write(path: Path, front: bytes, payload: bytes) -> None:
    """Whole or not at all, with the key's lock held: so whatever unfinished file lies there has lost its writer.

    Raises:
        OSError: The disk refused; nothing is left.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with contextlib.ExitStack() as undo:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | vars(os).get("O_BINARY", 0), 0o600)
        undo.callback(part.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            file.write(front)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        undo.pop_all()
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make sure that the file's new name is on the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
