"""Files that appear whole or not at all, for their owner alone, and their digests."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20


def sha256_of(path: Path, told: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of a file in lower-case hexadecimal digits; `told` hears how many bytes were read so far.

    Raises:
        OSError: It cannot be read.
    """
    digest, done = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if told is not None:
                told(done)
    return digest.hexdigest()


def private_folder(folder: Path) -> Path:
    """`folder`, made for its owner alone with those above it; one that is there keeps its permissions.

    Raises:
        OSError: It cannot be made.
    """
    for above in reversed(folder.parents):
        if not above.exists():
            above.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, never a part of it.

    Raises:
        OSError: The disk refused.
    """
    # mkstemp makes it readable by the owner alone.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with contextlib.ExitStack() as undo:
        undo.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        undo.pop_all()


def flush(path: Path) -> None:
    """Make sure that what was written to `path` is on the disk.

    Raises:
        OSError: The disk refused.
    """
    # Windows flushes only what is open for writing.
    with path.open("r+b") as file:
        os.fsync(file.fileno())
