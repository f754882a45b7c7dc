"""macOS: an agent of launchd. Written from its manual; never run by us on a Mac."""

import os
import plistlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from livecam.app.service.manager import Job, Runner, ServiceStatus, done, ran, remove_file, write_whole
from livecam.errors import LivecamError

LABEL: Final = "io.github.livecam"


def agent(job: Job, log: Path) -> bytes:
    """The property list that runs `job`, started again when it fails: launchd.plist(5)."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(job.command),
            "WorkingDirectory": str(job.folder),
            "EnvironmentVariables": dict(job.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 5,
            "ProcessType": "Interactive",
            "StandardOutPath": str(log),
            "StandardErrorPath": str(log),
        }
    )


class LaunchdService:
    """See `Service`.

    Args:
        agents: ``~/Library/LaunchAgents``.
        log: Where its log goes.
        run: Runs ``launchctl``.
        user: Number of the user.
    """

    def __init__(self, agents: Path, log: Path, run: Runner = ran, user: int | None = None) -> None:
        self._path = agents / f"{LABEL}.plist"
        self._log = log
        self._run = run
        self._domain = f"gui/{os.getuid() if user is None else user}"

    def install(self, job: Job, start: bool) -> str:
        """See `Service`."""
        write_whole(self._path, agent(job, self._log))
        if not start:
            return f"livecam starts at your next login. The agent is {self._path}."
        self._run(["launchctl", "bootout", f"{self._domain}/{LABEL}"])  # one that is not loaded is no error here
        done(self._run, "launchctl", "bootstrap", self._domain, str(self._path))
        return f"livecam runs, and starts again at every login. The agent is {self._path}."

    def uninstall(self) -> str:
        """See `Service`."""
        self._run(["launchctl", "bootout", f"{self._domain}/{LABEL}"])
        if not remove_file(self._path):
            return "livecam is not installed as a service."
        return f"livecam no longer starts at login. {self._path} is removed."

    def status(self) -> ServiceStatus:
        """See `Service`."""
        if not self._path.exists():
            return ServiceStatus(False, False, "Not installed. Install it with: livecam service install")
        shown = self._run(["launchctl", "print", f"{self._domain}/{LABEL}"])
        if shown.code:
            return ServiceStatus(True, False, "Installed; starts at your next login.")
        state = re.search(r"^\s*state = (.+)$", shown.out, re.MULTILINE)
        process = re.search(r"^\s*pid = (\d+)$", shown.out, re.MULTILINE)
        running = process is not None
        said = f"{state[1] if state else 'loaded'}{f', process {process[1]}' if process else ''}."
        return ServiceStatus(True, running, said)

    def logs(self, lines: int, follow: bool) -> Sequence[str]:
        """See `Service`."""
        if not self._log.exists():
            raise LivecamError(f"There is no log yet at {self._log}.", "Start it with: livecam service install")
        return ["tail", "-n", str(lines), *(["-f"] if follow else []), str(self._log)]
