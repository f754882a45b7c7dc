"""What was registered for a backend: each file with size and digest, the terms, and when they were accepted.

One JSON file for each backend, in the folder of what must not be lost: it shows an audit what pictures were made with,
and who agreed to what.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeVar

from livecam.config.paths import Paths
from livecam.errors import StudioError
from livecam.inference.files import private_folder, write_whole

VERSION: Final = 1
_LARGEST: Final = 4 << 20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was registered: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A part as it was registered.

    Attributes:
        path: Of the file or folder, absolute.
        licence: What its licence is called.
        files: By their names in the folder, with ``/``; "" for a file that is registered by itself.
    """

    path: str
    licence: str
    files: Mapping[str, File]

    def paths(self) -> Mapping[str, Path]:
        """Where each file is."""
        return {name: Path(self.path, name) if name else Path(self.path) for name in self.files}


@dataclass(frozen=True, slots=True)
class Lock:
    """What was registered for a backend.

    Attributes:
        backend: Its name.
        terms: SHA-256 of the terms as they were shown.
        accepted: When they were, UTC, ISO 8601.
        how: In what way: ``asked``, ``--accept-licence``, or ``shown`` where nothing has to be agreed to.
        parts: By name.
    """

    backend: str
    terms: str
    accepted: str
    how: str
    parts: Mapping[str, Locked]


def lock_path(backend: str, paths: Paths) -> Path:
    """Where the lock of `backend` is, whether it is there or not."""
    return paths.data / "studio" / f"{backend}.lock.json"


def digests_path(paths: Paths) -> Path:
    """Where digests are remembered."""
    return paths.cache / "studio" / "digests.json"


def register_command(backend: str) -> str:
    """What the user types to register files for `backend`."""
    return f"livecam studio register {backend} --base FOLDER"


def read_lock(backend: str, paths: Paths) -> Lock | None:
    """What was registered; None where nothing was.

    Raises:
        StudioError: The lock is there but cannot be read, or is not what was written.
    """
    path = lock_path(backend, paths)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        return _lock(json.loads(path.read_text(encoding="utf-8")), backend)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudioError(
            f"The lock {path} cannot be read, or was changed by hand.",
            f"Register the files again: {register_command(backend)}",
        ) from error


def write_lock(lock: Lock, paths: Paths) -> Path:
    """Write `lock`, whole or not at all, for its owner alone.

    Raises:
        StudioError: The disk refused.
    """
    path = lock_path(lock.backend, paths)
    try:
        private_folder(path.parent)
        write_whole(path, (json.dumps({"version": VERSION, **asdict(lock)}, indent=1) + "\n").encode())
    except OSError as error:
        raise StudioError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Check the folder's permissions and the free space.",
        ) from error
    return path


def forget(backend: str, paths: Paths) -> bool:
    """Delete the lock; the weights stay where they are. Says whether it was there.

    Raises:
        StudioError: The disk refused.
    """
    path = lock_path(backend, paths)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StudioError(f"{path} cannot be deleted: {error.strerror or error}.", "Check its permissions.") from error
    return True


def _lock(held: Mapping[str, object], backend: str) -> Lock:
    if held["version"] != VERSION or held["backend"] != backend:
        raise ValueError("it is of another version or backend")
    parts = {name: _locked(_a(dict, entry)) for name, entry in _a(dict, held["parts"]).items()}
    return Lock(backend, _digest(held["terms"]), _a(str, held["accepted"]), _a(str, held["how"]), parts)


def _locked(entry: Mapping[str, object]) -> Locked:
    path = _a(str, entry["path"])
    if not Path(path).is_absolute():
        raise ValueError("a path is not absolute")
    files = {_name(name): _file(_a(dict, one)) for name, one in _a(dict, entry["files"]).items()}
    return Locked(path, _a(str, entry["licence"]), files)


def _file(entry: Mapping[str, object]) -> File:
    return File(_a(int, entry["size"]), _digest(entry["sha256"]))


def _name(name: str) -> str:
    # It is put behind a folder's path, and must stay below it.
    if name and (Path(name).is_absolute() or "\\" in name or {"", ".", ".."} & set(name.split("/"))):
        raise ValueError("a name leads out of its folder")
    return name


def _digest(held: object) -> str:
    if not re.fullmatch("[0-9a-f]{64}", _a(str, held)):
        raise ValueError("a digest is none")
    return str(held)


def _a(kind: type[_T], held: object) -> _T:
    if type(held) is not kind:
        raise ValueError("a value has the wrong form")
    return held
