"""Writing a fragmented MP4 file so that it can be cut back to what plays, whatever happens to the disk."""

import os
from pathlib import Path
from typing import Protocol

_HEADER = 8
_LARGE_HEADER = 16
_MOOF = b"moof"
_MDAT = b"mdat"


class RawFile(Protocol):
    """What of an unbuffered binary file is needed here; `io.FileIO` has it."""

    def write(self, data: memoryview, /) -> int | None:
        """Write at most all of `data`; how many bytes were written."""
        ...

    def truncate(self, size: int, /) -> int:
        """Cut the file to `size` bytes."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class FragmentFile:
    """An append-only file that knows where its last whole fragment ends.

    An MP4 file is a row of boxes, each with its length in front (ISO/IEC 14496-12, 4.2). A fragment is a ``moof``
    box, which describes samples, and the ``mdat`` box after it, which holds them; the file plays up to the end of
    any ``mdat``.

    Args:
        raw: Open for writing, unbuffered, empty. Owned from here on.

    Attributes:
        whole: Length in bytes of the part that plays.
        fragments: How many whole fragments that is.
        ended: True once the file was cut; what is written afterwards is dropped.
    """

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._left = 0
        self._header = bytearray()
        self._in_fragment = False
        self._in_samples = False
        self._at = 0
        self.whole = 0
        self.fragments = 0
        self.ended = False

    def write(self, data: bytes) -> int:
        """Append all of `data`; returns its length.

        Raises:
            OSError: The disk is full, the file grew too large, or the device failed.
        """
        if self.ended:
            return len(data)
        view = memoryview(data)
        while view:
            written = self._raw.write(view) or 0
            self._follow(view[:written])
            view = view[written:]
        return len(data)

    def cut(self) -> None:
        """Cut back to what plays and drop everything that is written from now on.

        Raises:
            OSError: The file system refuses.
        """
        self.ended = True
        self._raw.truncate(self.whole)

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: The file system reports a late failure.
        """
        self._raw.close()

    def _follow(self, data: memoryview) -> None:
        while data:
            if self._left:
                step = min(self._left, len(data))
                self._left -= step
                self._at += step
            else:
                step = self._read_header(data)
            data = data[step:]
            if not self._left and not self._header and not self._in_fragment:
                self.whole = self._at
                self.fragments += self._in_samples

    def _read_header(self, data: memoryview) -> int:
        """Take what `data` has of a box's header; how many bytes that was."""
        large = len(self._header) >= _HEADER
        step = min((_LARGE_HEADER if large else _HEADER) - len(self._header), len(data))
        self._header += data[:step]
        self._at += step
        if len(self._header) == _HEADER and int.from_bytes(self._header[:4], "big") != 1:
            self._start_box(int.from_bytes(self._header[:4], "big"))
        elif len(self._header) == _LARGE_HEADER:
            self._start_box(int.from_bytes(self._header[8:], "big"))
        return step

    def _start_box(self, length: int) -> None:
        self._left = max(length - len(self._header), 0)
        # A moof counts only together with the mdat that follows it.
        self._in_fragment = bytes(self._header[4:8]) == _MOOF
        self._in_samples = bytes(self._header[4:8]) == _MDAT
        self._header.clear()


def create(path: Path, overwrite: bool) -> tuple[RawFile, Path]:
    """Create the file at `path` or, when that exists and `overwrite` is False, beside it under a numbered name.

    Returns:
        The file, open for writing without a buffer, and where it really is.

    Raises:
        OSError: It cannot be created there.
    """
    # What is recorded shows faces: a folder that is made for it is its owner's alone.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 1
    while True:
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            return _open(candidate, overwrite), candidate
        except FileExistsError:
            number += 1


def _open(path: Path, overwrite: bool) -> RawFile:
    # For its owner alone too, since the folder may have been there; a file that is replaced keeps its permissions.
    return open(path, "wb" if overwrite else "xb", buffering=0, opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def remove(path: Path) -> None:
    """Delete a recording without pictures; one that cannot be deleted stays."""
    try:
        os.unlink(path)
    except OSError:
        return
