"""`livecam service` before a real systemd user manager: started, watched over, started again, removed.

The manager runs in a mount namespace of its own, with a home and a runtime folder of its own, so that neither the
machine's init nor the user's session is touched, and none is needed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.rig import FLAGS as FAULTY_FLAGS
from tests.faults.rig import ROOT
from tests.output.trying import undisturbed
from tests.patience import UNHURRIED_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

UNIT = "livecam.service"
FLAGS = ("--source", "synthetic", "--sink", "null", "--no-hotkeys", "--log-file", "its own.log", "--log-level", "info")
WATCHDOG_S = 3.0
BACK_S = 5.0
FAULTY = """[Service]
Environment="PYTHONPATH={root}"
ExecStart=
ExecStart=/bin/sh -c 'exec "$0" -m tests.faults.daemon run "$@" 0<>orders' {command}
"""
BEGIN = """
mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && exec "$0" --user
"""


def lacking() -> str:
    """Why there can be no such manager here; "" when there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a systemd of its own needs Linux and root"
    absent = [name for name in ("systemctl", "systemd-analyze", "unshare", "nsenter") if shutil.which(name) is None]
    if absent or manager_program() is None:
        return f"not installed: {', '.join(absent) or 'systemd'} (packages systemd, util-linux)"
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        return "unshare may not make a mount namespace here"
    return ""


def manager_program() -> Path | None:
    places = (Path("/usr/lib/systemd/systemd"), Path("/lib/systemd/systemd"))
    return next((place for place in places if place.exists()), None)


def until(true: Callable[[], bool], within_s: float = 2 * UNHURRIED_S) -> float:
    """Wait until it is true; how long that took, in seconds."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < within_s
        time.sleep(0.05)
    return time.monotonic() - begun


@dataclass(frozen=True)
class Session:
    """A user manager, and a user's folders."""

    root: Path
    pid: int

    @property
    def folder(self) -> Path:
        """Where the user is. Its name is one that has to be quoted."""
        return self.root / "my 100% livecam"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        folders = {"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_RUNTIME_DIR": "run", "LIVECAM_DATA": "da ta$"}
        return {**kept, **{name: str(self.root / folder) for name, folder in folders.items()}}

    @property
    def unit(self) -> Path:
        return self.root / "config" / "systemd" / "user" / UNIT

    @property
    def settings(self) -> Path:
        return self.root / "config" / "livecam" / "livecam.toml"

    def ran(self, *command: str) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", "--target", str(self.pid), "--mount", f"--wd={self.folder}", *command]
        return subprocess.run(
            inside, env=self.environment, capture_output=True, text=True, check=False, timeout=4 * UNHURRIED_S
        )

    def livecam(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ran(sys.executable, "-m", "livecam", "service", *words)

    def install(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return self.livecam("install", *FLAGS, *flags)

    def shown(self, name: str) -> str:
        return self.ran("systemctl", "--user", "show", UNIT, f"--property={name}", "--value").stdout.strip()

    def runs_as_another_than(self, main: int) -> bool:
        return self.shown("SubState") == "running" and int(self.shown("MainPID")) not in {0, main}

    def main(self) -> int:
        main = int(self.shown("MainPID"))
        # To signal 0 would be to signal the tests themselves.
        assert main > 0, self.livecam("status")
        return main

    def log(self) -> str:
        return (self.folder / "its own.log").read_text()


@pytest.fixture(scope="module")
def manager() -> Iterator[Session]:
    reason = lacking()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="sd-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        for folder in ("home", "config", "run", "my 100% livecam"):
            (root / folder).mkdir(mode=0o700)
        program = str(manager_program())
        begin = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, program]
        with (root / "manager.log").open("w") as log:
            begun = subprocess.Popen(begin, env=Session(root, 0).environment, stdout=log, stderr=log)
        session = Session(root, begun.pid)
        try:
            started = _started(session, begun)
            if not started:
                pytest.skip(f"systemd --user does not run here: {(root / 'manager.log').read_text().strip()[-300:]}")
            yield session
        finally:
            begun.terminate()
            begun.wait(2 * UNHURRIED_S)


def _started(session: Session, begun: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + UNHURRIED_S
    while time.monotonic() < deadline and begun.poll() is None:
        if session.ran("systemctl", "--user", "is-system-running").stdout.strip() in {"running", "degraded"}:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def session(manager: Session) -> Iterator[Session]:
    yield manager
    if manager.unit.exists():
        manager.livecam("uninstall")
    manager.settings.unlink(missing_ok=True)
    (manager.folder / "its own.log").unlink(missing_ok=True)


def test_it_is_ready_when_installed_and_shows_life(session: Session) -> None:
    begun = time.monotonic()
    done = session.install()
    assert done.returncode == 0, done.stderr
    print(f"installed and ready after {time.monotonic() - begun:.1f} s")
    status = session.livecam("status")
    assert (status.returncode, status.stdout[:16]) == (0, "active (running)"), status.stdout + status.stderr
    main = session.main()
    assert Path(f"/proc/{main}/cwd").resolve() == session.folder
    assert f"LIVECAM_DATA={session.root}/da ta$\0" in Path(f"/proc/{main}/environ").read_text()
    until((session.folder / "its own.log").exists)
    enough = 2 * WATCHDOG_S - 1
    assert undisturbed(lambda: signs_of_life(session), lambda signs: signs > enough) > enough
    assert (session.main(), session.shown("NRestarts")) == (main, "0")


def signs_of_life(session: Session) -> int:
    """How many systemd got in a time that it would wait for two at most."""
    signs = set()
    end = time.monotonic() + 2 * WATCHDOG_S + 0.5
    while time.monotonic() < end:
        signs.add(session.shown("WatchdogTimestampMonotonic"))
        time.sleep(0.2)
    return len(signs)


def test_systemd_finds_nothing_wrong_with_the_unit(session: Session) -> None:
    assert session.livecam("install", "--no-start", *FLAGS).returncode == 0
    assert session.livecam("status").returncode == 3
    said = session.ran("systemd-analyze", "--user", "--man=no", "verify", str(session.unit))
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_systemd_says_what_livecam_does(session: Session) -> None:
    assert session.install().returncode == 0
    until(lambda: session.shown("StatusText").startswith("live, wearing nobody"))


def test_the_configuration_is_read_again_by_the_same_process(session: Session) -> None:
    assert session.install().returncode == 0
    main = session.main()
    # Before its own start is over it asks for patience, in its log.
    until(lambda: (session.folder / "its own.log").exists() and "-> live" in session.log())
    assert session.ran("systemctl", "--user", "reload", UNIT).returncode == 0
    until(lambda: "Nothing has changed." in session.log())
    session.settings.parent.mkdir(exist_ok=True)
    session.settings.write_text("[face]\nshape = 0.25\n")
    assert session.ran("systemctl", "--user", "reload", UNIT).returncode == 0
    until(lambda: "0.25" in session.log())
    assert (session.main(), session.shown("NRestarts")) == (main, "0")


@pytest.mark.parametrize("sign", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
def test_one_that_fails_is_started_again(session: Session, sign: signal.Signals) -> None:
    assert session.install().returncode == 0
    main = session.main()
    os.kill(main, sign)
    took_s = until(lambda: session.runs_as_another_than(main))
    print(f"{sign.name}: ready again after {took_s:.1f} s")
    assert took_s < BACK_S
    assert session.shown("NRestarts") == "1"
    assert not Path(f"/proc/{main}").exists()
    assert "started again 1 times" in session.livecam("status").stdout


def test_a_driver_that_hangs_costs_a_process_and_no_start_of_the_service(session: Session) -> None:
    assert session.install("--no-start").returncode == 0
    os.mkfifo(orders := session.folder / "orders")
    words = [sys.executable, *FAULTY_FLAGS, "--sink", "null", "--log-file", "its own.log"]
    (faulty := session.unit.with_name(UNIT + ".d") / "faulty.conf").parent.mkdir()
    faulty.write_text(FAULTY.format(root=ROOT, command=" ".join(f'"{word}"' for word in words)))
    try:
        assert session.ran("systemctl", "--user", "daemon-reload").returncode == 0
        assert session.ran("systemctl", "--user", "start", UNIT).returncode == 0
        main = session.main()
        until(lambda: session.shown("StatusText").startswith("live, wearing nobody"))
        descriptor = os.open(orders, os.O_WRONLY | os.O_NONBLOCK)
        os.write(descriptor, b"camera hang\n")
        os.close(descriptor)
        took_s = until(lambda: "livecam is started again" in session.log())
        took_s += until(lambda: session.log().rpartition("Started again.")[2].count("-> live") == 1)
        print(f"a driver hangs: live again after {took_s:.1f} s")
        # For longer than systemd waits for a sign of life.
        time.sleep(WATCHDOG_S + 1)
        assert (session.main(), session.shown("NRestarts"), session.shown("SubState")) == (main, "0", "running")
        assert session.shown("StatusText").startswith("live, wearing nobody")
    finally:
        session.livecam("uninstall")
        shutil.rmtree(faulty.parent)
        orders.unlink()


def test_the_output_process_goes_on_until_the_next_one_takes_over(session: Session) -> None:
    assert session.install("--output-process").returncode == 0
    main = session.main()
    (output,) = children(main)
    os.kill(main, signal.SIGKILL)
    until(lambda: session.runs_as_another_than(main))
    until(lambda: f"The main process {main} is gone: the slate goes out." in session.log())
    time.sleep(1)
    assert Path(f"/proc/{output}").exists()
    assert children(session.main()) == []
    assert session.livecam("uninstall").returncode == 0
    until(lambda: not Path(f"/proc/{output}").exists())


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def test_a_mistake_in_the_configuration_is_not_tried_again(session: Session) -> None:
    assert session.install().returncode == 0
    session.settings.parent.mkdir(exist_ok=True)
    session.settings.write_text("[face]\nshape = 'large'\n")
    assert session.ran("systemctl", "--user", "restart", UNIT).returncode != 0
    time.sleep(1)
    found = [session.shown(name) for name in ("ActiveState", "ExecMainStatus", "NRestarts")]
    assert found == ["failed", "2", "0"]
    status = session.livecam("status")
    assert status.returncode == 3
    assert "livecam service logs" in status.stdout
    session.settings.unlink()
    assert session.install().returncode == 0
    assert session.livecam("status").returncode == 0


def test_nothing_is_left_of_it(session: Session) -> None:
    assert session.install().returncode == 0
    main = session.main()
    assert session.livecam("uninstall").returncode == 0
    assert not Path(f"/proc/{main}").exists()
    assert [path for path in (session.root / "config" / "systemd").rglob("*") if not path.is_dir()] == []
    assert session.shown("LoadState") == "not-found"
    status = session.livecam("status")
    assert (status.returncode, status.stdout[:13]) == (3, "Not installed")
    assert "not installed" in session.livecam("uninstall").stdout
