"""Windows: a task that starts at logon. A real service has no camera and no desktop. Never run by us on Windows."""

import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from livecam.app.service.manager import NAME, Job, Runner, ServiceStatus, done, ran, write_whole
from livecam.errors import LivecamError

_SPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"


def task(job: Job, log: Path) -> bytes:
    """The task's definition, UTF-16: Task Scheduler 1.2 schema. A task has no variables, so `cmd` sets them."""
    words = [*job.command, "--log-file", str(log)]
    if job.environment:
        sets = "&&".join(f'set "{name}={value}"' for name, value in job.environment)
        words = ["cmd", "/d", "/s", "/c", f"{sets}&&{subprocess.list2cmdline(words)}"]
    ElementTree.register_namespace("", _SPACE)
    root = ElementTree.Element(f"{{{_SPACE}}}Task", version="1.2")
    _under(root, "Triggers", "LogonTrigger", Enabled="true")
    _under(root, "Principals", "Principal", LogonType="InteractiveToken", RunLevel="LeastPrivilege")
    settings = _under(
        root,
        "Settings",
        "",
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        ExecutionTimeLimit="PT0S",
    )
    _under(settings, "RestartOnFailure", "", Interval="PT1M", Count="255")
    _under(root, "Actions", "Exec", Command=words[0], Arguments=_line(words), WorkingDirectory=str(job.folder))
    out = BytesIO()
    ElementTree.ElementTree(root).write(out, encoding="utf-16", xml_declaration=True)
    return out.getvalue()


def _line(words: Sequence[str]) -> str:
    # What follows /c is taken as it stands.
    return " ".join(words[1:]) if words[0] == "cmd" else subprocess.list2cmdline(words[1:])


def _under(parent: ElementTree.Element, name: str, inner: str, **values: str) -> ElementTree.Element:
    """A new element of `parent`, or one more inside it, that holds `values`."""
    element = ElementTree.SubElement(parent, f"{{{_SPACE}}}{name}")
    if inner:
        element = ElementTree.SubElement(element, f"{{{_SPACE}}}{inner}")
    for key, value in values.items():
        ElementTree.SubElement(element, f"{{{_SPACE}}}{key}").text = value
    return element


class TaskService:
    """See `Service`.

    Args:
        folder: Where the definition is kept.
        log: Where its log goes.
        run: Runs ``schtasks``.
    """

    def __init__(self, folder: Path, log: Path, run: Runner = ran) -> None:
        self._path = folder / "task.xml"
        self._log = log
        self._run = run

    def install(self, job: Job, start: bool) -> str:
        """See `Service`."""
        write_whole(self._path, task(job, self._log))
        done(self._run, "schtasks", "/Create", "/F", "/TN", NAME, "/XML", str(self._path))
        if not start:
            return "livecam starts at your next logon."
        done(self._run, "schtasks", "/Run", "/TN", NAME)
        return "livecam runs, and starts again at every logon."

    def uninstall(self) -> str:
        """See `Service`."""
        if self._run(["schtasks", "/Query", "/TN", NAME]).code:
            return "livecam is not installed as a task."
        self._run(["schtasks", "/End", "/TN", NAME])
        done(self._run, "schtasks", "/Delete", "/F", "/TN", NAME)
        return "livecam no longer starts at logon."

    def status(self) -> ServiceStatus:
        """See `Service`."""
        shown = self._run(["schtasks", "/Query", "/TN", NAME, "/FO", "CSV", "/NH"])
        if shown.code:
            return ServiceStatus(False, False, "Not installed. Install it with: livecam service install")
        state = shown.out.strip().rsplit(",", 1)[-1].strip('" \r\n')
        return ServiceStatus(True, state.lower() == "running", f"{state}.")

    def logs(self, lines: int, follow: bool) -> Sequence[str]:
        """See `Service`."""
        if not self._log.exists():
            raise LivecamError(f"There is no log yet at {self._log}.", "Start it with: livecam service install")
        quoted = str(self._log).replace("'", "''")
        wait = " -Wait" if follow else ""
        return ["powershell", "-NoProfile", "-Command", f"Get-Content -LiteralPath '{quoted}' -Tail {lines}{wait}"]
