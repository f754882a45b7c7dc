"""``livecam ctl`` from the outside: words, exit codes, sentences."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livecam.cli.root import root
from livecam.control import pipe, place
from livecam.control.desk import Desk
from livecam.control.server import ControlServer
from tests.control.pretend import PretendPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(place, "folder", lambda: tmp_path / "livecam")
    place.make_private(tmp_path / "livecam")
    return tmp_path / "livecam"


@pytest.fixture
def daemon(folder: Path) -> Iterator[PretendPort]:
    port = PretendPort()
    server = ControlServer(Desk(port), place.own_socket())
    server.start()
    yield port
    server.stop()


def ctl(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["ctl", *arguments])


def test_the_words_are_followed_and_the_answer_printed(daemon: PretendPort) -> None:
    done = ctl("persona", "ann")
    assert (done.exit_code, done.stdout) == (0, "Wearing ann.\n")
    assert daemon.cell.current.persona == "ann"
    assert json.loads(ctl("--json", "shape", "0.25").stdout)["now"]["shape"] == 0.25


def test_what_is_not_done_is_one(daemon: PretendPort) -> None:
    done = ctl("persona", "eve")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "There is no persona 'eve'.\n")
    done = ctl("--json", "persona", "eve")
    assert (done.exit_code, json.loads(done.stdout)["ok"], done.stderr) == (1, False, "")


@pytest.mark.parametrize("words", [["panik"], [], ["blend", "2"], ["preset", "fats"]])
def test_what_is_not_understood_is_two_and_reaches_nobody(daemon: PretendPort, words: list[str]) -> None:
    done = ctl(*words)
    assert done.exit_code == 2
    assert done.stderr
    assert daemon.cell.current.revision == 0


def test_help_needs_no_daemon() -> None:
    done = ctl("help")
    assert done.exit_code == 0
    assert "passthrough on|off" in done.stdout


def test_no_daemon_is_a_sentence() -> None:
    done = ctl("panic")
    assert (done.exit_code, done.stderr) == (
        1,
        "No livecam runs, or none that can be controlled. Start it with: livecam run\n",
    )
    assert "No livecam listens at" in ctl("--socket", "/nowhere.sock", "panic").stderr


def test_a_watch_prints_lines_until_the_daemon_ends(daemon: PretendPort, monkeypatch: pytest.MonkeyPatch) -> None:
    from livecam.control import lines as lines_module

    monkeypatch.setattr(lines_module, "WATCH_S", 0.01)
    (socket,) = place.running()
    lines = []

    def echo(line: str) -> None:
        lines.append(json.loads(line))
        if len(lines) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("livecam.cli.ctl_command.click.echo", echo)
    assert ctl("--watch", "--socket", str(socket)).exit_code == 130
    assert [line["status"]["state"] for line in lines] == ["live"] * 3


def test_a_watch_goes_without_words(daemon: PretendPort) -> None:
    assert ctl("--watch", "panic").exit_code == 2
    assert not daemon.cell.current.panic


def test_of_several_daemons_one_has_to_be_named(daemon: PretendPort, folder: Path) -> None:
    other = PretendPort()
    server = ControlServer(Desk(other), folder / "control-1.sock")
    server.start()
    try:
        done = ctl("panic")
        assert done.exit_code == 1
        assert f"--socket {folder / 'control-1.sock'}" in done.stderr
        assert ctl("--socket", str(server.path), "panic").exit_code == 0
        assert (daemon.cell.current.panic, other.cell.current.panic) == (False, True)
    finally:
        server.stop()
    assert ctl("panic").exit_code == 0
    assert daemon.cell.current.panic


def test_on_windows_the_pipe_is_found_and_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []

    def exchange(address: str, line: str, wait_s: float) -> Iterator[str]:
        said.append((address, line))
        yield '{"ok": true, "said": "The slate is shown until resume.", "now": {}}'

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(pipe, "exchange", exchange)
    monkeypatch.setattr(pipe, "pipes", lambda: ())
    assert "No livecam runs" in ctl("panic").stderr
    monkeypatch.setattr(pipe, "pipes", lambda: (r"\\.\pipe\livecam-ann-1",))
    assert ctl("panic").output == "The slate is shown until resume.\n"
    assert said == [(r"\\.\pipe\livecam-ann-1", "panic")]
