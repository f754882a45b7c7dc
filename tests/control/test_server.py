"""The socket: one line in, one line out, for this user alone, whatever the other side does."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livecam.control import lines as lines_module
from livecam.control import place, server
from livecam.control.client import Said, order, watch
from livecam.control.desk import Desk
from livecam.control.lines import CLIENTS, LONGEST_BYTES, WATCHERS
from livecam.control.server import ControlServer
from livecam.errors import ConfigError, LivecamError
from tests.control.pretend import PretendPort

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


@pytest.fixture
def port() -> PretendPort:
    return PretendPort()


@pytest.fixture
def living(port: PretendPort, tmp_path: Path) -> Iterator[ControlServer]:
    listening = ControlServer(Desk(port), tmp_path / "c.sock")
    listening.start()
    yield listening
    listening.stop()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(60)
    connection.connect(os.fspath(path))
    return connection


def reply(connection: socket.socket) -> dict[str, object]:
    received = b""
    while not received.endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            raise EOFError(received)
        received += part
    answer = json.loads(received)
    assert isinstance(answer, dict)
    return answer


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def test_an_order_is_followed_and_answered(living: ControlServer, port: PretendPort) -> None:
    said = order(living.path, "persona ann")
    assert (said.ok, said.said) == (True, "Wearing ann.")
    assert json.loads(said.line)["now"]["persona"] == port.cell.current.persona == "ann"


def test_many_lines_on_one_connection_in_pieces(living: ControlServer, port: PretendPort) -> None:
    with connect(living.path) as connection:
        for piece in (b"pan", b"ic\nres", b"ume\nshape 0.2\n"):
            connection.sendall(piece)
        lines = connection.makefile("rb")
        assert [json.loads(lines.readline())["ok"] for _ in range(3)] == [True] * 3
    assert (port.cell.current.revision, port.cell.current.shape) == (3, 0.2)


def test_the_socket_is_for_its_user_alone(living: ControlServer) -> None:
    assert stat.S_IMODE(living.path.lstat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say who connects")
def test_another_user_is_refused(living: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    with here, there:
        assert server.is_own(here)
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        # This test may run as root, who may do everything anyway.
        assert server.is_own(here) is (os.geteuid() == 0)
    monkeypatch.setattr(server, "is_own", lambda connection: False)
    with connect(living.path) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"panic\n")
        with pytest.raises((EOFError, ConnectionError)):
            reply(connection)
    assert not living.crowd.desk.follow("status").now["panic"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\xff\xfe\n", "not UTF-8"),
        (b"x" * (LONGEST_BYTES + 1), "too long"),
        (b"x" * (LONGEST_BYTES + 1) + b"\n", "too long"),
        (b"x" * (LONGEST_BYTES - 1) + b"\n", "none that livecam understands"),
        (b"\n", "Nothing was said"),
        (b'{"panic": 1}\n', "Unknown word"),
        (b"\0\0\n", "Unknown word"),
    ],
)
def test_nonsense_is_answered_in_a_sentence(living: ControlServer, sent: bytes, said: str) -> None:
    with connect(living.path) as connection:
        connection.sendall(sent)
        answer = reply(connection)
    assert answer["ok"] is False
    assert said in str(answer["said"])
    assert order(living.path, "panic").ok


def test_whoever_goes_in_the_middle_costs_nothing(living: ControlServer) -> None:
    for sent in (b"", b"pan", b"panic\npanic\npanic\n"):
        with connect(living.path) as connection:
            connection.sendall(sent)
    assert order(living.path, "resume").ok
    assert eventually(lambda: not living.crowd.clients)


def test_a_newcomer_gets_in_when_all_places_are_taken(living: ControlServer) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(living.path)) for _ in range(CLIENTS)]
        assert eventually(lambda: len(living.crowd.clients) == CLIENTS)
        silent[0].sendall(b"status\n")
        assert reply(silent[0])["ok"]
        assert order(living.path, "panic").ok
        with pytest.raises(EOFError):
            reply(silent[1])  # silent for longest
        silent[0].sendall(b"status\n")
        assert reply(silent[0])["ok"]


def test_who_says_nothing_is_let_go(living: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "IDLE_S", 0.1)
    monkeypatch.setattr(server, "SEND_S", 0.05)
    with connect(living.path) as connection, pytest.raises(EOFError):
        reply(connection)


def test_a_watch_is_a_line_of_status_after_the_other(
    living: ControlServer, port: PretendPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "WATCH_S", 0.02)
    lines = watch(living.path)
    first = json.loads(next(lines).line)
    assert first["status"] == port.seen
    port.seen = {**port.seen, "fps": 12.0}
    order(living.path, "panic")
    deadline, later = time.monotonic() + 60, first
    while later["status"]["fps"] != 12.0 or not later["now"]["panic"]:
        assert time.monotonic() < deadline
        later = json.loads(next(lines).line)
    living.stop()
    assert len(list(lines)) < 60 / 0.02, "it ends"


def test_watchers_are_bounded_and_never_keep_an_order_out(living: ControlServer) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(WATCHERS):
            connection = stack.enter_context(connect(living.path))
            connection.sendall(b"watch\n")
            assert reply(connection)["ok"]
        assert [said.ok for said in watch_once(living.path)] == [False]
        for _ in range(CLIENTS):
            stack.enter_context(connect(living.path))
        assert order(living.path, "panic").ok


def watch_once(path: Path) -> list[Said]:
    return [next(watch(path))]


def test_a_watcher_that_does_not_read_is_dropped(
    living: ControlServer, port: PretendPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "WATCH_S", 0.0)
    monkeypatch.setattr(server, "SEND_S", 0.1)
    port.seen = {**port.seen, "note": "x" * 50_000}
    with connect(living.path) as connection:
        connection.sendall(b"watch\n")
        assert connection.recv(100)
        assert eventually(lambda: not living.crowd.clients)


def test_the_socket_goes_with_the_server_and_with_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    first = ControlServer(Desk(PretendPort()), path)
    first.start()
    path.unlink()
    second = ControlServer(Desk(PretendPort()), path)
    second.start()
    first.stop()
    assert order(path, "status").ok
    second.stop()
    second.stop()
    assert not path.exists()


def test_stopping_cuts_connections_and_ends_threads(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    listening = ControlServer(Desk(PretendPort()), tmp_path / "c.sock")
    listening.start()
    with connect(listening.path) as connection:
        assert eventually(lambda: bool(listening.crowd.clients))
        listening.stop()
        with pytest.raises(EOFError):
            reply(connection)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("control")]


def test_what_a_dead_daemon_left_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    listening = ControlServer(Desk(PretendPort()), path)
    listening.start()
    try:
        with pytest.raises(ConfigError, match="Another livecam listens at"):
            ControlServer(Desk(PretendPort()), path).start()
        assert order(path, "status").ok
    finally:
        listening.stop()


def test_what_killed_daemons_left_is_swept(tmp_path: Path) -> None:
    for name in ("control-1.sock", "other.sock"):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.fspath(tmp_path / name))
    first, second = (ControlServer(Desk(PretendPort()), tmp_path / f"control-{n}.sock") for n in (2, 3))
    first.start()
    second.start()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["control-2.sock", "control-3.sock", "other.sock"]
    first.stop()
    second.stop()


def test_the_folder_is_the_sessions_or_one_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if sys.platform != "darwin":
        assert place.folder() == tmp_path / "livecam"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert place.own_socket().name == f"control-{os.getpid()}.sock"
    assert str(os.getuid()) in str(place.folder()) or sys.platform == "darwin"


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is no socket"):
        ControlServer(Desk(PretendPort()), path).start()
    assert path.read_text() == "mine"


@pytest.mark.parametrize(("name", "said"), [("a" * 120, "too long"), ("none/c.sock", "cannot be made: No such file")])
def test_a_place_that_will_not_do_is_a_sentence(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ControlServer(Desk(PretendPort()), tmp_path / name).start()


def test_the_folder_must_be_private(tmp_path: Path) -> None:
    place.make_private(tmp_path / "new" / "folder")
    assert stat.S_IMODE((tmp_path / "new" / "folder").stat().st_mode) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        place.make_private(tmp_path / "open")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    with pytest.raises(ConfigError, match="belongs to you"):
        place.make_private(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        place.make_private(tmp_path / "file" / "folder")


def test_the_client_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(LivecamError, match="cannot be reached"):
        order(tmp_path / "none.sock", "status")
    path = tmp_path / "other.sock"
    for answer, said in ((b"hello\n", "no livecam of this version"), (b"", "without an answer")):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(os.fspath(path))
            other.listen()

            def serve(answer: bytes = answer, other: socket.socket = other) -> None:
                connection, _ = other.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            with pytest.raises(LivecamError, match=said):
                order(path, "status")
            thread.join(60)
        path.unlink()


KILLED = """
import os, sys
from pathlib import Path
from livecam.control.desk import Desk
from livecam.control.server import ControlServer
from tests.control.pretend import PretendPort
ControlServer(Desk(PretendPort()), Path(sys.argv[1])).start()
os.kill(os.getpid(), 9)
"""


def test_a_killed_daemon_is_not_found_and_its_place_is_free(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=120)
    assert path.exists()
    assert not place.answers(path)
    listening = ControlServer(Desk(PretendPort()), path)
    listening.start()
    assert order(path, "status").ok
    listening.stop()


@pytest.mark.parametrize("starts", ["refused", "never begins"])
def test_an_order_is_followed_where_no_thread_can_be_started(
    starts: str, living: ControlServer, port: PretendPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where no memory is left: it may be a panic. And it goes on so, and ends."""

    def start(*_given: object) -> None:
        if starts == "refused":
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(lines_module, "start_new_thread", start)
    monkeypatch.setattr(lines_module, "_BEGIN_S", 0.05)
    for _ in range(2):
        assert order(living.path, "panic").ok
        assert port.cell.current.panic
    assert "watching already" in order(living.path, "watch").said
    assert living.crowd.clients == ()
