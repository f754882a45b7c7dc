"""The ways in, in a whole run: the socket is there while it runs and gone afterwards, and keys reach the daemon."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.app import Daemon, run
from livecam.app import controls as controls_module
from livecam.app.controls import Controls
from livecam.config import Config, Paths, load
from livecam.control import place
from livecam.control.client import Said, order
from livecam.control.pipe import PipeServer, own_pipe
from livecam.control.place import running
from livecam.errors import ConfigError, LivecamError, ModelError
from livecam.runtime.report import Report, Status
from tests.control.pretend import PretendKeys, PretendPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")

STATUS = Status(
    fps=29.97123, age_p50_ms=40.123, age_p95_ms=50.0, dropped=0, state="live", showing="live", persona="ann",
    mode="swap", provider="cpu", note="", sinks=("web:http://127.0.0.1:8080/?token=secret", "null: lost"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (place, controls_module):
        monkeypatch.setattr(module, "folder", lambda: tmp_path / "livecam")
    return tmp_path / "livecam"


def configure(**values: str) -> Config:
    base = {"source.spec": "synthetic", "source.size": "640x480", "output.sinks": "memory", "control.hotkeys": "off"}
    named = {name.replace("__", "."): value for name, value in values.items()}
    return load(base | named, Path(os.devnull), {}).config


def test_a_run_is_controlled_by_its_socket(mesh_models: Mapping[str, Path], tmp_path: Path) -> None:
    answers: list[Said] = []
    reports: list[Report] = []
    stop = threading.Event()
    live = threading.Event()
    thread = threading.Thread(
        target=lambda: reports.append(
            run(configure(), lambda status: live.set() if status.state == "live" else None, stop)
        )
    )
    thread.start()
    try:
        assert live.wait(90)
        (path,) = running()
        answers += [order(path, line) for line in ("shape 0.25", "panic", "persona eve")]
        asked, deadline = json.loads(order(path, "status").line), time.monotonic() + 60
        while asked["status"]["state"] != "live" and time.monotonic() < deadline:
            asked = json.loads(order(path, "status").line)
    finally:
        stop.set()
        thread.join(60)
    assert [said.ok for said in answers] == [True, True, False]
    shaped = json.loads(answers[0].line)
    assert shaped["now"]["shape"] == 0.25
    assert asked["now"]["panic"] is True
    assert asked["status"]["state"] == "live"
    assert asked["status"]["sinks"] == ["memory"]
    assert "'eve'" in answers[2].said
    assert reports[0].sent["slate"] > 0
    assert running() == ()


def test_a_named_socket_that_is_taken_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    config = configure(control__socket=str(tmp_path / "taken.txt"))
    (tmp_path / "taken.txt").touch()
    with pytest.raises(ConfigError, match="is no socket"):
        run(config)


def test_a_folder_that_will_not_do_costs_only_the_socket(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    ways = Controls(PretendPort(), configure(), Paths.find())
    ways.start()
    ways.stop()
    assert "livecam ctl will not find this run" in caplog.text
    assert "chmod 700" in caplog.text


def test_on_windows_there_is_a_pipe_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configure()
    monkeypatch.setattr(sys, "platform", "win32")
    ways = Controls(PretendPort(), config, Paths.find())
    named: list[str] = []
    monkeypatch.setattr(PipeServer, "start", lambda server: named.append(server.path))
    ways.start()
    ways.stop()
    assert named == [own_pipe()]


def test_a_hotkey_that_cannot_be_read_is_told_before_anything_starts() -> None:
    config = configure(hotkeys__bound="<ctlr>+p=panic")
    with pytest.raises(ConfigError, match="Did you mean 'ctrl'"):
        Controls(PretendPort(), config, Paths.find())


def test_hotkeys_reach_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, port = PretendKeys(), PretendPort()
    monkeypatch.setattr(controls_module, "desktop_keys", lambda bound: keys)
    ways = Controls(port, configure(control__hotkeys="on"), Paths.find())
    ways.start()
    keys.press("ctrl", "alt", "p")
    assert port.cell.current.panic
    ways.stop()
    assert keys.stopped


@pytest.mark.parametrize(
    ("has_pynput", "table", "told"), [(False, None, False), (False, "<f9>=panic", True), (True, None, True)]
)
def test_missing_hotkeys_are_told_to_whom_it_may_concern(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    has_pynput: bool,
    table: str | None,
    told: bool,
) -> None:
    def refuse(bound: object) -> PretendKeys:
        raise LivecamError("There is no display.")

    monkeypatch.setattr(controls_module, "installed", lambda: has_pynput)
    monkeypatch.setattr(controls_module, "desktop_keys", refuse)
    given = {"hotkeys__bound": table} if table else {}
    ways = Controls(PretendPort(), configure(control__hotkeys="on", **given), Paths.find())
    with caplog.at_level(logging.WARNING):
        ways.start()
    ways.stop()
    assert ("There is no display." in caplog.text) is told


def test_the_status_is_kept_for_those_who_ask_without_its_secrets(folder: Path) -> None:
    shown: list[Status] = []
    ways = Controls(PretendPort(), configure(), Paths.find())
    ways.start()
    try:
        ways.showing(shown.append)(STATUS)
        (path,) = running()
        status = json.loads(order(path, "status").line)["status"]
    finally:
        ways.stop()
    assert shown == [STATUS]
    assert (status["fps"], status["age_p50_ms"], status["persona"]) == (30.0, 40.1, "ann")
    assert status["sinks"] == ["web:http://127.0.0.1:8080/", "null: lost"]


def test_next_walks_the_folder_of_personas(folder: Path, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        (tmp_path / "data" / "personas" / name).mkdir(parents=True)
    paths = Paths.find({"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")})
    port = PretendPort()
    ways = Controls(port, configure(), paths)
    ways.start()
    try:
        (path,) = running()
        assert order(path, "next").said == "livecam is still starting. Change the persona in a moment."
        assert order(path, "panic").ok
        assert order(path, "resume").ok
        ways.showing(None)(STATUS)
        assert [order(path, "next").said for _ in range(3)] == ["Wearing ann.", "Wearing bob.", "Wearing nobody."]
    finally:
        ways.stop()


def test_next_leaves_out_what_the_policy_forbids(folder: Path, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        (tmp_path / "data" / "personas" / name).mkdir(parents=True)
    paths = Paths.find({"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")})
    ways = Controls(PretendPort(), configure(), paths, lambda name: name != "ann")
    ways.showing(None)(STATUS)
    assert [ways.desk.follow("next").said for _ in range(2)] == ["Wearing bob.", "Wearing nobody."]


def test_deeds_reach_the_daemon_and_wait_until_it_has_started(folder: Path) -> None:
    port = PretendPort()
    ways = Controls(port, configure(), Paths.find())
    ways.start()
    try:
        (path,) = running()
        for line in ("preset fast", "source camera:1"):
            assert order(path, line).said.startswith("livecam is still starting.")
        ways.showing(None)(STATUS)
        lines = ["preset fast", "source camera:1", "reload", "record start", "record stop", "snapshot", "sink add web"]
        assert all(order(path, line).ok for line in lines)
        assert order(path, "favourite 2").said == "Wearing bob."
    finally:
        ways.stop()
    expected = ["preset fast", "source camera:1", "reload", "record True", "record False", "snapshot", "sink web True"]
    assert port.done == expected


def test_the_status_tells_what_the_daemon_says_besides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretendPort, "about", lambda self: {"preset": "fast"})
    ways = Controls(PretendPort(), configure(), Paths.find())
    ways.start()
    try:
        (path,) = running()
        assert json.loads(order(path, "status").line)["status"] == {}
        ways.showing(None)(STATUS)
        assert json.loads(order(path, "status").line)["status"]["preset"] == "fast"
    finally:
        ways.stop()


def test_hotkeys_follow_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, port = [PretendKeys(), PretendKeys()], PretendPort()
    made = iter(keys)
    monkeypatch.setattr(controls_module, "desktop_keys", lambda bound: next(made))
    ways = Controls(port, configure(control__hotkeys="on"), Paths.find())
    ways.start()
    with pytest.raises(ConfigError):
        ways.follow(configure(control__hotkeys="on", hotkeys__bound="<ctlr>+p=panic"))
    assert [one.stopped for one in keys] == [False, False], "the old ones hold"
    said = ways.follow(configure(control__hotkeys="on", hotkeys__bound="<f9>=hold;<ctrl>+<alt>+p="))
    assert said == "14 hotkeys."
    assert [one.stopped for one in keys] == [True, False]
    keys[1].press("ctrl", "alt", "p")
    assert not port.cell.current.panic
    assert ways.follow(configure(control__hotkeys="off")) == "There are no hotkeys."
    assert [one.stopped for one in keys] == [True, True]
    ways.stop()


def test_a_reload_without_anybody_who_asks_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ways = Controls(PretendPort(), configure(), Paths.find())
    with caplog.at_level(logging.INFO):
        ways.showing(None)(STATUS)
        ways.reload()
    assert "Reload: Nothing has changed." in caplog.text


def test_a_reload_while_it_starts_is_done_as_soon_as_it_runs_and_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port, done = PretendPort(), threading.Semaphore(0)

    def reload(self: PretendPort) -> str:
        self.done.append("reload")
        done.release()
        return "Nothing has changed."

    monkeypatch.setattr(PretendPort, "reload", reload)
    ways = Controls(port, configure(), Paths.find())
    show = ways.showing(None)
    with caplog.at_level(logging.INFO):
        ways.reload()
        show(replace(STATUS, state="starting"))
        assert "Reload: livecam is still starting: the configuration is read again as soon as it runs." in caplog.text
        assert port.done == []
        show(STATUS)
        assert done.acquire(timeout=60)
        show(STATUS)
    assert not done.acquire(timeout=0.05)
    assert port.done == ["reload"]


def test_a_panel_that_cannot_be_had_ends_the_run_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stopped: list[Daemon] = []
    stop = Daemon.stop

    def refuse(*_: object) -> None:
        raise ModelError("There is no such recipe.")

    def noted(daemon: Daemon) -> None:
        stopped.append(daemon)
        stop(daemon)

    monkeypatch.setattr("livecam.app.running.PanelWay.open", refuse)
    monkeypatch.setattr(Daemon, "stop", noted)
    config = configure(control__socket=str(tmp_path / "control"))
    with pytest.raises(ModelError, match="no such recipe"):
        run(config)
    assert len(stopped) == 1
