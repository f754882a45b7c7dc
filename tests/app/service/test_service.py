"""The service as systemd, launchd and Windows' tasks keep it, with their programs pretended."""

import plistlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from livecam.app.service.choose import job_of, service_here
from livecam.app.service.desktop import DesktopEntry
from livecam.app.service.launchd import LABEL, LaunchdService, agent
from livecam.app.service.manager import Job, Ran, Runner, ran, write_whole
from livecam.app.service.systemd import UNIT, SystemdService, quoted, unit_text
from livecam.app.service.windows import TaskService, task
from livecam.config import Paths
from livecam.control.portal import APPLICATION
from livecam.errors import LivecamError

JOB = Job(("/opt/py", "-m", "livecam", "run", "--persona", "ann"), Path("/home/ann"), (("LIVECAM_DATA", "/d a$t%a"),))
XML = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


class Manager:
    """Answers as told, and remembers what it was asked."""

    def __init__(self, answers: dict[str, Ran] | None = None) -> None:
        self.asked: list[str] = []
        self.answers = answers or {}

    def __call__(self, command: Sequence[str]) -> Ran:
        self.asked.append(" ".join(command))
        return next((answer for words, answer in self.answers.items() if words in self.asked[-1]), Ran(0, "", ""))


def systemd(folder: Path, run: Runner) -> SystemdService:
    return SystemdService(folder, DesktopEntry(folder / "applications"), run)


def shown(**properties: str) -> dict[str, Ran]:
    return {" show ": Ran(0, "\n".join(f"{key}={value}" for key, value in properties.items()), "")}


def test_systemd_starts_it_now_and_at_login(tmp_path: Path) -> None:
    manager = Manager()
    said = systemd(tmp_path / "user", manager).install(JOB, start=True)
    assert (tmp_path / "user" / UNIT).read_text() == unit_text(JOB)
    assert manager.asked == [
        "systemctl --user daemon-reload",
        f"systemctl --user enable {UNIT}",
        f"systemctl --user reset-failed {UNIT}",
        f"systemctl --user start {UNIT}",
    ]
    assert str(tmp_path / "user" / UNIT) in said


def test_systemd_starts_a_running_one_again(tmp_path: Path) -> None:
    manager = Manager(shown(ActiveState="active"))
    service = systemd(tmp_path, manager)
    service.install(JOB, start=False)
    assert not any("start" in line.split() for line in manager.asked)
    service.install(JOB, start=True)
    assert manager.asked[-1] == f"systemctl --user restart {UNIT}"


def test_systemd_forgets_it(tmp_path: Path) -> None:
    manager = Manager()
    service = systemd(tmp_path, manager)
    assert "not installed" in service.uninstall()
    assert manager.asked == []
    service.install(JOB, start=True)
    assert "removed" in service.uninstall()
    assert not (tmp_path / UNIT).exists()
    assert f"systemctl --user disable --now {UNIT}" in manager.asked


def test_without_a_session_the_files_go_all_the_same_and_what_runs_on_is_told(tmp_path: Path) -> None:
    manager = Manager()
    systemd(tmp_path, manager).install(JOB, start=False)
    wanted = tmp_path / "default.target.wants" / UNIT
    write_whole(wanted, b"")
    manager.answers["--user"] = Ran(1, "", "Failed to connect to bus: No medium found\n")
    said = systemd(tmp_path, manager).uninstall()
    assert "could not be stopped, and ends when you log out. `systemctl --user disable" in said
    assert "No medium found." in said
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_desktop_is_told_who_livecam_is_as_long_as_it_is_installed(tmp_path: Path) -> None:
    service = service_here(
        Paths(tmp_path / "livecam.toml", tmp_path, tmp_path), {"XDG_DATA_HOME": str(tmp_path / "data")}, "linux"
    )
    assert isinstance(service, SystemdService)
    entry = DesktopEntry(tmp_path / "data" / "applications")
    path = tmp_path / "data" / "applications" / f"{APPLICATION}.desktop"
    entry.write(replace(JOB, command=("/opt/my py", "-m", "livecam", "50%", 'a"b$c\\d')))
    lines = path.read_text().splitlines()
    assert lines[1] == "[Desktop Entry]"
    assert r'''Exec="/opt/my py" -m livecam 50%% "a\\"b\\$c\\\\d"''' in lines
    assert "Type=Application" in lines
    assert "." in APPLICATION, "GNOME takes no other name"
    entry.remove()
    entry.remove()
    assert not path.exists()
    manager = Manager()
    kept = tmp_path / "applications" / f"{APPLICATION}.desktop"
    systemd(tmp_path, manager).install(JOB, start=False)
    assert kept.exists()
    systemd(tmp_path, manager).uninstall()
    assert not kept.exists()


def test_systemd_says_how_it_is(tmp_path: Path) -> None:
    running = {"ActiveState": "active", "SubState": "running", "MainPID": "77", "UnitFileState": "enabled"}
    service = systemd(tmp_path, Manager(shown(**running, NRestarts="2")))
    assert not service.status().installed
    write_whole(tmp_path / UNIT, b"")
    status = service.status()
    assert status.installed
    assert status.running
    assert "process 77" in status.said
    assert "started again 2 times" in status.said
    failed = {"ActiveState": "failed", "SubState": "failed", "Result": "watchdog", "UnitFileState": "disabled"}
    status = systemd(tmp_path, Manager(shown(**failed))).status()
    assert (status.installed, status.running) == (False, False)
    assert "ended by watchdog" in status.said


def test_what_systemd_refuses_is_told(tmp_path: Path) -> None:
    manager = Manager({"enable": Ran(1, "", "Access denied.\n")})
    with pytest.raises(LivecamError, match=r"enable livecam\.service` failed: Access denied\."):
        systemd(tmp_path, manager).install(JOB, start=True)


def test_without_a_session_the_next_step_is_to_log_in(tmp_path: Path) -> None:
    manager = Manager({"daemon-reload": Ran(1, "", "Failed to connect to bus: No such file or directory\n")})
    with pytest.raises(LivecamError, match=r"No such file or directory\. That user is not logged in"):
        systemd(tmp_path, manager).install(JOB, start=False)


def test_one_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    failed = shown(ActiveState="failed", SubState="failed", Result="exit-code")
    manager = Manager({"--user start": Ran(1, "", "Job failed."), **failed})
    with pytest.raises(LivecamError, match=r"does not start: exit-code\. .*livecam service logs"):
        systemd(tmp_path, manager).install(JOB, start=True)


def test_one_that_takes_long_to_start_is_no_failure(tmp_path: Path) -> None:
    manager = Manager(shown(ActiveState="activating", SubState="start"))

    def no_answer(command: Sequence[str]) -> Ran:
        if "start" in command:
            raise LivecamError("systemctl does not answer.")
        return manager(command)

    assert "still starting" in systemd(tmp_path, no_answer).install(JOB, start=True)


def test_the_output_process_is_not_killed_with_the_main_one() -> None:
    assert "KillMode" not in unit_text(JOB)
    assert "KillMode=process\n" in unit_text(replace(JOB, two_processes=True))


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("camera:0", "camera:0"),
        ("two words", '"two words"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "a\\b"', '"say \\"a\\\\b\\""'),
        ("", '""'),
        ("two\nlines", '"two\\nlines"'),
    ],
)
def test_words_are_written_so_that_systemd_reads_them_back(word: str, written: str) -> None:
    assert quoted(word) == written


def test_the_unit_waits_for_a_picture_and_watches_over_the_output() -> None:
    text = unit_text(JOB)
    assert "Type=notify" in text
    assert "WatchdogSec=3" in text
    assert "ExecStart=/opt/py -m livecam run --persona ann\n" in text
    assert '"LIVECAM_DATA=/d a$t%%a"' in text
    assert "WorkingDirectory=-/home/ann" in text
    assert "ExecReload=/bin/kill -HUP $MAINPID" in text


def test_launchd_keeps_an_agent(tmp_path: Path) -> None:
    manager, log = Manager(), tmp_path / "log"
    service = LaunchdService(tmp_path, log, manager, user=501)
    service.install(JOB, start=True)
    path = tmp_path / f"{LABEL}.plist"
    kept = plistlib.loads(path.read_bytes())
    assert kept["ProgramArguments"] == list(JOB.command)
    assert kept["EnvironmentVariables"] == dict(JOB.environment)
    assert kept["KeepAlive"] == {"SuccessfulExit": False}
    assert path.read_bytes() == agent(JOB, log)
    assert manager.asked[-1] == f"launchctl bootstrap gui/501 {path}"
    assert "removed" in service.uninstall()
    assert "not installed" in service.uninstall()


def test_launchd_says_how_it_is(tmp_path: Path) -> None:
    service = LaunchdService(
        tmp_path, tmp_path / "log", Manager({"print": Ran(0, "\tstate = running\n\tpid = 9\n", "")}), 501
    )
    assert not service.status().installed
    service.install(JOB, start=False)
    assert service.status().running
    assert "process 9" in service.status().said
    assert not LaunchdService(tmp_path, tmp_path / "log", Manager({"print": Ran(113, "", "")}), 501).status().running
    with pytest.raises(LivecamError, match="no log yet"):
        service.logs(10, follow=False)
    (tmp_path / "log").touch()
    assert service.logs(10, follow=True) == ["tail", "-n", "10", "-f", str(tmp_path / "log")]


def test_windows_keeps_a_task(tmp_path: Path) -> None:
    manager = Manager()
    TaskService(tmp_path, tmp_path / "log", manager).install(JOB, start=True)
    definition = (tmp_path / "task.xml").read_bytes()
    assert definition.startswith(b"\xff\xfe")
    root = ElementTree.fromstring(definition)
    assert root.findtext(f".//{XML}Command") == "cmd"
    assert 'set "LIVECAM_DATA=/d a$t%a"&&/opt/py -m livecam run' in str(root.findtext(f".//{XML}Arguments"))
    assert root.findtext(f".//{XML}RunLevel") == "LeastPrivilege"
    assert [line.split()[1] for line in manager.asked] == ["/Create", "/Run"]


def test_without_variables_windows_needs_no_shell(tmp_path: Path) -> None:
    root = ElementTree.fromstring(task(Job(("py", "-m", "two words"), tmp_path), tmp_path / "log"))
    assert root.findtext(f".//{XML}Command") == "py"
    assert shlex.split(str(root.findtext(f".//{XML}Arguments")))[:2] == ["-m", "two words"]


def test_windows_says_how_it_is(tmp_path: Path) -> None:
    service = TaskService(
        tmp_path, tmp_path / "log", Manager({"/Query": Ran(0, '"\\livecam","N/A","Running"\r\n', "")})
    )
    assert service.status().running
    assert not TaskService(tmp_path, tmp_path / "log", Manager({"/Query": Ran(1, "", "no")})).status().installed
    (tmp_path / "log").touch()
    assert "-Wait" in service.logs(5, follow=True)[-1]


def test_each_system_has_its_own(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "livecam.toml", tmp_path, tmp_path)
    assert isinstance(service_here(paths, {}, "linux", tmp_path), SystemdService)
    assert isinstance(service_here(paths, {}, "darwin", tmp_path), LaunchdService)
    assert isinstance(service_here(paths, {}, "win32", tmp_path), TaskService)
    with pytest.raises(LivecamError, match="no service manager on plan9"):
        service_here(paths, {}, "plan9", tmp_path)


def test_the_job_is_this_installation_with_its_variables(tmp_path: Path) -> None:
    job = job_of(["--persona", "ann"], {"LIVECAM_DATA": "/d", "HOME": "/h"}, tmp_path, "/py")
    assert job == Job(
        ("/py", "-m", "livecam", "run", "--no-tty", "--persona", "ann"), tmp_path, (("LIVECAM_DATA", "/d"),)
    )


def test_a_manager_that_is_not_here_is_a_sentence() -> None:
    with pytest.raises(LivecamError, match="no-such-manager is not installed"):
        ran(["no-such-manager", "--user"])


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LivecamError, match="cannot be written"):
        systemd(tmp_path / "file", Manager()).install(JOB, start=True)
