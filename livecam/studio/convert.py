"""Turns a published pickle of tensors into a safetensors file, in a process that can do nothing else. No torch here."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from livecam.errors import ExtraMissing, StudioError
from livecam.inference.files import flush, sha256_of
from livecam.inference.progress import Progress, Silent
from livecam.studio.folders import LARGEST_WEIGHTS, PICKLES, WEIGHTS
from livecam.studio.tensors import read_header

LIMIT_S: Final = 3600.0
_CHILD: Final = "livecam.studio.engines.converting"


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of a conversion.

    Attributes:
        target: The new file.
        tensors: How many it holds.
        size: Bytes.
        alone: Whether the system let the process that read the pickle go without a network altogether.
    """

    target: Path
    tensors: int
    size: int
    alone: bool


def convert(source: Path, target: Path, progress: Progress | None = None) -> Converted:
    """Write the tensors of the pickle `source` to `target`, whole or not at all.

    Args:
        source: A file that ``torch.save`` wrote.
        target: Must not be there yet.
        progress: Told how much of `source` was read for its digest.

    Raises:
        ExtraMissing: torch is not installed.
        StudioError: `source` is not such a file, or holds something other than tensors; `target` is there, is called
            otherwise, or cannot be written.
    """
    for library in ("torch", "safetensors"):
        if find_spec(library) is None:
            raise ExtraMissing(f"Converting needs {library}, which is not installed.", 'pip install "livecam[studio]"')
    _check_names(source, target)
    told = progress or Silent()
    try:
        size = source.stat().st_size
        if not 0 < size <= LARGEST_WEIGHTS:
            raise StudioError(f"{source} is empty, or larger than any published file.", "Fetch it again.")
        digest = sha256_of(source, lambda done: told.update("reading", done, size))
        told.update("converting", 0, 0)
        return _into(source, target, digest)
    except OSError as error:
        name = error.filename or source
        raise StudioError(f"{name}: {error.strerror or error}.", "Check permissions and the free space.") from error


def _check_names(source: Path, target: Path) -> None:
    if source.suffix.lower() not in PICKLES:
        known = ", ".join(sorted(PICKLES - {".npy", ".npz", ".joblib"}))
        raise StudioError(f"{source} is called like no pickle of torch ({known}).", "Name the file as published.")
    if target.suffix != WEIGHTS or target.exists():
        raise StudioError(f"{target} must be a new file that ends in {WEIGHTS}.", "Name another one.")


def _into(source: Path, target: Path, digest: str) -> Converted:
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=WEIGHTS, dir=target.parent)
    os.close(handle)
    with ExitStack() as undo:
        undo.callback(Path(name).unlink, missing_ok=True)
        alone = _run(source.absolute(), Path(name).absolute(), digest)
        # What that process wrote is not trusted either.
        header = read_header(Path(name))
        flush(Path(name))
        Path(name).replace(target)
        undo.pop_all()
    return Converted(target, len(header.tensors), target.stat().st_size, alone)


def _run(source: Path, target: Path, digest: str) -> bool:
    """Let the child do it; says whether it was without a network."""
    # Without the working directory on the path (-P): what lies there is not imported.
    command = [sys.executable, "-P", "-m", _CHILD, str(source), str(target), digest]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise StudioError(f"{source} took longer than an hour.", "Is it the file that is published?") from None
    lines = done.stdout.decode(errors="replace").splitlines()
    told = _told(lines[-1] if lines else "")
    if done.returncode == 0 and isinstance(told.get("tensors"), int):
        return told.get("alone") is True
    failed = told.get("failed")
    what = failed if isinstance(failed, str) else "The process that read it ended before it was done."
    raise StudioError(f"{source} was not converted. {what}", "Take the file as published, or a .safetensors of it.")


def _told(line: str) -> dict[str, object]:
    try:
        held: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}
