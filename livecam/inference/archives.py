"""Takes single files out of archives that hold several networks, such as insightface's packs.

An archive is kept until all that is wanted out of it has been taken: five networks of one pack are one download.
"""

import os
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

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
    try:
        with zipfile.ZipFile(archive) as held, held.open(_member(held, member)) as source:
            return copy(source, target, limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Unusable(f"the archive is damaged ({error})") from error


def copy(source: IO[bytes], target: Path, limit: int = LARGEST) -> str:
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
    return found[0]


def _folder(cache: Path) -> Path:
    return cache / ".archives"


def _archive(url: str, cache: Path) -> Partial:
    return Partial(_folder(cache) / f"{sha256(url.encode()).hexdigest()[:16]}.zip")
