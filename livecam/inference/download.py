"""Downloads that survive a cut line: a partial file, and a note of what it is a part of.

The server is not believed: not about the length, not about ranges. What comes out is still to be checked by its
digest; here it is only made sure that it cannot be longer than it may be, that parts of different files are not joined,
and that every wait and every retry has a bound.
"""

import http.client
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from errno import ENOSPC
from http import HTTPStatus
from os import strerror
from pathlib import Path
from typing import Final

from livecam.inference.files import write_whole
from livecam.inference.progress import Progress
from livecam.inference.web import Again, StartOver, Unusable, network_errors, opened

LARGEST: Final = 1 << 31
"""Bytes. An ONNX file is one protobuf message, which cannot be larger; the archives that hold them are smaller."""
_CHUNK: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _OtherFile(Unusable):
    """The address holds another file than the one that is wanted."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a bad line is put up with.

    Attributes:
        tries: In a row that bring nothing new.
        most: In all.
        waits_s: Before the next try, by the number of tries in vain; the last one is repeated.
        stall_s: Nothing, or less than `least_per_s`, for this long is a cut line.
        least_per_s: Bytes per second.
    """

    tries: int = 5
    most: int = 100
    waits_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    stall_s: float = 30.0
    least_per_s: float = 1024.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is being fetched.

    Attributes:
        label: Its name, for the progress bar.
        sizes: All it may have, in bytes; empty where they are not known.
        about: Its size for the progress bar where nobody knows it, in bytes; 0 where there is not even an estimate.
    """

    label: str
    sizes: frozenset[int]
    about: int = 0

    @property
    def limit(self) -> int:
        """More bytes than this are never written."""
        return max(self.sizes, default=LARGEST)


@dataclass(frozen=True, slots=True)
class _Note:
    """Which file a partial one is a part of.

    Attributes:
        url: Where it is.
        validator: What the server calls this version of it (a strong ETag, or its date), "" when it does not say.
        total: Size in bytes, 0 when it does not say.
    """

    url: str
    validator: str
    total: int


class Partial:
    """A file while it is fetched, and the note beside it.

    Args:
        path: Of the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note_path = path.with_name(f"{path.name}.json")

    @property
    def length(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def note(self, url: str) -> _Note | None:
        """What was noted of `url`; none if nothing of it is here."""
        try:
            held = json.loads(self._note_path.read_text(encoding="utf-8"))
            note = _Note(str(held["url"]), str(held["validator"]), int(held["total"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return None
        return note if note.url == url and self.length else None

    def write_note(self, note: _Note) -> None:
        """Say what the bytes are a part of."""
        write_whole(self._note_path, json.dumps(asdict(note)).encode())

    def discard(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)


def download(url: str, partial: Partial, wanted: Wanted, progress: Progress, patience: Patience) -> bool:
    """Fill `partial` with what `url` holds, going on where an earlier download was cut.

    Args:
        url: https; plain http only to this machine itself.
        partial: Kept when the line or the disk fails, deleted when the server turns out to hold another file.
        wanted: What it must look like.
        progress: Told how far it is.
        patience: When to give up.

    Returns:
        Whether some of it stems from an earlier call: should its digest be wrong, a fresh start may help.

    Raises:
        Unusable: The address does not give such a file.
        OSError: The disk refused.
    """
    resumed = partial.note(url) is not None
    best, in_vain, fetched, last = partial.length, 0, False, Again("")
    for _ in range(patience.most):
        try:
            _attempt(url, partial, wanted, progress, patience)
        except Again as error:
            gained, last = partial.length > best, error
            best, fetched = max(best, partial.length), fetched or gained
            in_vain = 0 if gained else in_vain + 1
            if in_vain >= patience.tries or (error.unreachable and not fetched):
                break
            time.sleep(patience.waits_s[min(in_vain, len(patience.waits_s) - 1)])
        except _OtherFile:
            partial.discard()
            raise
        else:
            return resumed
    raise Unusable(str(last), unreachable=last.unreachable)


def _attempt(url: str, partial: Partial, wanted: Wanted, progress: Progress, patience: Patience) -> None:
    note = partial.note(url)
    if note is not None and note.total and partial.length == note.total:
        return
    # Without a validator the rest could be of another version of the file.
    start, headers = 0, dict[str, str]()
    if note is not None and note.validator:
        start, headers = partial.length, {"Range": f"bytes={partial.length}-", "If-Range": note.validator}
    try:
        with opened(url, headers, patience.stall_s) as answer:
            start, total = _agreed(answer, start, wanted)
            _check_room(partial.path.parent, total - start)
            if not start:
                partial.discard()
            note = _Note(url, _validator(answer, note if start else None), total)
            partial.write_note(note)
            done = _copy(_chunks(answer, patience), partial.path, start, total, wanted, progress)
    except StartOver as error:
        partial.discard()
        raise Again(str(error)) from error
    partial.write_note(replace(note, total=done))


def _agreed(answer: http.client.HTTPResponse, start: int, wanted: Wanted) -> tuple[int, int]:
    """From which byte the answer is, and the size of the whole file, 0 when the server does not say.

    Raises:
        StartOver: It gives another part than was asked for.
        Unusable: It announces another file.
    """
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unusable("the server packs the file although it was told not to")
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        part = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if part is None or int(part[1]) != start:
            raise StartOver("the server gives another part of the file than it was asked for")
        total = int(part[2]) if part[2] != "*" else 0
    elif answer.status == HTTPStatus.OK:
        length = answer.headers.get("Content-Length", "")
        start, total = 0, int(length) if length.isdecimal() else 0
    else:
        raise Unusable(f"the server answered {answer.status}")
    if total and (total not in wanted.sizes if wanted.sizes else total > LARGEST):
        raise _OtherFile(f"the file there has {total:,} bytes, {_told_sizes(wanted)}")
    return start, total


def _validator(answer: http.client.HTTPResponse, before: _Note | None) -> str:
    """What ``If-Range`` may be given (RFC 9110, 13.1.5, which rules out weak ETags).

    Raises:
        StartOver: It is another one than `before`, so that the file is another one.
    """
    tag = answer.headers.get("ETag", "")
    now = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    if before is None or now == before.validator:
        return now
    if now:
        raise StartOver("the file there has changed meanwhile")
    return before.validator


def _copy(chunks: Iterator[bytes], path: Path, start: int, total: int, wanted: Wanted, progress: Progress) -> int:
    """Write `chunks` behind byte `start`; gives the size of the whole file.

    Raises:
        Again: They end too early.
        Unusable: They do not end in time.
    """
    expected, limit, done = total or max(wanted.sizes, default=wanted.about), total or wanted.limit, start
    path.touch(mode=0o600)
    with path.open("ab") as out:
        for chunk in chunks:
            if done + len(chunk) > limit:
                raise _OtherFile(f"the server sends more than {limit:,} bytes")
            out.write(chunk)
            done += len(chunk)
            progress.update(f"fetching {wanted.label}", done, expected)
    if (total and done != total) or (not total and wanted.sizes and done not in wanted.sizes):
        raise Again(f"the line was cut after {done:,} bytes")
    return done


def _chunks(answer: http.client.HTTPResponse, patience: Patience) -> Iterator[bytes]:
    """What comes, as it comes; a server that is too slow is a cut line."""
    since, got = time.monotonic(), 0
    while True:
        with network_errors():
            chunk = answer.read1(_CHUNK)
        if not chunk:
            return
        yield chunk
        got += len(chunk)
        if time.monotonic() - since > patience.stall_s:
            if got < patience.least_per_s * patience.stall_s:
                raise Again("the server is too slow")
            since, got = time.monotonic(), 0


def _check_room(folder: Path, wanted: int) -> None:
    """Better now than after an hour."""
    if wanted > shutil.disk_usage(folder).free:
        raise OSError(ENOSPC, strerror(ENOSPC))


def _told_sizes(wanted: Wanted) -> str:
    sizes = " or ".join(f"{size:,}" for size in sorted(wanted.sizes))
    return f"not {sizes}" if sizes else f"more than the {LARGEST:,} that a network can have"
