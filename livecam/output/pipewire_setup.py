"""What a PipeWire camera needs of the machine: GStreamer's launcher, its elements, and a running session."""

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import SinkError, SinkGone, SinkLost

LAUNCHER: Final = "gst-launch-1.0"
ELEMENTS: Final = ("fdsrc", "rawvideoparse", "identity", "pipewiresink")
START: Final = "systemctl --user start pipewire wireplumber"

_INSPECTOR: Final = "gst-inspect-1.0"
_INSPECT_S: Final = 20.0
_CONNECT_S: Final = 0.5
_INSTALL: Final = {
    "debian": "sudo apt install wireplumber gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-pipewire",
    "fedora": "sudo dnf install wireplumber gstreamer1 gstreamer1-plugins-base pipewire-gstreamer",
    "arch": "sudo pacman -S wireplumber gstreamer gst-plugins-base gst-plugin-pipewire",
    "suse": "sudo zypper install wireplumber gstreamer-utils gstreamer-plugins-base gstreamer-plugin-pipewire",
}
"""By a word in os-release's ID or ID_LIKE. WirePlumber brings PipeWire along."""


@dataclass(frozen=True, slots=True)
class PipeWireSetup:
    """What was found.

    Attributes:
        launcher: Path of GStreamer's launcher; empty when it is not installed.
        absent: GStreamer elements that are not installed.
        remote: Where the session listens, or would.
        running: Whether it answers there.
    """

    launcher: str
    absent: tuple[str, ...]
    remote: str
    running: bool

    @property
    def installed(self) -> bool:
        """Whether GStreamer has all that is needed."""
        return bool(self.launcher) and not self.absent

    @property
    def ready(self) -> bool:
        """Whether a camera can be made now."""
        return self.installed and self.running

    def refusal(self, distribution: str) -> SinkError | None:
        """Why there can be no camera now, and what to do about it on `distribution` (ID and ID_LIKE of os-release)."""
        if not self.launcher:
            return SinkGone(
                f"The PipeWire camera needs {LAUNCHER}, which is not installed.", install_step(distribution)
            )
        if self.absent:
            told = f"The PipeWire camera needs GStreamer's {' and '.join(self.absent)}, which is not installed."
            return SinkGone(told, install_step(distribution))
        if not self.running:
            return SinkLost(f"No PipeWire session answers at {self.remote or 'any place'}.", session_step(self.remote))
        return None


def probe(environment: Mapping[str, str] | None = None, elements: bool = True) -> PipeWireSetup:
    """Look at this machine.

    Args:
        environment: The process's own unless given.
        elements: False takes them as installed, which saves some tens of ms.
    """
    environment = os.environ if environment is None else environment
    launcher = shutil.which(LAUNCHER, path=environment.get("PATH")) or ""
    absent = _absent(environment) if elements and launcher else ()
    remote = remote_path(environment)
    return PipeWireSetup(launcher, absent, str(remote or ""), remote is not None and answers(remote))


def remote_path(environment: Mapping[str, str]) -> Path | None:
    """The session's socket, found as PipeWire's own clients find it; None when nothing says where it would be."""
    name = environment.get("PIPEWIRE_REMOTE") or "pipewire-0"
    folder = environment.get("PIPEWIRE_RUNTIME_DIR") or environment.get("XDG_RUNTIME_DIR")
    if os.path.isabs(name):
        return Path(name)
    return Path(folder, name) if folder else None


def answers(remote: Path) -> bool:
    """Whether somebody listens at `remote`; a socket that a dead session left behind refuses."""
    line = lifeline(remote)
    if line is None:
        return False
    line.close()
    return True


def lifeline(remote: Path) -> socket.socket | None:
    """A connection to the session at `remote`, that ends when the session does; None when nobody answers."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(_CONNECT_S)
    try:
        line.connect(str(remote))
    except OSError:
        line.close()
        return None
    return line


def install_step(distribution: str) -> str:
    """The command that installs everything, where the distribution is known."""
    words = distribution.split()
    for word, command in _INSTALL.items():
        if any(word in part for part in words):
            return f"Run {command}."
    return "Install PipeWire, WirePlumber and GStreamer with its base and PipeWire plugins."


def session_step(remote: str) -> str:
    """How to get a session."""
    if not remote:
        return f"XDG_RUNTIME_DIR is not set: run livecam as the user who is logged in, then {START}."
    return f"Run {START}."


def distribution() -> str:
    """``ID`` and ``ID_LIKE`` of os-release, such as ``ubuntu debian``; empty where there is none."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".strip()


def _absent(environment: Mapping[str, str]) -> tuple[str, ...]:
    inspector = shutil.which(_INSPECTOR, path=environment.get("PATH"))
    if inspector is None:
        # It comes in the launcher's package; whether the elements are there shows when they are used.
        return ()
    return tuple(name for name in ELEMENTS if not _exists(inspector, name, environment))


def _exists(inspector: str, element: str, environment: Mapping[str, str]) -> bool:
    # Asked without a version, it wants at least its own, and PipeWire counts differently.
    command = [inspector, "--exists", "--atleast-version=0.0", element]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_INSPECT_S, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
