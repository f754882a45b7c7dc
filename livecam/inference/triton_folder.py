"""Folders that appear whole or not at all, in a Triton model repository that a server may be looking at."""

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from livecam.errors import ConfigError, ModelError
from livecam.inference.triton_config import MARK

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_DEAD_S: Final = 3600.0
"""An unfinished folder of that age has lost its writer."""
_OPEN: Final = 0o755
"""Servers mostly run as another user."""


@contextmanager
def appearing(folder: Path, name: str) -> Iterator[Path]:
    """An empty folder that becomes ``folder/name`` when all has gone well, and is gone when not.

    Raises:
        ConfigError: There is one of that name that was not written by `livecam engines export`.
        ModelError: The disk refused.
    """
    target = folder / name
    with _disk_errors(folder), ExitStack() as undo:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(target)
        _sweep(folder, name)
        part = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".part", dir=folder))
        undo.callback(shutil.rmtree, part, ignore_errors=True)
        fresh = part / "new"
        fresh.mkdir()
        yield fresh
        for path in (fresh, *fresh.rglob("*")):
            if path.is_dir():
                path.chmod(_OPEN)
        _exchange(fresh, target, part / "old")


def write_flushed(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk.

    Raises:
        OSError: The disk refused.
    """
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def link_or_copy(source: Path, path: Path) -> str:
    """Give the file `source` a second name, or copy it where that cannot be. Says which: ``linked`` or ``copied``.

    Raises:
        OSError: The disk refused.
    """
    try:
        path.hardlink_to(source)
    except OSError as error:
        if error.errno in _FULL:
            raise
        shutil.copyfile(source, path)
        with path.open("r+b") as file:
            os.fsync(file.fileno())
        return "copied"
    return "linked"


def _exchange(fresh: Path, target: Path, old: Path) -> None:
    """Put `fresh` where `target` is, which goes to `old`; if the second step fails, the first is undone."""
    had = target.exists()
    if had:
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        if had:
            old.rename(target)
        raise


def _refuse_foreign(target: Path) -> None:
    if target.is_symlink() or target.exists():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if not target.is_symlink() and (target / "config.pbtxt").read_text("utf-8").startswith(MARK):
                return
        raise ConfigError(f"{target} is there already, and was not written by livecam.", "Choose another folder.")


def _sweep(folder: Path, name: str) -> None:
    """Delete what exports that were killed have left."""
    for part in folder.glob(f".{name}-*.part"):
        if part.is_dir() and time.time() - part.stat().st_mtime > _DEAD_S:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelError(f"The disk that holds {folder} is full; nothing was exported.", "Make room.") from error
        raise ModelError(
            f"Nothing can be exported to {folder}: {error.strerror or error}.", "Choose a folder that can be written."
        ) from error
