"""Folders and files that appear whole or not at all, readable by their owner alone, and read without trusting them."""

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from livecam.errors import PersonaError

_OLD: Final = ".old"


def make_home(folder: Path) -> None:
    """Make `folder` and those above it, for the owner alone; one that is there keeps its permissions.

    Raises:
        PersonaError: It cannot be made.
    """
    try:
        # One by one: of those above, `parents=True` would make what the umask says.
        for place in (*reversed(folder.parents), folder):
            place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


@contextmanager
def whole_folder(target: Path, *, replace: bool) -> Iterator[Path]:
    """A hidden new folder beside `target`; it becomes `target` when the block ends, and vanishes when it fails.

    An existing `target` stays whole until that moment, and comes back when the last step fails.

    Raises:
        PersonaError: The disk refused, or `target` exists and `replace` is false.
    """
    make_home(target.parent)
    try:
        new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            yield new
            _make_private(new)
            _move_in(new, target, replace=replace)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise unwritable(target, error) from None


def _make_private(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _move_in(new: Path, target: Path, *, replace: bool) -> None:
    old = target.with_name(f".{target.name}{_OLD}")
    if target.is_symlink():
        target.unlink()
    if target.exists():
        if not replace:
            raise PersonaError(f"{target} was made by somebody else meanwhile.", "Try again.")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    try:
        new.rename(target)
    finally:
        recover(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(root: Path) -> None:
    """Bring back what a replacement that was cut short had moved aside."""
    for old in root.glob(f".*{_OLD}"):
        target = old.with_name(old.name[1 : -len(_OLD)])
        if not target.exists():
            old.rename(target)


def remove_folder(target: Path) -> None:
    """Make `target` disappear at once, then delete it.

    Raises:
        PersonaError: The disk refused.
    """
    try:
        grave = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        target.rename(grave / target.name)
        shutil.rmtree(grave)
    except OSError as error:
        raise unwritable(target, error) from None


def stamp_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of every file in `folder`: changes whenever one of them does.

    Raises:
        PersonaError: It cannot be read.
    """
    try:
        states = [(str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    except OSError as error:
        raise PersonaError(f"{folder} cannot be read: {error.strerror}.", "Check its permissions.") from None
    return tuple((path, state.st_size, state.st_mtime_ns) for path, state in states)


def read_plain(path: Path, most: int) -> bytes:
    """The bytes of an ordinary file. No link is followed, no pipe waited for, no more than `most` bytes are read.

    Raises:
        OSError: It cannot be read, is no ordinary file, or is larger.
    """
    try:
        number = os.open(path, _reading())
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link") from None
        raise
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes")
    return data


def _reading() -> int:
    """How a file is opened: a pipe under its name must not be waited for, and a link not be followed."""
    if sys.platform == "win32":
        return os.O_RDONLY | os.O_BINARY
    return os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def write_plain(path: Path, data: bytes) -> None:
    """Write a file for the owner alone; whoever reads it finds the old bytes or the new ones.

    Raises:
        OSError: The disk refused; the old file is still there.
    """
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> PersonaError:
    """The error for a disk that refused."""
    reason = error.strerror or str(error)
    return PersonaError(f"{path} cannot be written: {reason}.", "Check the folder's permissions and the free space.")
