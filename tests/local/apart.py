"""Commands in a network namespace of their own, which has no interface but, where it is wanted, the loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_HOOK: Final = Path(__file__).resolve().parent / "hook"

_UP: Final = """
import fcntl, os, socket, struct, sys
IFF_UP, SIOCSIFFLAGS = 1, 0x8914
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
"""


@cache
def why_not() -> str:
    """Why there can be no namespace here; "" when there can."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "only Linux has network namespaces, by the command unshare"
    done = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"this system allows no network namespace: {done.stderr.strip()}"


def _unshare() -> list[str]:
    # Who is not root becomes root of a user namespace, which may have a network namespace.
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def apart(command: Sequence[str], *, loopback: bool) -> list[str]:
    """`command`, with no network but, where `loopback`, the machine's own."""
    up = [sys.executable, "-I", "-c", _UP] if loopback else []
    return [*_unshare(), *up, *command]


def traced(command: Sequence[str], place: Path) -> list[str]:
    """`command`, with the sockets that it and its children make written to `place`, where strace is installed.

    What is not Python (ONNX Runtime, FFmpeg, OpenCV) is seen by the kernel alone.
    """
    if shutil.which("strace") is None:
        return list(command)
    calls = "trace=socket,connect,sendto,sendmsg,sendmmsg"
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "0",
        "-e",
        calls,
        "-e",
        "signal=none",
        "-o",
        str(place),
        *command,
    ]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the audit hook wrote down, a line an event."""

    lines: tuple[str, ...]

    @classmethod
    def at(cls, place: Path) -> "Heard":
        """Read it; there must be something, or the hook was not there."""
        return cls(tuple(place.read_text().splitlines()))

    @property
    def outward(self) -> list[str]:
        """Events that name a computer, and are not a socket that listens on the loopback address."""
        local = ("socket.bind [('127.0.0.1', ", "socket.bind [('::1', ")
        return [line for line in self.lines if not _is_file(line) and not any(start in line for start in local)]


def _is_file(line: str) -> bool:
    """Whether a socket of the file system or a number of the kernel is meant, which cannot leave the machine."""
    event, _, arguments = line.partition(" ")[2].partition(" ")
    return event.startswith("socket.") and not arguments.startswith("[(") and event not in _LOOKUPS


_LOOKUPS: Final = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)


def internet_calls(place: Path) -> list[str]:
    """Of the calls that `traced` wrote down, those that speak to an Internet address, or would."""
    if not place.exists():
        return []
    calls = (line for line in place.read_text(errors="replace").splitlines() if "AF_INET" in line)
    return [line for line in calls if "connect(" in line or "send" in line]


def environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """This one, with folders of its own below `folder`, and the hook."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    own = {
        "PYTHONPATH": os.pathsep.join([str(_HOOK), str(ROOT)]),
        "LIVECAM_HEARD": str(folder / "heard.txt"),
        "LIVECAM_DATA": str(folder / "data"),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    return {**os.environ, **own, **extra}
