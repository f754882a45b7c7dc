"""The cache of published networks: where each is, whether it may be used, and what it was taken for.

A network has a folder of its own: ``NAME/NAME.onnx``; beside it ``digest.json``, the file's digest with the size, the
time of change and the inode it was seen with, so that half a gigabyte is not read at every start; and ``pin.json``, the
digest that the user vouched for where the project knows none. The embedded networks are kept by
`livecam.inference.weights` in folders of the same kind.
"""

import contextlib
import errno
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from livecam.errors import ModelError, WeightsCorrupt, WeightsMissing
from livecam.inference.files import private_folder, sha256_of, write_whole
from livecam.inference.lock import locked
from livecam.inference.model import Model

LOCK_LIMIT_S: Final = 600.0
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Presence(StrEnum):
    """Whether a network can be used."""

    PRESENT = "present"
    ABSENT = "absent"
    CORRUPT = "corrupt"
    UNPINNED = "unpinned"
    """The file is there, but neither the project nor the user has vouched for its digest."""


class DigestUnknown(ModelError):
    """Nobody has vouched for a file yet: the project knows no digest of the network, and the user was not asked.

    Args:
        name: Of the network.
        sha256: Of the file.
        size: In bytes.
        place: Where it comes from.
    """

    def __init__(self, name: str, sha256: str, size: int, place: str) -> None:
        super().__init__(
            f"The project knows no digest of {name}; the file from {place} ({size:,} bytes) has the SHA-256 {sha256}.",
            f"If that is the file you want, vouch for it: {pull_command(name)} --sha256 {sha256}",
        )
        self.name = name
        self.sha256 = sha256
        self.size = size
        self.place = place


@dataclass(frozen=True, slots=True)
class _Seen:
    """A digest, and the file it is of."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int


def pull_command(name: str) -> str:
    """What the user types to get a network."""
    return f"livecam models pull {name}"


def model_path(model: Model, cache: Path) -> Path:
    """Where the file of `model` is kept, whether it is there or not."""
    return cache / model.name / f"{model.name}.onnx"


def accepted(model: Model, cache: Path) -> frozenset[str]:
    """The digests its file may have: those the project knows, else the one the user vouched for, else none."""
    if model.saves:
        return frozenset(save.sha256 for save in model.saves)
    pinned = _read_json(_pin_path(model, cache)).get("sha256")
    return frozenset([pinned] if isinstance(pinned, str) else [])


def presence(model: Model, cache: Path, *, fresh: bool = False) -> Presence:
    """Whether the file of `model` is there and is what it must be.

    Args:
        model: Which network.
        cache: Folder of all networks.
        fresh: Read the whole file, even if it looks as it did when it was last read.
    """
    path = model_path(model, cache)
    try:
        if not path.exists():
            return Presence.ABSENT
        sizes, digests = {save.size for save in model.saves}, accepted(model, cache)
        if not digests:
            return Presence.UNPINNED
        if sizes and 0 not in sizes and path.stat().st_size not in sizes:
            return Presence.CORRUPT
        return Presence.PRESENT if digest_of(model, cache, fresh=fresh) in digests else Presence.CORRUPT
    except OSError:
        # What cannot be read cannot be used; fetching it anew puts a readable file in its place.
        return Presence.CORRUPT


def digest_of(model: Model, cache: Path, *, fresh: bool = False) -> str:
    """The SHA-256 of the file of `model`, remembered from when it was last read unless `fresh`.

    Raises:
        OSError: It is not there or cannot be read.
    """
    path = model_path(model, cache)
    known = _remembered(path)
    if known is not None and not fresh and known == _seen(path, known.sha256):
        return known.sha256
    # Looked at before it is read: a file that changes meanwhile will not look like this again.
    before = _seen(path, "")
    digest = sha256_of(path)
    _remember(path, _Seen(digest, before.size, before.mtime_ns, before.inode))
    return digest


def installed(model: Model, cache: Path) -> Path:
    """The file of `model`, ready for use; fetches nothing.

    Raises:
        WeightsMissing: It is not there, or nobody has vouched for it yet.
        WeightsCorrupt: It is damaged or another file.
    """
    path, next_step = model_path(model, cache), f"Run: {pull_command(model.name)}"
    match presence(model, cache):
        case Presence.PRESENT:
            return path
        case Presence.ABSENT:
            raise WeightsMissing(f"The network {model.name} is not in {cache}.", next_step)
        case Presence.UNPINNED:
            raise WeightsMissing(f"Nobody has vouched for {path}, and the project knows no digest of it.", next_step)
        case Presence.CORRUPT:
            raise WeightsCorrupt(f"The network file {path} is not what it must be: its SHA-256 differs.", next_step)


def refuse_absent(models: Iterable[Model], cache: Path) -> None:
    """Make sure that there is a file of each of `models`, all of which a chain needs.

    Raises:
        WeightsMissing: Some have none; the sentence names them all, and the command.
    """
    absent = [model.name for model in models if presence(model, cache) is Presence.ABSENT]
    if absent:
        raise WeightsMissing(
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not on this machine.",
            f"Run: livecam models pull {' '.join(absent)}. Or use --preset mesh, which needs none.",
        )


def commit(model: Model, cache: Path, candidate: Path, digest: str) -> Path:
    """Put a checked file in its place; `candidate` is on the same disk, all of it, and is gone afterwards.

    Raises:
        OSError: The disk refused.
    """
    path = model_path(model, cache)
    candidate.replace(path)
    _remember(path, _seen(path, digest))
    return path


def pin(model: Model, cache: Path, digest: str) -> None:
    """Remember that the user vouched for `digest`.

    Raises:
        OSError: The disk refused.
    """
    private_folder(model_path(model, cache).parent)
    write_whole(_pin_path(model, cache), json.dumps({"sha256": digest}).encode())


def remove(name: str, cache: Path) -> bool:
    """Delete all that is kept of a network, unfinished downloads and the user's pin too; says whether it was there.

    Args:
        name: Of the network; a name in the catalogue, or of an embedded one.
        cache: Folder of all networks.

    Raises:
        WeightsMissing: The disk refused, or another process is fetching it.
    """
    folder = cache / name
    if not folder.exists():
        return False
    with alone(name, cache):
        was_there = (folder / f"{name}.onnx").exists()
        shutil.rmtree(folder)
    return was_there


@contextmanager
def alone(name: str, cache: Path) -> Iterator[None]:
    """Keep other processes from `name` meanwhile, and say in a sentence what the disk refuses.

    Raises:
        WeightsMissing: The disk refused, or another process held it for `LOCK_LIMIT_S`.
    """
    with disk_errors(name, cache), reserved(name, name, cache):
        try:
            yield
        finally:
            # A folder in which nothing was kept.
            with contextlib.suppress(OSError):
                (cache / name).rmdir()


@contextmanager
def reserved(lock: str, name: str, cache: Path, limit_s: float = LOCK_LIMIT_S) -> Iterator[None]:
    """Keep other processes from what `lock` stands for, while `name` is fetched.

    Raises:
        WeightsMissing: Another process held it for `limit_s`.
        OSError: The disk refused.
    """
    locks = private_folder(private_folder(cache) / ".locks")
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(locks / lock, limit_s))
        except WeightsMissing as error:
            next_step = f"Wait for it or end it, then run: {pull_command(name)}"
            raise WeightsMissing(f"Another livecam has been fetching {name} for very long.", next_step) from error
        yield


@contextmanager
def disk_errors(name: str, cache: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence.

    Raises:
        WeightsMissing: An `OSError` was raised within.
    """
    try:
        yield
    except OSError as error:
        again = f"then run: {pull_command(name)}"
        if error.errno in _FULL:
            raise WeightsMissing(
                f"The disk that holds {cache} is full; what was fetched of {name} so far is kept.",
                f"Make room, {again}",
            ) from error
        raise WeightsMissing(
            f"{name} cannot be kept in {cache}: {error.strerror or error}.",
            f"Make it writable or name another folder (models.cache, or LIVECAM_CACHE), {again}",
        ) from error


def _pin_path(model: Model, cache: Path) -> Path:
    return cache / model.name / "pin.json"


def _seen(path: Path, digest: str) -> _Seen:
    found = path.stat()
    return _Seen(digest, found.st_size, found.st_mtime_ns, found.st_ino)


def _remember(path: Path, seen: _Seen) -> None:
    # A cache that cannot be written, such as one shared by an administrator, is read each time instead.
    with contextlib.suppress(OSError):
        write_whole(path.parent / "digest.json", json.dumps(asdict(seen)).encode())


def _remembered(path: Path) -> _Seen | None:
    held = _read_json(path.parent / "digest.json")
    try:
        return _Seen(str(held["sha256"]), *(int(str(held[key])) for key in ("size", "mtime_ns", "inode")))
    except (KeyError, ValueError):
        return None


def _read_json(path: Path) -> dict[str, object]:
    """Empty when there is no such file, or none that can be read."""
    try:
        held: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}
