"""What a service manager does for livecam, whichever the system has."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from livecam.errors import LivecamError

NAME: Final = "livecam"
"""Of the service."""

ANSWER_S: Final = 30.0

_NO_SESSION: Final = (
    "That user is not logged in: log in as the user whom livecam is for, not by su or sudo, and do it again."
)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """How the service is.

    Attributes:
        installed: It starts at login.
        running: It runs now.
        said: In a sentence or two.
    """

    installed: bool
    running: bool
    said: str


@dataclass(frozen=True, slots=True)
class Job:
    """What the service runs.

    Attributes:
        command: The program and its arguments.
        folder: Where it runs, so that relative paths mean what they meant when it was installed.
        environment: Variables it needs besides those of the session.
        two_processes: Pictures leave from a second process, which is to go on when the first one dies.
    """

    command: tuple[str, ...]
    folder: Path
    environment: tuple[tuple[str, str], ...] = ()
    two_processes: bool = False


class Service(Protocol):
    """The service as one system keeps it."""

    def install(self, job: Job, start: bool) -> str:
        """Let `job` run from every login on, and now with `start`; an old one is replaced. Says what now holds.

        Raises:
            LivecamError: It cannot be written, or the manager refuses.
        """
        ...

    def uninstall(self) -> str:
        """Stop it and remove it. Says what now holds; that there was none is no error.

        Raises:
            LivecamError: It cannot be removed.
        """
        ...

    def status(self) -> ServiceStatus:
        """How it is.

        Raises:
            LivecamError: The manager does not answer.
        """
        ...

    def logs(self, lines: int, follow: bool) -> Sequence[str]:
        """The command that shows its last `lines` of log, and with `follow` what comes.

        Raises:
            LivecamError: There is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said, in a line."""
        return " ".join((self.err or self.out).split()) or f"exit code {self.code}"


Runner = Callable[[Sequence[str]], Ran]


def ran(command: Sequence[str]) -> Ran:
    """Run `command`.

    Raises:
        LivecamError: It is not there, or does not answer.
    """
    if shutil.which(command[0]) is None:
        raise LivecamError(f"{command[0]} is not installed, so livecam cannot be a service here.", "Use: livecam run")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except subprocess.TimeoutExpired:
        raise LivecamError(f"`{' '.join(command)}` does not answer.", "Try again.") from None
    return Ran(done.returncode, done.stdout, done.stderr)


def done(run: Runner, *command: str) -> str:
    """What `command` prints.

    Raises:
        LivecamError: It failed.
    """
    result = run(command)
    if result.code:
        next_step = _NO_SESSION if "connect to bus" in result.said else ""
        raise LivecamError(f"`{' '.join(command)}` failed: {result.said.rstrip('.')}.", next_step)
    return result.out


def write_whole(path: Path, content: bytes) -> None:
    """Write `path` whole or not at all, with its folders.

    Raises:
        LivecamError: The disk refused.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise LivecamError(f"{path} cannot be written: {error.strerror}.", "Check the folder.") from None


def remove_file(path: Path) -> bool:
    """Remove `path`; whether it was there.

    Raises:
        LivecamError: The disk refused.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LivecamError(f"{path} cannot be removed: {error.strerror}.", "Remove it by hand.") from None
    return True
