"""The control pipe of Windows, over a listener of the same kind that is here too: Python's own, at a Unix socket."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path, PureWindowsPath

import pytest

from livecam.control import lines
from livecam.control.desk import Desk
from livecam.control.lines import CLIENTS, LONGEST_BYTES, WATCHERS
from livecam.control.pipe import (
    Connection,
    Door,
    PipeServer,
    exchange,
    own_pipe,
    pipes,
)
from livecam.errors import ConfigError
from tests.control.pretend import PretendPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the double is a Unix socket")


def opens(address: str) -> Door:
    return Listener(address, "AF_UNIX", backlog=CLIENTS)


def knocks(address: str) -> Connection:
    return Client(address, "AF_UNIX")


@pytest.fixture
def port() -> PretendPort:
    return PretendPort()


@pytest.fixture
def living(port: PretendPort, tmp_path: Path) -> Iterator[PipeServer]:
    server, before = PipeServer(Desk(port), str(tmp_path / "pipe"), opens, knocks), set(threading.enumerate())
    server.start()
    yield server
    server.stop()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("control")]


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def said(server: PipeServer, line: str) -> str:
    answers = exchange(server.path, line, 60.0, knocks)
    answer = json.loads(next(answers))
    answers.close()
    assert isinstance(answer["said"], str)
    return answer["said"]


def test_an_order_is_followed_and_answered(living: PipeServer, port: PretendPort) -> None:
    assert said(living, "persona ann") == "Wearing ann."
    assert port.cell.current.persona == "ann"
    assert "Did you mean 'panic'?" in said(living, "panik")


def test_many_lines_on_one_connection_in_pieces(living: PipeServer, port: PretendPort) -> None:
    connection = knocks(living.path)
    for piece in (b"pan", b"ic\nres", b"ume\nshape 0.2\n"):
        connection.send_bytes(piece)
    assert [json.loads(connection.recv_bytes())["ok"] for _ in range(3)] == [True] * 3
    assert (port.cell.current.revision, port.cell.current.shape) == (3, 0.2)
    connection.close()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"\xff\xfe\n", "not UTF-8"),
        (b"x" * (LONGEST_BYTES + 1), "too long"),
        (b"x" * (LONGEST_BYTES - 1) + b"\n", "none that livecam understands"),
    ],
)
def test_what_is_no_line_is_answered_too(living: PipeServer, sent: bytes, told: str) -> None:
    connection = knocks(living.path)
    connection.send_bytes(sent)
    assert told in json.loads(connection.recv_bytes())["said"]
    connection.close()


def test_more_than_can_be_meant_ends_the_connection(living: PipeServer) -> None:
    connection = knocks(living.path)
    connection.send_bytes(b"x" * (4 * LONGEST_BYTES))
    with pytest.raises((EOFError, OSError)):
        connection.recv_bytes()
    assert "understood" not in said(living, "panic")


def test_a_watch_goes_on_until_its_reader_goes(living: PipeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "WATCH_S", 0.01)
    answers = exchange(living.path, "watch", 60.0, knocks)
    assert all(json.loads(next(answers))["status"]["fps"] == 30.0 for _ in range(3))
    answers.close()
    assert eventually(lambda: not living.crowd.clients)


def test_watchers_are_few_and_leave_room_for_a_panic(living: PipeServer, port: PretendPort) -> None:
    watches = [exchange(living.path, "watch", 60.0, knocks) for _ in range(WATCHERS + 1)]
    answers = [json.loads(next(watch)) for watch in watches]
    assert [answer["ok"] for answer in answers] == [True] * WATCHERS + [False]
    silent = [knocks(living.path) for _ in range(2 * CLIENTS)]
    assert said(living, "panic")
    assert port.cell.current.panic
    for watch in watches:
        watch.close()
    for connection in silent:
        connection.close()


def test_silence_ends_a_connection(living: PipeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "IDLE_S", 0.0)
    connection = knocks(living.path)
    assert connection.poll(60)
    with pytest.raises(EOFError):
        connection.recv_bytes()


def test_a_name_that_is_taken_is_a_sentence(living: PipeServer) -> None:
    other = PipeServer(living.crowd.desk, living.path, opens, knocks)
    with pytest.raises(ConfigError, match=r"cannot be made: .*Name another"):
        other.start()
    other.stop()
    assert said(living, "status")


def test_a_server_that_does_not_answer_is_not_waited_for_long(tmp_path: Path) -> None:
    with Listener(str(tmp_path / "pipe"), "AF_UNIX"), pytest.raises(TimeoutError):
        next(exchange(str(tmp_path / "pipe"), "panic", 0.05, knocks))


def test_nobody_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        next(exchange(str(tmp_path / "pipe"), "panic", 0.05, knocks))


def test_daemons_of_this_user_alone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "Ann Lee")
    names = ["livecam-Ann_Lee-20", "livecam-Ann_Lee-3", "livecam-bob-4", "livecam-Ann_Lee-x", "mojo.1.2"]
    asked: list[str] = []

    def listing(folder: str) -> list[str]:
        asked.append(folder)
        return names

    assert pipes(listing) == (r"\\.\pipe\livecam-Ann_Lee-20", r"\\.\pipe\livecam-Ann_Lee-3")
    assert asked == ["\\\\.\\pipe\\"]
    own = own_pipe()
    assert own.startswith(r"\\.\pipe\livecam-Ann_Lee-")
    assert str(PureWindowsPath(own)) == own, "a path of the configuration keeps it as it is"
