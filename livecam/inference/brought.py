"""Finds networks in folders that a user already has, and takes them over.

Other programs' folders are recognised by what the files are, not by what they are called: a file is hashed if its size
is that of a known save, and is taken if its digest is. What merely has the name of a network is reported.
"""

import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from livecam.errors import WeightsCorrupt, WeightsMissing
from livecam.inference.archives import archive_name, copy, unpack
from livecam.inference.download import LARGEST
from livecam.inference.files import private_folder, sha256_of
from livecam.inference.model import Model, Origin
from livecam.inference.progress import Progress
from livecam.inference.pull import judge, looks_like_onnx, wanted_of
from livecam.inference.store import alone, commit, model_path
from livecam.inference.web import Unusable

DEEPEST: Final = 8
MOST_FILES: Final = 50_000


@dataclass(frozen=True, slots=True)
class Find:
    """A file that is a network, or could be one of which the project knows no digest.

    Attributes:
        model: Which.
        path: The file, or an archive that holds it.
        member: Its name in the archive, "" for a file of its own.
        sha256: Of the file.
    """

    model: Model
    path: Path
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """A file that is called like a network, and is another.

    Attributes:
        path: The file.
        model: Which network it is called like.
        sha256: Of the file.
    """

    path: Path
    model: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Haul:
    """What a folder holds.

    Attributes:
        finds: One for each network.
        strangers: Files with known names and unknown digests.
        looked_at: How many files there are.
        complete: Whether the whole folder was looked through; false if it holds too much, or parts cannot be read.
    """

    finds: tuple[Find, ...]
    strangers: tuple[Stranger, ...]
    looked_at: int
    complete: bool


def look(place: Path, models: Sequence[Model], progress: Progress) -> Haul:
    """What of `models` is in a folder; changes nothing.

    Args:
        place: A folder, or a single file.
        models: What to look for.
        progress: Told how far it is.

    Raises:
        WeightsMissing: There is no such folder, or it cannot be read.
    """
    walk = _Walk(place)
    files = list(walk.files())
    search = _Search(models)
    for done, path in enumerate(files):
        progress.update("looking through files", done, len(files))
        try:
            search.consider(path)
        except OSError:
            walk.complete = False
    progress.update("looking through files", len(files), len(files))
    return Haul(tuple(search.finds.values()), tuple(search.strangers), len(files), walk.complete)


def take(find: Find, cache: Path, vouched: frozenset[str] = frozenset()) -> Path:
    """Put a found file into the cache, linked where the disk allows it, else copied; the user's own stays where it is.

    Raises:
        DigestUnknown: Nobody has vouched for it yet.
        WeightsCorrupt: It is another file than the one that is vouched for, or changed while it was taken.
        WeightsMissing: It cannot be read, the disk refused, or another process is fetching it.
    """
    model, place = find.model, str(find.path / find.member)
    with alone(model.name, cache):
        folder = private_folder(model_path(model, cache).parent)
        with tempfile.TemporaryDirectory(prefix=".taking-", dir=folder) as scratch:
            candidate = Path(scratch) / "candidate"
            try:
                digest = _bring(find, candidate)
            except Unusable as error:
                raise WeightsCorrupt(f"{place} cannot be taken: {error}.", "Bring a sound copy.") from error
            if digest != find.sha256:
                raise WeightsCorrupt(f"{place} changed while it was taken.", "Try again when nothing writes to it.")
            judge(model, cache, digest, candidate.stat().st_size, place, vouched)
            return commit(model, cache, candidate, digest)


def _bring(find: Find, candidate: Path) -> str:
    if find.member:
        return unpack(find.path, find.member, candidate, wanted_of(find.model).limit)
    source = find.path.resolve()
    try:
        candidate.hardlink_to(source)
    except (OSError, NotImplementedError):
        # Another disk, a file system without links, or a file of another user.
        with _opened(source) as file:
            return copy(file, candidate)
    return sha256_of(candidate)


def _opened(source: Path) -> IO[bytes]:
    try:
        return source.open("rb")
    except OSError as error:
        raise WeightsMissing(f"{source} cannot be read: {error.strerror}.", "Check its permissions.") from error


class _Search:
    """Compares files with what is looked for."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.finds: dict[str, Find] = {}
        self.strangers: list[Stranger] = []
        self._by_digest: dict[str, list[Model]] = {}
        self._by_name: dict[str, Model] = {}
        self._members: dict[str, list[tuple[Model, str]]] = {}
        for model in models:
            self._learn(model)
        sizes = {save.size for model in models for save in model.saves}
        self._sizes = sizes - {0}
        self._any_size = 0 in sizes

    def _learn(self, model: Model) -> None:
        self._by_name.setdefault(f"{model.name}.onnx", model)
        for save in model.saves:
            self._by_digest.setdefault(save.sha256, []).append(model)
        for name, member in map(_names, model.origins):
            if member:
                self._members.setdefault(name, []).append((model, member))
            self._by_name.setdefault((member or name).rpartition("/")[2].lower(), model)

    def consider(self, path: Path) -> None:
        """Keep `path` if it is looked for.

        Raises:
            OSError: It cannot be read.
        """
        name = path.name.lower()
        for model, member in self._members.get(name, ()):
            self._consider_member(path, model, member)
        called = self._by_name.get(name)
        if called is None and not self._may_be_known(path):
            return
        digest = sha256_of(path)
        known = self._by_digest.get(digest, [])
        for model in known:
            self.finds.setdefault(model.name, Find(model, path, "", digest))
        if not known and called is not None:
            self._judge_by_name(path, called, digest)

    def _may_be_known(self, path: Path) -> bool:
        return path.stat().st_size in self._sizes or (self._any_size and path.suffix.lower() == ".onnx")

    def _judge_by_name(self, path: Path, called: Model, digest: str) -> None:
        if called.saves or not looks_like_onnx(path):
            self.strangers.append(Stranger(path, called.name, digest))
        else:
            self.finds.setdefault(called.name, Find(called, path, "", digest))

    def _consider_member(self, path: Path, model: Model, member: str) -> None:
        if model.name in self.finds:
            return
        with tempfile.TemporaryDirectory(prefix="livecam-") as scratch:
            try:
                digest = unpack(path, member, Path(scratch) / "member", wanted_of(model).limit)
            except Unusable:
                return
        if not model.saves or model in self._by_digest.get(digest, []):
            self.finds[model.name] = Find(model, path, member, digest)


def _names(origin: Origin) -> tuple[str, str]:
    """What the file at an origin is called, and for an archive which of its files is meant."""
    url, _, member = origin.url.partition("#")
    return archive_name(url).lower(), member


class _Walk:
    """The regular files below a place, breadth first; links are followed only to files inside it."""

    def __init__(self, place: Path) -> None:
        self.complete = True
        try:
            self._root = place.expanduser().resolve(strict=True)
            self._entries = [self._root] if self._root.is_file() else sorted(self._root.iterdir())
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise WeightsMissing(f"{place} cannot be read: {reason}.", "Name a folder that holds networks.") from error

    def files(self) -> Iterator[Path]:
        """Each file there is, `MOST_FILES` at most."""
        count, level = 0, self._entries
        for _ in range(DEEPEST):
            for path in filter(self._is_file, level):
                if count >= MOST_FILES:
                    self.complete = False
                    return
                count += 1
                yield path
            level = [inner for path in level for inner in self._inside(path)]
        self.complete = self.complete and not level

    def _inside(self, path: Path) -> list[Path]:
        """What a folder holds; nothing for what is none."""
        try:
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
            return sorted(path.iterdir()) if is_folder else []
        except OSError:
            self.complete = False
            return []

    def _is_file(self, path: Path) -> bool:
        try:
            if path.is_symlink() and not path.resolve(strict=True).is_relative_to(self._root):
                return False
            found = path.stat()
        except (OSError, RuntimeError):
            return False
        return stat.S_ISREG(found.st_mode) and 0 < found.st_size <= LARGEST
