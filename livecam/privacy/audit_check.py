"""Reading the audit log: whether it is whole, and an export of it that can be checked on its own."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from livecam.privacy.audit_seal import (
    BEGINNING,
    FILES,
    AuditError,
    Seal,
    content_of,
    digest_of,
    mac,
    private,
    read_seal,
)

_LARGEST_EXPORT: Final = 1 << 28
_KIND: Final = "livecam audit"


def lines(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Every line of the log in `folder`: its file's name, its place there from 1, and the line.

    Raises:
        AuditError: A file cannot be read.
    """
    for path in sorted(folder.glob(FILES)):
        for place, line in enumerate(_lines_in(path), start=1):
            yield path.name, place, line


def _lines_in(path: Path) -> list[str]:
    try:
        # Not as text: that would take other ends of lines for the same.
        return path.read_bytes().decode("ascii").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{path} cannot be read: {error}.", "Keep it, and look at who changed it.") from None


def whole_lines(folder: Path, seal: Seal) -> Iterator[tuple[str, int, str]]:
    """The same, with the newest from the seal where an end without warning kept all or part of it out of the file."""
    before: tuple[str, int, str] | None = None
    for found in lines(folder):
        if before is not None:
            yield before
        before = found
    if before is not None and (before[2] == seal.line or not seal.line.startswith(before[2])):
        yield before
    if seal.line and (before is None or before[2] != seal.line):
        yield "the seal", 1, seal.line


def verify(folder: Path, key: bytes) -> tuple[int, str]:
    """Whether the log in `folder` is whole: how many lines it has, and what is wrong with it, "" for nothing.

    Nobody may be writing meanwhile; see `livecam.privacy.audit.held`.

    Raises:
        AuditError: A file cannot be read.
    """
    try:
        seal = read_seal(folder, key)
    except AuditError as error:
        return 0, error.what
    count, problem, digest = _followed(whole_lines(folder, seal), seal.first, seal.before)
    if not problem and (seal.first + count - 1, digest) != (seal.last, seal.digest):
        problem = f"It ends with line {seal.first + count - 1}, and line {seal.last} was the last."
    return count, problem


def _followed(found: Iterator[tuple[str, int, str]], first: int, before: str) -> tuple[int, str, str]:
    """How many lines hang together, what is wrong with the next one, and the digest of the last."""
    expected = first
    for file, place, line in found:
        match content_of(line):
            case {"n": int(number), "before": str(said)}:
                pass
            case _:
                number, said = 0, ""
        if number != expected:
            return expected - first, f"{file}, line {place}: line {expected} was expected, not {number}.", before
        if said != before:
            return expected - first, f"{file}, line {place}: the line before it was changed.", before
        before, expected = digest_of(line), expected + 1
    return expected - first, "", before


def newest_with(folder: Path, key: bytes, event: str) -> dict[str, object]:
    """What the newest line says that tells of `event`; nothing where there is none.

    Raises:
        AuditError: The seal or a file cannot be read.
    """
    sought = f'"event":{json.dumps(event)}'
    files = sorted(folder.glob(FILES), reverse=True)
    newest_first = chain([read_seal(folder, key).line], chain.from_iterable(_lines_in(path)[::-1] for path in files))
    for line in newest_first:
        if sought in line and (content := content_of(line)).get("event") == event:
            return content
    return {}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export says of itself, under the installation's key.

    Attributes:
        first: Number of its first line.
        before: Digest of the line before that one.
        last: Number of its last line; one less than `first` for none.
        at: When it was made, UTC, ISO 8601.
        problem: What was wrong with the log then; "" for nothing.
    """

    first: int
    before: str
    last: int
    at: str
    problem: str


def export(folder: Path, key: bytes, target: Path, at: str) -> Exported:
    """Write the log into the file `target`: a line that vouches for the others, then those. Whole or not at all.

    Raises:
        AuditError: The log or its seal cannot be read, or `target` not be written.
    """
    seal = read_seal(folder, key)
    count, problem = verify(folder, key)
    body = "".join(f"{line}\n" for _, _, line in whole_lines(folder, seal)).encode()
    head = Exported(seal.first, seal.before, seal.first + count - 1, at, problem)
    said = {**_head(head), "sha256": hashlib.sha256(body).hexdigest()}
    text = json.dumps({**said, "mac": mac(key, "export", said)}).encode() + b"\n"
    part = target.with_name(f".{target.name}.part")
    try:
        with open(part, "wb", opener=private) as file:
            file.write(text + body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise AuditError(f"{target} cannot be written: {error.strerror or error}.", "Name another place.") from None
    return head


def _head(head: Exported) -> dict[str, object]:
    return {
        "kind": _KIND,
        "first": head.first,
        "before": head.before,
        "last": head.last,
        "at": head.at,
        "problem": head.problem,
    }


def read_export(path: Path, key: bytes) -> tuple[Exported, list[str]]:
    """An export of this installation, and its lines.

    Raises:
        AuditError: It is none, was changed since, or was made by another installation.
    """
    head, body = _parted(path)
    said = {name: value for name, value in head.items() if name != "mac"}
    if head.get("kind") != _KIND or not all(isinstance(value, str | int) for value in head.values()):
        raise AuditError(f"{path} is no export of an audit log.", "Make one with: livecam audit export FILE")
    signed = str(head.get("mac", ""))
    if not signed.isascii() or not hmac.compare_digest(mac(key, "export", said), signed):
        raise AuditError(f"The first line of {path} was changed, or another installation made it.")
    if hashlib.sha256(body).hexdigest() != said["sha256"]:
        raise AuditError(f"The lines in {path} were changed after it was exported.")
    exported = Exported(
        int(str(said["first"])), str(said["before"]), int(str(said["last"])), str(said["at"]), str(said["problem"])
    )
    return exported, body.decode("ascii").splitlines()


def _parted(path: Path) -> tuple[dict[str, object], bytes]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_EXPORT + 1)
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror or error}.", "Name an export.") from None
    first, _, body = data.partition(b"\n")
    if len(data) > _LARGEST_EXPORT:
        return {}, b""
    return content_of(first.decode("ascii", errors="replace")), body


def since_export(folder: Path, key: bytes, exported: Exported, found: list[str]) -> str:
    """What the log in `folder` says against an export made of it earlier; "" where it has only grown, or forgotten.

    Raises:
        AuditError: The log cannot be read.
    """
    seal = read_seal(folder, key)
    if seal.last < exported.last:
        return f"The log ends with line {seal.last}; the export has {exported.last}: lines were taken away since."
    digest = digest_of(found[-1]) if found else BEGINNING
    for _, _, line in whole_lines(folder, seal):
        content = content_of(line)
        if content.get("n") == exported.last + 1 and content.get("before") != digest:
            return f"Line {exported.last} of the log is another one than that of the export."
    if found and seal.last == exported.last and seal.digest != digest:
        return f"Line {exported.last} of the log is another one than that of the export."
    return ""
