"""The doors of a conversion: what may come in, where it may go, and files written whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Final

from livecam.config.nearest import nearest
from livecam.errors import ConfigError, SinkError, SinkGone, SinkLost, SourceGone

IMAGES: Final = (".png", ".jpg", ".jpeg", ".webp")
VIDEOS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""FFmpeg's name of the container, by suffix."""


def is_video(target: Path) -> bool:
    """Whether OUT is to be a video, by its suffix.

    Raises:
        ConfigError: It is none that can be written.
    """
    suffix = target.suffix.lower()
    if suffix not in (*IMAGES, *VIDEOS):
        known = (*IMAGES, *VIDEOS)
        what = f"{target} has no suffix that says what to write" if not suffix else f"{suffix} files cannot be written"
        raise ConfigError(f"{what}.", nearest(suffix, known))
    return suffix in VIDEOS


def check_source(source: Path) -> None:
    """Refuse an IN that is no readable file.

    Raises:
        SourceGone: It is not there, or a folder, a device or a pipe, or may not be read.
    """
    try:
        if source.is_dir():
            raise SourceGone(f"{source} is a folder.", "Name a picture or a video in it.")
        if not source.exists():
            raise SourceGone(f"There is no file {source}.", "Check the path.")
        if not source.is_file():
            raise SourceGone(f"{source} is a device or a pipe, not a file.", "Name a picture or a video file.")
        with source.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise SourceGone(f"{source} cannot be read: {error.strerror}.", "Check the path and its permissions.") from None
    if empty:
        raise SourceGone(f"{source} is empty.", "Name a picture or a video file.")


def check_target(source: Path, target: Path, *, replace: bool) -> None:
    """Refuse an OUT that cannot or must not be written, before any work is done.

    Raises:
        ConfigError: It is IN itself, exists and may not be replaced, or is of no kind that can be written.
        SinkGone: Its folder does not exist or cannot be written.
    """
    is_video(target)
    if target.is_dir():
        raise SinkGone(f"{target} is a folder.", f"Name a file in it, such as {target / source.name}.")
    if target.exists() and target.samefile(source):
        raise ConfigError(f"OUT is IN: {target}.", "Choose another name; IN is never written to.")
    if target.exists() and not target.is_file():
        raise SinkGone(f"{target} is a device or a pipe.", "Name a file.")
    if target.exists() and not replace:
        raise ConfigError(f"{target} exists.", "Choose another name, or replace it with --replace.")
    if not target.parent.is_dir():
        raise SinkGone(f"There is no folder {target.parent}.", "Make it first, or choose another place.")
    if not os.access(target.parent, os.W_OK):
        raise SinkGone(f"The folder {target.parent} may not be written to.", "Choose another place.")


def check_report(report: Path, source: Path, target: Path) -> None:
    """Refuse a place for the report now rather than after an hour.

    Raises:
        ConfigError: Its folder does not exist, or it would overwrite IN or OUT.
    """
    if report.is_dir() or not report.parent.is_dir():
        raise ConfigError(f"The report cannot be written to {report}.", "Name a file in a folder that exists.")
    if report.resolve() in (source.resolve(), target.resolve()):
        raise ConfigError(f"The report would overwrite {report}.", "Name another file.")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after any crash it is there whole, or as it was before.

    Raises:
        SinkError: It cannot be written.
    """
    partial = path.with_name(f"{path.name}.tmp")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        discard(partial)
        raise refusal(path, error) from error


def discard(path: Path) -> None:
    """Delete a file that is of no use; one that cannot be deleted stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


_FULL: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file became as large as this disk allows",
}


def refusal(path: Path, error: OSError) -> SinkError:
    """The error for a file that could not be written."""
    full = _FULL.get(error.errno or 0)
    if full is not None:
        return SinkLost(f"Cannot write {path}: {full}.", "Free some space and run the same command again.")
    return SinkGone(f"Cannot write {path}: {error.strerror or error}.", "Choose another place for OUT.")
