"""Takes single files out of archives that hold several networks, such as insightface's packs.

An archive is kept until all that is wanted out of it has been taken: five networks of one pack are one download.
"""

import os
import struct
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from errno import EINVAL
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from livecam.errors import WeightsMissing
from livecam.inference.download import LARGEST, Partial, Patience, Wanted, download
from livecam.inference.files import private_folder
from livecam.inference.model import Model
from livecam.inference.progress import Progress
from livecam.inference.store import reserved
from livecam.inference.web import Unusable


def fetch_member(
    url: str, member: str, target: Path, wanted: Wanted, cache: Path, progress: Progress, patience: Patience
) -> bool:
    """Put one file of an archive at `target`.

    Args:
        url: Of the archive.
        member: See `unpack`.
        target: Where to.
        wanted: What the file must look like.
        cache: Folder of all networks; the archive is kept in it until `clear_archives`.
        progress: Told how far it is.
        patience: With a bad line.

    Returns:
        Whether some of the archive was here already: should the file be wrong, `forget_archive` and try again.

    Raises:
        Unusable: The archive cannot be fetched, is damaged, or does not hold such a file.
        WeightsMissing: Another process holds it.
        OSError: The disk refused.
    """
    archive = _archive(url, cache)
    private_folder(archive.path.parent)
    whole = Wanted(archive_name(url), frozenset())
    with reserved(archive.path.name, wanted.label, cache):
        used_old = download(url, archive, whole, progress, patience)
        try:
            unpack(archive.path, member, target, wanted.limit)
        except Unusable:
            archive.discard()
            if not used_old:
                raise
            download(url, archive, whole, progress, patience)
            unpack(archive.path, member, target, wanted.limit)
    return used_old


def forget_archive(url: str, cache: Path) -> None:
    """Fetch it anew next time.

    Raises:
        OSError: The disk refused.
    """
    _archive(url, cache).discard()


def clear_archives(models: Iterable[Model], cache: Path) -> None:
    """Delete the archives out of which all of `models` were taken; those in use are left to whoever uses them.

    Raises:
        OSError: The disk refused.
    """
    urls = {origin.url.partition("#")[0] for model in models for origin in model.origins if "#" in origin.url}
    for archive in (_archive(url, cache) for url in urls):
        if archive.path.exists():
            name = archive.path.name
            with suppress(WeightsMissing), reserved(name, name, cache, limit_s=0.0):
                archive.discard()


def archive_name(url: str) -> str:
    """What the file at `url` is called, without what follows ``#`` or ``?``."""
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


def unpack(archive: Path, member: str, target: Path, limit: int) -> str:
    """Take one file out of an archive. Names in the archive are compared, never used as paths.

    Args:
        archive: A ZIP file.
        member: Name in the archive, with its folders or without.
        target: Where to.
        limit: More bytes than this are never written.

    Returns:
        Its SHA-256.

    Raises:
        Unusable: The archive is damaged, or does not hold one such file.
        OSError: The disk refused.
    """
    _check_index(archive)
    try:
        with zipfile.ZipFile(archive) as held, held.open(_member(held, member)) as source:
            return copy(_Sound(source), target, limit)
    except (*_DAMAGES, zipfile.BadZipFile, NotImplementedError) as error:
        raise Unusable(f"the archive is damaged ({error})") from error
    except OSError as error:
        if error.errno != EINVAL:
            raise
        # Its index points before the beginning of the file.
        raise Unusable("the archive is damaged (its index is wrong)") from error


_DAMAGES: Final = (zlib.error, EOFError, RuntimeError, ValueError, struct.error)

_INDEX: Final = struct.Struct("<4s4H2LH")
"""The last record of an archive (APPNOTE.TXT 4.3.16): mark, disks, entries, size of the index, where it begins."""

_LARGEST_INDEX: Final = 1 << 20
"""Bytes, of the list of files; it is read whole, and each entry takes ten times its size in memory."""


def _check_index(archive: Path) -> None:
    """See that the archive lists no more files than a pack of networks has.

    Raises:
        Unusable: It does, or is no archive, or one of the kind for more than 4 GB.
        OSError: It cannot be read.
    """
    with archive.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - (1 << 16) - _INDEX.size - _LOCATOR))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _INDEX.size:
        raise Unusable("the archive is damaged, or is none")
    if tail[max(0, at - _LOCATOR) : at].startswith(b"PK\6\7") or _INDEX.unpack_from(tail, at)[5] > _LARGEST_INDEX:
        raise Unusable("the archive lists far too many files")


_LOCATOR: Final = 20
"""Bytes of the record that says that there is an index of the kind for more than 4 GB."""


class _Sound:
    """A file in an archive, whose damage is told from that of the disk it is written to.

    Args:
        source: The file.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        """The next bytes.

        Raises:
            Unusable: The archive is damaged, or cut short.
        """
        try:
            return self._source.read(size)
        except (*_DAMAGES, zipfile.BadZipFile, OSError) as error:
            raise Unusable(f"the archive is damaged ({error})") from error


def copy(source: "IO[bytes] | _Sound", target: Path, limit: int = LARGEST) -> str:
    """Copy an open file to `target`, for its owner alone; gives its SHA-256.

    Raises:
        Unusable: It is longer than `limit`.
        OSError: The disk refused.
    """
    digest, done = sha256(), 0
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with target.open("wb") as out:
        while chunk := source.read(1 << 20):
            done += len(chunk)
            if done > limit:
                raise Unusable(f"the file has more than {limit:,} bytes")
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    entries = archive.infolist()
    exact = [entry for entry in entries if entry.filename == name]
    found = exact or [entry for entry in entries if entry.filename.rpartition("/")[2] == name]
    if len(found) != 1:
        raise Unusable(f"the archive holds {len(found) or 'no'} {name}")
    if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The others let a file say how much memory unpacking takes.
        raise Unusable(f"{name} is packed in another way than by deflation")
    return found[0]


def _folder(cache: Path) -> Path:
    return cache / ".archives"


def _archive(url: str, cache: Path) -> Partial:
    return Partial(_folder(cache) / f"{sha256(url.encode()).hexdigest()[:16]}.zip")
