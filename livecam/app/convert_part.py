"""What an interrupted conversion leaves behind: finished pieces in ``OUT.part/``, and a manifest that vouches for them.

A piece counts once the manifest names it with its digest. Both are written whole or not at all, so that after a kill,
a crash or a full disk the folder says truly how far the conversion had come.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from livecam.app.convert_doors import discard, refusal, write_whole
from livecam.app.convert_encode import Piece
from livecam.app.convert_summary import Tally
from livecam.errors import SinkGone

MANIFEST: Final = "manifest.json"
_FORMAT: Final = "livecam conversion 1"
_PIECE: Final = "*.piece.mp4"
_JOINED: Final = "joined"
_EDGE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished piece in the folder.

    Attributes:
        file: Its name.
        sha256: Of the file, hex.
        frames: How many pictures it holds.
        first: Time of the first one, in the clip's time base.
        last: Time of the last one.
        end: When the last one's time is over.
        tally: What became of its frames.
    """

    file: str
    sha256: str
    frames: int
    first: int
    last: int
    end: int
    tally: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What the file says.

    Attributes:
        job: Everything that pieces made under it depend on, by name.
        owner: Process id and start time of the livecam at work; nobody else touches the folder while it lives.
        segments: In order.
        complete: Whether they are all there will be.
        note: What there is to say about the end of IN, in a sentence.
        format: Tells our files from others'.
    """

    job: Mapping[str, str]
    owner: tuple[int, float]
    segments: tuple[Segment, ...] = ()
    complete: bool = False
    note: str = ""
    format: str = field(default=_FORMAT)


class Left(NamedTuple):
    """What an earlier run left.

    Attributes:
        segments: Whole and undamaged, from the beginning.
        complete: Whether there is nothing left but joining them.
        note: Why it could not be used, in a sentence; empty when it could, or when there was nothing.
    """

    segments: tuple[Segment, ...]
    complete: bool
    note: str = ""


class PartFolder:
    """``OUT.part/``. One process at a time.

    Args:
        target: OUT.
        job: Everything that the pictures depend on, by a name that makes sense in a sentence.
    """

    def __init__(self, target: Path, job: Mapping[str, str]) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self.joined = self.path / f"{_JOINED}{target.suffix.lower()}"
        self._manifest = _Manifest(job, _this_process())

    @property
    def segments(self) -> Sequence[Segment]:
        """All that are finished, in order."""
        return self._manifest.segments

    @property
    def note(self) -> str:
        """What there is to say about the end of IN, in a sentence."""
        return self._manifest.note

    def open(self, *, start_over: bool) -> Left:
        """Make the folder, or find what an earlier run left in it.

        Raises:
            SinkError: It cannot be made, is somebody else's folder, or another livecam is at work in it.
        """
        try:
            self.path.mkdir(exist_ok=True)
            old = self._read()
            left = Left((), False) if start_over or old is None else self._usable(old)
            note = old.note if old and left.complete else ""
            self._write(replace(self._manifest, segments=left.segments, complete=left.complete, note=note))
            self._remove_files(keep={segment.file for segment in left.segments})
        except OSError as error:
            raise refusal(self.path, error) from error
        return left

    def add(self, piece: Piece, tally: Tally) -> None:
        """Keep a finished piece.

        Raises:
            SinkError: The disk refused.
        """
        name = f"{len(self.segments):06d}{_PIECE[1:]}"
        write_whole(self.path / name, piece.data)
        digest = hashlib.sha256(piece.data).hexdigest()
        segment = Segment(name, digest, piece.frames, piece.first, piece.last, piece.end, dict(tally))
        self._write(replace(self._manifest, segments=(*self.segments, segment)))

    def complete(self, note: str) -> None:
        """There will be no more pieces; `note` is what there is to say about the end of IN."""
        self._write(replace(self._manifest, complete=True, note=note))

    def remove(self) -> None:
        """Delete the folder. What is not ours in it stays, and so does the folder then."""
        try:
            discard(self.path / MANIFEST)
            self._remove_files()
            self.path.rmdir()
        except OSError:
            return

    def _write(self, manifest: _Manifest) -> None:
        self._manifest = manifest
        write_whole(self.path / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())

    def _read(self) -> _Manifest | None:
        """The manifest of an earlier run; `None` when there is none that can be read.

        Raises:
            SinkGone: The folder is not ours, or in use.
        """
        try:
            old = _parsed(json.loads((self.path / MANIFEST).read_bytes()))
        except FileNotFoundError:
            if any(path not in set(self._files()) for path in self.path.iterdir()):
                raise SinkGone(
                    f"{self.path} is needed for unfinished work and holds other files.", "Choose another name for OUT."
                ) from None
            return None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if old.owner != self._manifest.owner and _alive(old.owner):
            raise SinkGone(
                f"Another livecam, process {old.owner[0]}, is converting to this file.", "Wait for it, or stop it."
            )
        return old

    def _usable(self, old: _Manifest) -> Left:
        job = self._manifest.job
        changed = [name for name in (*job, *old.job) if job.get(name) != old.job.get(name)]
        if changed:
            names = ", ".join(dict.fromkeys(changed))
            return Left((), False, f"The interrupted conversion had another {names}; starting over.")
        whole = tuple(self._whole(old.segments))
        return Left(whole, old.complete and len(whole) == len(old.segments))

    def _whole(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """Those before the first that is missing or damaged."""
        for segment in segments:
            try:
                data = (self.path / segment.file).read_bytes()
            except OSError:
                return
            if hashlib.sha256(data).hexdigest() != segment.sha256:
                return
            yield segment

    def _files(self) -> Iterator[Path]:
        """Everything of ours but the manifest, finished or not."""
        for pattern in (_PIECE, f"{_PIECE}.tmp", f"{_JOINED}.*", f"{MANIFEST}.tmp"):
            yield from self.path.glob(pattern)

    def _remove_files(self, keep: Iterable[str] = ()) -> None:
        kept = frozenset(keep)
        for path in list(self._files()):
            if path.name not in kept:
                discard(path)


def _parsed(raw: Mapping[str, object]) -> _Manifest:
    """The manifest in `raw`.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    if raw["format"] != _FORMAT:
        raise ValueError("another format")
    job, owner, segments = raw["job"], raw["owner"], raw["segments"]
    if not (isinstance(job, dict) and isinstance(owner, list) and isinstance(segments, list)):
        raise TypeError("a field of another type")
    made = tuple(Segment(**segment) for segment in segments)
    return _Manifest(job, (int(owner[0]), float(owner[1])), made, bool(raw["complete"]), str(raw["note"]))


def _this_process() -> tuple[int, float]:
    return os.getpid(), psutil.Process().create_time()


def _alive(owner: tuple[int, float]) -> bool:
    """Whether that process, and not another that was given its number since, is still there."""
    try:
        process = psutil.Process(owner[0])
        # A killed process whose parent has not looked after it yet does nothing any more.
        return process.create_time() == owner[1] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def identity(source: Path) -> str:
    """IN's size, time of change, and digest of its first and last MiB, in one text.

    Raises:
        OSError: It cannot be read.
    """
    with source.open("rb") as stream:
        about = os.fstat(stream.fileno())
        digest = hashlib.sha256(stream.read(_EDGE_BYTES))
        stream.seek(max(0, about.st_size - _EDGE_BYTES))
        digest.update(stream.read(_EDGE_BYTES))
    return f"{about.st_size} {about.st_mtime_ns} {digest.hexdigest()}"
