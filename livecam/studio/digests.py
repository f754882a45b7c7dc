"""Digests of large files, remembered, so that 24 GB are not read at each start.

What is trusted: that a file whose path, size, time of change and inode are as they were still holds what it held. That
is true of damage by accident and of a file that was exchanged, and not of somebody who writes as this user and sets the
time back; against that, ``--verify`` reads all files.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from livecam.inference.files import private_folder, sha256_of, write_whole
from livecam.inference.progress import Progress, Silent

_LARGEST: Final = 8 << 20
"""Bytes, of what is remembered; more than this is started anew."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A digest, and what the file looked like when it was read.

    Attributes:
        sha256: Hexadecimal.
        size: Bytes.
        mtime_ns: When it was changed last.
        inode: Of the file itself.
    """

    sha256: str
    size: int
    mtime_ns: int
    inode: int


class Digests:
    """Digests by path. One thread.

    Args:
        path: Where they are remembered; it need not be there.
        fresh: Whether every file is read, whatever is remembered.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path = path
        self._held = _read(path)
        self._fresh = fresh

    def known(self, path: Path) -> str:
        """The digest of `path` as remembered; "" where it must be read.

        Raises:
            OSError: It is not there.
        """
        held = self._held.get(str(path))
        return held.sha256 if not self._fresh and held is not None and held == _look(path, held.sha256) else ""

    def of(self, paths: Mapping[str, Path], progress: Progress | None = None) -> Mapping[str, str]:
        """The digest of each of `paths`, by its name there; what was read is remembered.

        Args:
            paths: Files by any names.
            progress: Told how many bytes were read, of those that must be.

        Raises:
            OSError: One cannot be read.
        """
        told, found = progress or Silent(), {name: self.known(path) for name, path in paths.items()}
        unread = [name for name, digest in found.items() if not digest]
        total, done = sum(paths[name].stat().st_size for name in unread), 0
        for name in unread:
            found[name] = self._read(paths[name], told, done, total)
            done += self._held[str(paths[name])].size
        if unread:
            self._keep()
        return found

    def _read(self, path: Path, told: Progress, done: int, total: int) -> str:
        # Looked at before it is read: a file that changes meanwhile will not look like this again.
        before = _look(path, "")
        digest = sha256_of(path, lambda read: told.update("checking", done + read, total))
        self._held[str(path)] = Seen(digest, before.size, before.mtime_ns, before.inode)
        return digest

    def _keep(self) -> None:
        content = {path: asdict(seen) for path, seen in self._held.items()}
        # What cannot be remembered is read each time instead.
        with suppress(OSError):
            private_folder(self._path.parent)
            write_whole(self._path, json.dumps({"version": 1, "files": content}).encode())


def _look(path: Path, digest: str) -> Seen:
    found = path.stat()
    return Seen(digest, found.st_size, found.st_mtime_ns, found.st_ino)


def _read(path: Path) -> dict[str, Seen]:
    """Nothing where there is no such file, or none that can be read."""
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): _seen(entry) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _seen(entry: Mapping[str, object]) -> Seen:
    numbers = [entry[key] for key in ("size", "mtime_ns", "inode")]
    if not isinstance(entry["sha256"], str) or not all(type(number) is int for number in numbers):
        raise ValueError("an entry has the wrong form")
    return Seen(entry["sha256"], *(int(str(number)) for number in numbers))
