"""``livecam obs`` from the outside."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli.obs_commands import obs_group
from livecam.control import place
from livecam.control.desk import Desk
from livecam.control.server import ControlServer
from livecam.errors import ExtraMissing, LivecamError
from tests.control.pretend import PretendPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path))
    monkeypatch.setenv("LIVECAM_PANEL_PORT", "0")
    monkeypatch.setenv("LIVECAM_OUTPUT_SINKS", "stream:tcp://127.0.0.1:5001")
    monkeypatch.setattr(place, "folder", lambda: tmp_path / "livecam")
    place.make_private(tmp_path / "livecam")
    return tmp_path / "livecam"


@pytest.fixture
def daemon(folder: Path) -> Iterator[PretendPort]:
    port = PretendPort()
    port.seen = {**port.seen, "age_p50_ms": 30.0, "fps": 25.0, "sinks": ["stream:udp://127.0.0.1:5000"]}
    server = ControlServer(Desk(port), place.own_socket())
    server.start()
    yield port
    server.stop()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(obs_group, list(arguments))


def test_the_settings_of_a_running_livecam(daemon: PretendPort) -> None:
    said = call().stdout
    assert said.startswith("The running livecam:\n\nMedia Source (--way stream): shows it about 180 ms after")
    assert "sync offset of the microphone: 230 ms" in said
    assert "Input                                        udp://127.0.0.1:5000\n" in said
    (source,) = json.loads(call("--json").stdout)
    assert source["settings"]["input"] == source["fields"]["Input"] == "udp://127.0.0.1:5000"
    assert source["sync_offset_ms"] == 230


def test_the_size_of_the_run_goes_before_that_of_the_configuration(daemon: PretendPort) -> None:
    daemon.seen = {**daemon.seen, "sinks": ["virtualcam:/dev/video9"]}
    (source, *_) = json.loads(call("--json").stdout)
    assert source["fields"]["Resolution"] == "1280x720"
    daemon.seen = {**daemon.seen, "size": "640x480"}
    (source, *_) = json.loads(call("--json").stdout)
    assert source["fields"]["Resolution"] == "640x480"


def test_the_settings_of_the_configuration() -> None:
    said = call().stdout
    assert said.startswith("No livecam runs. With this configuration:\n\nMedia Source")
    assert "tcp://127.0.0.1:5001" in said
    assert "sync offset" not in said


def test_nothing_to_show_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_OUTPUT_SINKS", "null")
    assert "sends nothing that OBS could show. Start it with --panel" in call().stdout


def test_setting_up(daemon: PretendPort, tmp_path: Path) -> None:
    pytest.importorskip("websockets", reason="the extra obs is not installed")
    from tests.control.obs.fake_obs import FakeObs

    (tmp_path / "password").write_text("geheim\n")
    with FakeObs("geheim").running() as obs:
        at = ["setup", "--obs-port", str(obs.place.port), "--obs-password-file", str(tmp_path / "password")]
        dry = call(*at, "--dry-run", "--extra", "20")
        assert (dry.exit_code, obs.changed()) == (0, [])
        assert "Would set the sync offset of 'Mic/Aux' to 250 ms; it was 0 ms." in dry.stdout
        done = call(*at)
        assert done.exit_code == 0
        assert "Done: add the source 'livecam' (Media Source) to the scene 'Talk'." in done.stdout
        assert done.stdout.endswith("The picture leaves livecam 50 ms late, and OBS shows it 180 ms later.\n")
        assert obs.offsets == {"Mic/Aux": 230}
        address = "http://127.0.0.1:8765/?token=abc"
        call(*at, "--address", address, "--way", "browser", "--name", "page", "--no-audio")
        assert obs.inputs["page"][1]["url"] == "http://127.0.0.1:8765/stream.mjpg?token=abc"
        refused = call(*at, "--way", "camera").exception
        assert isinstance(refused, LivecamError)
        assert "nothing that OBS could show by camera" in str(refused)


def test_without_a_run_the_microphones_are_left_alone() -> None:
    pytest.importorskip("websockets", reason="the extra obs is not installed")
    from tests.control.obs.fake_obs import FakeObs

    with FakeObs().running() as obs:
        done = call("setup", "--obs-port", str(obs.place.port))
        assert obs.inputs["livecam"][1]["input"] == "tcp://127.0.0.1:5001"
        assert obs.offsets == {}
        assert "How late the picture is, is not known: run this again" in done.stderr


def test_an_obs_elsewhere_cannot_be_shown_what_stays_here() -> None:
    pytest.importorskip("websockets", reason="the extra obs is not installed")
    refused = call("setup", "--obs-host", "192.0.2.7").exception
    assert isinstance(refused, LivecamError)
    assert "OBS runs on 192.0.2.7" in str(refused)
    assert "--sink stream:udp://192.0.2.7:5000" in str(refused)


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    assert isinstance(call("setup").exception, ExtraMissing)
