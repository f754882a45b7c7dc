"""Linux: a unit of the user's own systemd."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from livecam.app.service.desktop import DesktopEntry
from livecam.app.service.manager import NAME, Job, Runner, ServiceStatus, done, ran, remove_file, write_whole
from livecam.errors import LivecamError

UNIT: Final = f"{NAME}.service"

_TARGET: Final = "default.target"
_WHY: Final = "Its log says why: livecam service logs"

_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+=-]+")

_KILL: Final = """\
# The output process shows the slate when the main one dies, until the next one takes over: it must not be killed too.
KillMode=process
"""

_TEXT: Final = """\
# Written by `livecam service install`; `livecam service uninstall` removes it.
[Unit]
Description=livecam, a camera that wears another face
Documentation=man:livecam(1)
After=graphical-session.target pipewire.service
# Ten failures in a minute, and it is left alone: `livecam service logs` says why.
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
# Ready once the first picture, a slate, has left; that may wait for the first fetch of the networks.
Type=notify
NotifyAccess=main
TimeoutStartSec=600
WorkingDirectory=-{folder}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Environment=PYTHONUNBUFFERED=1{environment}
# A sign of life from the loop that sends pictures, once a second; without, the process is started again.
WatchdogSec=3
TimeoutAbortSec=1
TimeoutStopSec=10
{kill}Restart=on-failure
RestartSec=0.2
# A mistake in the configuration does not go away by starting again.
RestartPreventExitStatus=2

[Install]
WantedBy={target}
"""


def quoted(word: str, dollar: str = "$$") -> str:
    """`word` as systemd reads it back from a command line: systemd.service(5), command lines.

    Args:
        word: Any text.
        dollar: What stands for a dollar: in variables, unlike in commands, it is nothing special.
    """
    escaped = (
        word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", dollar).replace("\n", "\\n")
    )
    return word if _PLAIN.fullmatch(word) else f'"{escaped}"'


def unit_text(job: Job) -> str:
    """The unit that runs `job`."""
    return _TEXT.format(
        command=" ".join(quoted(word) for word in job.command),
        folder=str(job.folder).replace("%", "%%"),
        target=_TARGET,
        kill=_KILL if job.two_processes else "",
        environment="".join(f" {quoted(f'{name}={value}', '$')}" for name, value in job.environment),
    )


class SystemdService:
    """See `Service`.

    Args:
        units: The user's folder of units, such as ``~/.config/systemd/user``.
        desktop: What tells the desktop who livecam is.
        run: Runs ``systemctl``.
    """

    def __init__(self, units: Path, desktop: DesktopEntry, run: Runner = ran) -> None:
        self._path = units / UNIT
        self._desktop = desktop
        self._run = run

    def install(self, job: Job, start: bool) -> str:
        """See `Service`."""
        was_running = self._path.exists() and self._shown().get("ActiveState") == "active"
        write_whole(self._path, unit_text(job).encode())
        self._desktop.write(job)
        done(self._run, "systemctl", "--user", "daemon-reload")
        done(self._run, "systemctl", "--user", "enable", UNIT)
        if not start:
            return f"livecam starts at your next login. The unit is {self._path}."
        return self._started("restart" if was_running else "start")

    def _started(self, verb: str) -> str:
        """Start it, and wait until it is ready, as long as the manager's answer is waited for."""
        # One that failed too often is not started otherwise; that there is nothing to forget is no error.
        self._run(["systemctl", "--user", "reset-failed", UNIT])
        try:
            done(self._run, "systemctl", "--user", verb, UNIT)
        except LivecamError:
            shown = self._shown()
            if shown.get("ActiveState") != "activating" or shown.get("SubState") != "start":
                raise LivecamError(
                    f"livecam is installed as a service, but does not start: {shown.get('Result', '')}.", _WHY
                ) from None
            return f"livecam is still starting; livecam service status tells when it runs. The unit is {self._path}."
        return f"livecam runs, and starts again at every login. The unit is {self._path}."

    def uninstall(self) -> str:
        """See `Service`."""
        self._desktop.remove()
        if not self._path.exists():
            return "livecam is not installed as a service."
        problem = self._tried("disable", "--now", UNIT)
        remove_file(self._path)
        # What `disable` removes; it may not have come so far.
        remove_file(self._path.parent / f"{_TARGET}.wants" / UNIT)
        removed = f"livecam no longer starts at login. {self._path} is removed."
        if problem:
            return f"{removed} What runs of it could not be stopped, and ends when you log out. {problem}"
        self._tried("daemon-reload")
        # Else it stays listed as one that failed.
        self._tried("reset-failed", UNIT)
        return removed

    def _tried(self, *words: str) -> str:
        """Why `systemctl` did not do that; empty when it did."""
        try:
            done(self._run, "systemctl", "--user", *words)
        except LivecamError as error:
            return error.what
        return ""

    def status(self) -> ServiceStatus:
        """See `Service`."""
        if not self._path.exists():
            return ServiceStatus(False, False, "Not installed. Install it with: livecam service install")
        shown = self._shown()
        state, running = shown.get("ActiveState", ""), shown.get("SubState") == "running"
        installed = shown.get("UnitFileState") == "enabled"
        parts = [f"{state} ({shown.get('SubState', '')})"]
        parts += [f"process {shown['MainPID']}"] if running else []
        parts += [f"since {shown['ActiveEnterTimestamp']}"] if running and shown.get("ActiveEnterTimestamp") else []
        parts += [f"started again {shown['NRestarts']} times"] if shown.get("NRestarts", "0") != "0" else []
        parts += [f"ended by {shown['Result']}"] if shown.get("Result", "success") != "success" else []
        parts += [] if installed else ["not started at login"]
        why = f" {_WHY}" if state == "failed" else ""
        return ServiceStatus(installed, running, ", ".join(parts) + "." + why)

    def logs(self, lines: int, follow: bool) -> Sequence[str]:
        """See `Service`."""
        tail = ["--follow"] if follow else ["--no-pager"]
        return ["journalctl", "--user", "--unit", UNIT, "--lines", str(lines), "--output", "short-iso", *tail]

    def _shown(self) -> Mapping[str, str]:
        wanted = "ActiveState,SubState,MainPID,NRestarts,Result,UnitFileState,ActiveEnterTimestamp"
        text = done(self._run, "systemctl", "--user", "show", UNIT, f"--property={wanted}")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
