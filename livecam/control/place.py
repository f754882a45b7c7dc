"""Where daemons listen: sockets in a folder that only their user may enter; on Windows, pipes."""

import os
import socket
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

from platformdirs import user_runtime_path

from livecam.errors import ConfigError, LivecamError

_PROBE_S: Final = 1.0
_NAME: Final = "control-{}.sock"


def folder() -> Path:
    """The folder of sockets, whether it is there or not.

    Where the session has no runtime folder, it is one in the folder for temporary files; see `make_private`.
    """
    if sys.platform == "darwin" or os.environ.get("XDG_RUNTIME_DIR"):
        return user_runtime_path("livecam", appauthor=False)
    session = Path(f"/run/user/{os.getuid()}")
    return session / "livecam" if session.is_dir() else Path(tempfile.gettempdir()) / f"livecam-{os.getuid()}"


def own_socket() -> Path:
    """Where this process listens unless it is told otherwise."""
    if sys.platform == "win32":
        from livecam.control.pipe import own_pipe  # needed there alone

        return Path(own_pipe())
    return folder() / _NAME.format(os.getpid())


def make_private(place: Path) -> None:
    """Make the folder `place`, if it is not there, and see that nobody but this user may enter it.

    Raises:
        ConfigError: It cannot be made, is somebody else's, or is open to others.
    """
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
    except OSError as error:
        raise ConfigError(f"The folder {place} for the control socket cannot be made: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{place} must be a folder that belongs to you and that nobody else may enter.",
            f"Remove it, or run: chmod 700 {place}",
        )


def answers(path: Path) -> bool:
    """Whether somebody listens at `path`. False for what a dead daemon left, and for nothing at all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except TimeoutError:
            # Its queue is full: it is busy, not dead.
            return True
        except OSError:
            return False
    return True


def running() -> tuple[Path, ...]:
    """The sockets of all daemons of this user that run now."""
    if sys.platform == "win32":
        from livecam.control.pipe import pipes  # needed there alone

        return tuple(Path(name) for name in pipes())
    return tuple(path for path in sorted(folder().glob(_NAME.format("*"))) if answers(path))


def sweep(place: Path) -> None:
    """Remove the sockets that killed daemons left in the folder `place`, in which nobody else may be making one now."""
    for path in place.glob(_NAME.format("*")):
        if path.is_socket() and not answers(path):
            path.unlink(missing_ok=True)


def the_one(named: Path | None) -> Path:
    """The socket to talk to: `named`, else that of the only daemon there is.

    Raises:
        LivecamError: There is none, or there are several.
    """
    if named is not None:
        # On Windows, whoever connects finds out.
        if sys.platform != "win32" and not answers(named):
            raise LivecamError(f"No livecam listens at {named}.", "Start it with --control-socket and that path.")
        return named
    found = running()
    if not found:
        raise LivecamError("No livecam runs, or none that can be controlled.", "Start it with: livecam run")
    if len(found) > 1:
        raise LivecamError("Several run; name one of them:", "  ".join(f"--socket {path}" for path in found))
    return found[0]
