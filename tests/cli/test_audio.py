"""``livecam audio delay`` as a process, which a signal ends in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from livecam.cli.audio_commands import Daemon, audio_group
from livecam.control import place
from livecam.control.desk import Desk
from livecam.control.server import ControlServer
from livecam.errors import LivecamError
from tests.control.audio.fake_pactl import FakePactl, install
from tests.control.pretend import PretendPort

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no such sound server here")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place.make_private(place.folder())
    return tmp_path


@pytest.fixture
def server(folder: Path) -> FakePactl:
    (folder / "bin").mkdir()
    return install(folder / "bin")


@pytest.fixture
def daemon() -> Iterator[PretendPort]:
    port = PretendPort()
    port.seen = {**port.seen, "age_p50_ms": 140.0, "fps": 50.0}
    listening = ControlServer(Desk(port), place.own_socket())
    listening.start()
    yield port
    listening.stop()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_stands_beside_a_running_livecam_until_a_signal(server: FakePactl, daemon: PretendPort) -> None:
    code = "from livecam.control.audio import pulse; pulse._ANSWER_S = 60.0; "
    code += "from livecam.cli.audio_commands import audio_group; audio_group()"
    command = [sys.executable, "-c", code, "delay", "--microphone", "headset", "--extra", "40"]
    environment = {**os.environ, "PATH": str(server.path.parent)}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: server.latencies() == ["90"])
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert server.kinds() == ["module-rt"]
    assert said.splitlines() == [
        "Choose the microphone 'livecam microphone': usb, 90 ms late.",
        "The microphone is removed.",
    ]


def test_without_a_livecam_there_is_nothing_to_follow() -> None:
    refused = CliRunner().invoke(audio_group, ["delay"]).exception
    assert isinstance(refused, LivecamError)
    assert "Start it with: livecam run" in str(refused)


def test_one_that_ends_is_told_once_and_waited_for(daemon: PretendPort, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Daemon(None)
    assert asked.delay_ms() == 150.0
    away = Daemon(Path("/absent.sock"))
    assert away.delay_ms() is None
    assert away.delay_ms() is None
    assert capsys.readouterr().err.count("No livecam listens at /absent.sock.") == 1
