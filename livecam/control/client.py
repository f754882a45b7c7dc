"""The other end of the control socket, for ``livecam ctl``."""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import LivecamError

ANSWER_S: Final = 45.0
"""Longer than any order may take: a persona that has to be made ready first."""

_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it came.

    Attributes:
        ok: The order was followed.
        said: In a sentence.
        line: The whole answer, JSON.
    """

    ok: bool
    said: str
    line: str


def order(path: Path, line: str) -> Said:
    """What the daemon at `path` answers to `line`.

    Raises:
        LivecamError: It is not there, does not answer, or answers something else.
    """
    return next(_answers(path, line))


def watch(path: Path) -> Iterator[Said]:
    """Answers of the daemon at `path`, about two a second, until it ends.

    Raises:
        LivecamError: As above.
    """
    return _answers(path, "watch")


def _answers(path: Path, line: str) -> Iterator[Said]:
    heard = False
    try:
        for text in _lines(path, line):
            heard = True
            yield _read(path, text)
    except TimeoutError:
        raise LivecamError(f"The livecam at {path} does not answer.", "It may hang: stop it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LivecamError(f"The livecam at {path} cannot be reached: {error}.") from None
    if not heard:
        raise LivecamError(f"The livecam at {path} went without an answer.", "Start it with: livecam run")


def _lines(path: Path, line: str) -> Iterator[str]:
    if sys.platform == "win32":
        from livecam.control.pipe import exchange  # needed there alone

        yield from exchange(str(path), line, ANSWER_S)
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_S)
        connection.connect(os.fspath(path))
        connection.sendall(line.encode() + b"\n")
        with connection.makefile("r", encoding="utf-8", newline="\n") as stream:
            while text := stream.readline(_LONGEST):
                yield text


def _read(path: Path, text: str) -> Said:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not (isinstance(answer, Mapping) and isinstance(answer.get("ok"), bool) and isinstance(answer.get("said"), str)):
        raise LivecamError(f"What answers at {path} is no livecam of this version.")
    return Said(answer["ok"], answer["said"], text.rstrip("\n"))
