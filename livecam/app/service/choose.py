"""Which service manager this system has, and the command that it runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from livecam.app.service.desktop import DesktopEntry
from livecam.app.service.launchd import LaunchdService
from livecam.app.service.manager import Job, Service
from livecam.app.service.systemd import SystemdService
from livecam.app.service.windows import TaskService
from livecam.config import Paths
from livecam.errors import LivecamError


def service_here(
    paths: Paths, environment: Mapping[str, str] = os.environ, platform: str = sys.platform, home: Path | None = None
) -> Service:
    """The service of this user on this system.

    Raises:
        LivecamError: livecam knows no service manager here.
    """
    home = home or Path.home()
    log = paths.data / "livecam.log"
    match platform:
        case "linux":
            configured, data = environment.get("XDG_CONFIG_HOME", ""), environment.get("XDG_DATA_HOME", "")
            folder = Path(configured) if configured else home / ".config"
            entries = (Path(data) if data else home / ".local" / "share") / "applications"
            return SystemdService(folder / "systemd" / "user", DesktopEntry(entries))
        case "darwin":
            return LaunchdService(home / "Library" / "LaunchAgents", log)
        case "win32":
            return TaskService(paths.data, log)
        case _:
            raise LivecamError(f"livecam knows no service manager on {platform}.", "Start it by other means.")


def job_of(
    flags: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    python: str = sys.executable,
    two_processes: bool = False,
) -> Job:
    """What the service runs: livecam of this very installation, with `flags` and livecam's own variables."""
    own = tuple(sorted((name, value) for name, value in environment.items() if name.startswith("LIVECAM_")))
    return Job((python, "-m", "livecam", "run", "--no-tty", *flags), folder or Path.cwd(), own, two_processes)
