"""The container of a plan: a header that says what it is, and a payload that is believed only by its digest.

A plan is machine code that TensorRT runs as it is. So no byte of it goes to TensorRT before this module has made sure
that the file belongs to this user alone, is whole, and was made for the very key that is asked for.

Layout: eight bytes `MAGIC`, the header's length in bytes (32 bits, little endian), the header's SHA-256 (32 bytes), the
header (JSON), the payload.
"""

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from livecam.errors import EngineError
from livecam.inference.plan_key import STEM_DIGITS, Key, key_text

MAGIC: Final = b"LCPLAN\x00\x01"
HEADER_LIMIT: Final = 1 << 18
"""Bytes; what says that its header is longer is no plan of ours."""
PAYLOAD_LIMIT: Final = 1 << 33
"""Bytes."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITE_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_PREFIX: Final = len(MAGIC) + 4 + 32


class PlanRefused(EngineError):
    """A file of the cache must not be used; it was not given to TensorRT.

    Args:
        path: The file.
        reason: Why, as the end of a sentence.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The plan {path} {reason}; it was not loaded.", "It is built again: livecam engines build")
        self.reason = reason


class FolderRefused(EngineError):
    """The folder of the cache must not be used: somebody else could put files into it.

    Args:
        folder: Which.
        reason: Why, as the end of a sentence.
        next_step: What the user can do.
    """

    def __init__(self, folder: Path, reason: str, next_step: str) -> None:
        super().__init__(f"The folder of compiled networks, {folder}, {reason}; nothing in it is used.", next_step)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; `payload` is only true once it was compared.

    Attributes:
        key: Text of the key, as `key_text` writes it.
        sha256: Of the payload.
        size: Of the payload, in bytes.
        created_s: When it was made, seconds of the epoch.
        about: What else whoever made it wants to know again, such as the network's own types; text by name.
    """

    key: str
    sha256: str
    size: int
    created_s: int
    about: Mapping[str, str]

    @property
    def fields(self) -> Mapping[str, object]:
        """The key's fields by name; empty where it is no key."""
        try:
            held: object = json.loads(self.key)
        except (ValueError, RecursionError):
            return {}
        return held if isinstance(held, dict) else {}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload whose digest was compared.

    Attributes:
        header: What it is.
        payload: Safe to be used as what the header's key says.
    """

    header: Header
    payload: bytes


def sealed(key: Key, payload: bytes, about: Mapping[str, str], created_s: int) -> tuple[Header, bytes]:
    """The header for `payload`, and the bytes that stand before the payload in a file."""
    header = Header(key_text(key), sha256(payload).hexdigest(), len(payload), created_s, dict(about))
    text = json.dumps(
        {
            "key": header.key,
            "sha256": header.sha256,
            "size": header.size,
            "created_s": header.created_s,
            "about": header.about,
        }
    ).encode()
    if len(text) > HEADER_LIMIT:
        raise EngineError(f"What is to be remembered of a plan is too long: {len(text)} bytes.")
    return header, MAGIC + len(text).to_bytes(4, "little") + sha256(text).digest() + text


def read_header(path: Path) -> Header:
    """What the file says of itself; the payload is not looked at, so it says nothing about that.

    Raises:
        PlanRefused: It is not this user's own, or no plan.
        FileNotFoundError: There is none.
    """
    with _opened(path) as file:
        return _header(path, file)


def read_sealed(path: Path, key: Key | None = None) -> Sealed:
    """The file's content, once owner, permissions, length, key and digest have been compared.

    Everything is taken from one open file, once, so that nobody can exchange it between the check and the use.

    Args:
        path: The file.
        key: What it must be for; None to check only that it is what it says.

    Raises:
        PlanRefused: One of them is not as it must be.
        FileNotFoundError: There is none.
    """
    with _opened(path) as file:
        header = _header(path, file)
        if key is not None and header.key != key_text(key):
            raise PlanRefused(path, "was made for something else: its key is not the one that is needed")
        if key is None and digest_in(header)[:STEM_DIGITS] not in path.name:
            raise PlanRefused(path, "bears another plan's name")
        payload = _read(path, file, header.size)
    if len(payload) != header.size or sha256(payload).hexdigest() != header.sha256:
        raise PlanRefused(path, "is damaged: its SHA-256 is not the one in its header")
    return Sealed(header, payload)


def digest_in(header: Header) -> str:
    """SHA-256 of the header's key, as `key_digest` gives it."""
    return sha256(header.key.encode()).hexdigest()


def check_folder(folder: Path) -> None:
    """Make sure that nobody else can put files into `folder`.

    Raises:
        FolderRefused: It is a link or no folder, belongs to somebody else, or others may write into it.
    """
    found = folder.lstat()
    elsewhere = "Move it away, or name another folder: LIVECAM_CACHE"
    if not stat.S_ISDIR(found.st_mode):
        raise FolderRefused(folder, "is a link, or no folder", elsewhere)
    reason = _strangers(found, _WRITE_OTHERS)
    if reason:
        is_own = not _strangers(found, 0)
        # What others may have put there in the meantime stays suspect.
        step = f"Run: chmod 700 {folder}, then: livecam engines verify" if is_own else elsewhere
        raise FolderRefused(folder, reason, step)


def _opened(path: Path) -> BinaryIO:
    """The regular file `path` itself, of this user and nobody else's to read or write."""
    if path.is_symlink():
        raise PlanRefused(path, "is a link")
    try:
        # The check above is for Windows; elsewhere the system refuses links here, whenever they were put there.
        # Not waiting, so that a named pipe cannot stop the daemon.
        handle = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK") | _flag("O_BINARY"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PlanRefused(path, f"cannot be opened: {error.strerror}") from error
    reason = _unfit(os.fstat(handle))
    if reason:
        os.close(handle)
        raise PlanRefused(path, reason)
    return os.fdopen(handle, "rb")


def _read(path: Path, file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise PlanRefused(path, f"cannot be read: {error.strerror}") from error


def _unfit(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    if found.st_nlink != 1:
        return "has a second name somewhere else"
    if found.st_size > PAYLOAD_LIMIT:
        return "is far too large"
    return _strangers(found, _OTHERS)


def _strangers(found: os.stat_result, forbidden: int) -> str:
    if os.name == "nt":
        # Windows keeps these in lists of their own; the user's cache folder is closed to others there by itself.
        return ""
    if found.st_uid != os.geteuid():
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & forbidden:
        return f"is open to other users (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def _header(path: Path, file: BinaryIO) -> Header:
    """The header of `file`, which is left where the payload begins."""
    prefix = _read(path, file, _PREFIX)
    if prefix[: len(MAGIC)] != MAGIC:
        raise PlanRefused(path, "is not a plan of livecam, or of another version")
    length = int.from_bytes(prefix[len(MAGIC) : len(MAGIC) + 4], "little")
    if length > HEADER_LIMIT:
        raise PlanRefused(path, "has a header that is too long")
    text = _read(path, file, length)
    header = _parsed(text) if sha256(text).digest() == prefix[len(MAGIC) + 4 :] else None
    if header is None:
        raise PlanRefused(path, "has a header that is damaged or cut short")
    size = os.fstat(file.fileno()).st_size - _PREFIX - length
    if header.size != size:
        raise PlanRefused(path, f"is cut short or too long: {size} bytes, not {header.size}")
    return header


def _parsed(text: bytes) -> Header | None:
    with contextlib.suppress(ValueError, RecursionError):
        match json.loads(text):
            case {"key": str(key), "sha256": str(digest), "size": int(size), "created_s": int(created), "about": about}:
                if isinstance(about, dict) and all(isinstance(value, str) for value in about.values()):
                    return Header(key, digest, size, created, about)
    return None


def _flag(name: str) -> int:
    """A flag of `os.open` that not every system has."""
    flag: int = vars(os).get(name, 0)
    return flag
