"""What the output process is told and says: checked before it is believed."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.app import output_process_attendant as attendants
from livecam.app.output_process_attendant import Attendant
from livecam.app.output_process_news import News, read_news
from livecam.app.output_process_served import Recordings, Server
from livecam.app.output_process_start import start
from livecam.app.output_process_wire import (
    ATTACH,
    END,
    RETIRE,
    Plan,
    dial,
    hear,
    is_dying,
    key_of,
    listen,
    map_memory,
    meeting_folder,
    new_memory,
    peer,
)
from livecam.core.clock import MonotonicClock
from livecam.core.frame import Size
from livecam.core.settings import Settings
from livecam.core.shared import PublishedCell
from livecam.core.shared_segment import SharedSegment, Terms
from livecam.errors import ConfigError, SinkLost
from livecam.output.memory import MemorySink
from livecam.output.tee import SinkState, Tee

SIZE = Size(64, 64)
PLAN = Plan("/run/x.sock", ("null", "memory"), 64, 64, 30.0, "secret", "info", "")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the output process needs Linux or macOS")


def test_a_plan_arrives_as_it_was() -> None:
    assert Plan.from_text(PLAN.to_text()) == PLAN


@pytest.mark.parametrize(
    "change", [{"width": 63}, {"height": 10**6}, {"fps": 0}, {"sinks": [1]}, {"sinks": 1}, {"more": 1}, {"fps": "x"}]
)
def test_a_plan_with_anything_wrong_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="output process"):
        Plan.from_text(json.dumps({**json.loads(PLAN.to_text()), **change}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Plan.from_text(text)


def test_the_key_depends_on_sinks_size_and_rate() -> None:
    keys = {key_of(["null"], SIZE, 30), key_of(["null"], SIZE, 25), key_of(["web"], SIZE, 30)}
    keys |= {key_of(["null"], Size(66, 64), 30), key_of(["null", "web"], SIZE, 30)}
    assert len(keys) == 5
    assert key_of(["null"], SIZE, 30) in keys


def test_the_meeting_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = meeting_folder({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert meeting_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == folder
    folder.chmod(0o750)
    with pytest.raises(ConfigError, match="chmod 700"):
        meeting_folder({"XDG_RUNTIME_DIR": str(tmp_path)})
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="belongs to you"):
        meeting_folder({"XDG_RUNTIME_DIR": str(tmp_path)})
    with pytest.raises(ConfigError, match="cannot be made"):
        meeting_folder({"XDG_RUNTIME_DIR": str(tmp_path / "absent")})


def test_without_a_runtime_folder_the_temporary_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert meeting_folder({}) == tmp_path / f"livecam-{os.getuid()}"


def test_memory_is_mapped_by_both_and_cannot_be_cut_short() -> None:
    handle, memory = new_memory(SIZE)
    memory[5] = 7
    assert map_memory(handle, SIZE)[5] == 7
    with pytest.raises(ValueError, match="another size"):
        map_memory(handle, Size(128, 128))
    if sys.platform == "linux":
        with pytest.raises(PermissionError):
            os.ftruncate(handle, 1)
    os.close(handle)


NEWS = {"name": "null", "open": True, "gone": False, "sent": 3, "lost": 0, "problem": ""}


def test_news_are_read_field_by_field() -> None:
    text = json.dumps({"error": "", "problem": "p", "sinks": [NEWS], "readers": 2})
    assert read_news(text) == News("", "p", (SinkState("null", True, False, 3, 0, ""),), 2)
    assert read_news(json.dumps({"error": "", "problem": "", "sinks": [], "readers": None})) == News()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"error": "", "problem": "", "sinks": []}),
        json.dumps({"error": "", "problem": "", "sinks": [], "readers": True}),
        json.dumps({"error": 1, "problem": "", "sinks": [], "readers": 0}),
        json.dumps({"error": "", "problem": "", "sinks": [{**NEWS, "sent": "3"}], "readers": 0}),
        json.dumps({"error": "", "problem": "", "sinks": [{"name": "null"}], "readers": 0}),
        json.dumps({"error": "", "problem": "", "sinks": 5, "readers": 0}),
        json.dumps({"error": "", "problem": "", "sinks": [], "readers": 0, "recordings": [{"path": "a.mp4"}]}),
    ],
)
def test_news_that_are_not_what_they_should_be_are_no_news(text: str) -> None:
    assert read_news(text) is None


def test_recordings_that_ended_are_told_of_once_and_to_the_main_process_they_belong_to() -> None:
    recordings = Recordings()
    for number in range(6):
        recordings.add(Path(f"{number}.mp4"), number % 2 == 0)
    news: dict[str, object] = {"error": "", "problem": "", "sinks": [], "readers": None}
    first = read_news(json.dumps({**news, "recordings": recordings.told()}))
    assert first is not None
    assert [(one.path, one.swapped) for one in first.since(News())] == [
        ("2.mp4", True),
        ("3.mp4", False),
        ("4.mp4", True),
        ("5.mp4", False),
    ]
    recordings.add(Path("6.mp4"), True)
    second = read_news(json.dumps({**news, "recordings": recordings.told()}))
    assert second is not None
    assert [one.path for one in second.since(first)] == ["6.mp4"]
    recordings.forget()
    assert recordings.told() == []


def test_a_process_is_dying_or_not() -> None:
    assert not is_dying(os.getpid())
    assert not is_dying(0), "where the system does not tell"
    if sys.platform == "linux":
        child = subprocess.Popen([sys.executable, "-c", ""])
        deadline = time.monotonic() + 60
        while not is_dying(child.pid):
            assert time.monotonic() < deadline
        child.wait()
        assert is_dying(child.pid), "gone altogether"


@pytest.mark.parametrize(
    ("words", "message"), [("print('no such sink')", "no such sink"), ("import sys; sys.exit(3)", "could not start")]
)
def test_an_output_process_that_cannot_start_says_why(words: str, message: str) -> None:
    with pytest.raises(SinkLost, match=message):
        start([sys.executable, "-c", words], PLAN, lambda: None)


class Rig:
    """An output process's inside in a thread of this one."""

    def __init__(self, folder: Path) -> None:
        self.address = folder / "output-test.sock"
        clock = MonotonicClock()
        self.server = Server(Tee((MemorySink(),), clock), clock, SIZE, 30.0)
        self.attendant = Attendant(listen(str(self.address)), self.server, clock)
        self.thread = threading.Thread(target=self.attendant.run)
        self.thread.start()

    def call(self) -> socket.socket:
        connection = dial(self.address, 60.0)
        assert connection is not None
        return connection

    def end(self) -> None:
        self.attendant.ending = True
        self.thread.join(60)
        self.server.stop(60.0)
        self.attendant.close()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(attendants, "_FIRST_WAIT_NS", 60 * 10**9)
    with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
        rig = Rig(Path(folder))
        yield rig
        rig.end()


def segment(size: Size = SIZE) -> tuple[int, SharedSegment]:
    handle, memory = new_memory(size)
    shared = SharedSegment(memory, size)
    shared.offer(Terms(size, 10**8, 10**9), shared.slate.copy())
    PublishedCell(Settings(), shared.settings)
    return handle, shared


def attach(connection: socket.socket, handle: int) -> str:
    socket.send_fds(connection, [ATTACH], [handle])
    return hear(connection).decode()


def test_one_main_process_at_a_time_is_attached(rig: Rig) -> None:
    handle, _ = segment()
    first, second = rig.call(), rig.call()
    assert attach(first, handle).startswith(f"attached {os.getpid()} ")
    assert attach(second, handle).startswith("busy ")
    second.sendall(RETIRE)
    assert hear(second).startswith(b"busy ")
    second.sendall(END)
    assert hear(second) == b"", "only who is attached may end it"
    assert rig.thread.is_alive()
    first.sendall(END)
    rig.thread.join(60)
    assert not rig.thread.is_alive()


def test_a_segment_that_does_not_fit_is_refused(rig: Rig) -> None:
    for handle in (segment(Size(66, 64))[0], new_memory(SIZE)[0]):
        with rig.call() as connection:
            assert attach(connection, handle).startswith("refused ")
    assert attach(rig.call(), segment()[0]).startswith("attached ")


def test_nonsense_is_not_answered(rig: Rig) -> None:
    for message in (b"hello\n", ATTACH, b"\0" * 256):
        with rig.call() as connection:
            connection.sendall(message)
            assert hear(connection) == b""
    assert rig.thread.is_alive()


def test_too_many_connections_are_turned_away(rig: Rig) -> None:
    callers = [rig.call() for _ in range(8)]
    with rig.call() as connection:
        assert hear(connection) == b""
    for caller in callers:
        caller.close()


def test_whoever_is_another_user_is_turned_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendants, "peer", lambda _: (1, os.getuid() + 1))
    with rig.call() as connection:
        assert hear(connection) == b""


def test_the_peer_is_known_by_the_kernel(rig: Rig) -> None:
    if sys.platform == "linux":
        assert peer(rig.call()) == (os.getpid(), os.getuid())


def test_alone_it_ends_when_asked(rig: Rig) -> None:
    rig.call().sendall(RETIRE)
    rig.thread.join(60)
    assert not rig.thread.is_alive()


def test_a_dead_ones_socket_is_removed(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
        address = Path(folder) / "a.sock"
        assert dial(address, 1.0) is None
        listen(str(address)).close()
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        assert dial(address, 1.0) is None
        assert not address.exists()
    with pytest.raises(ConfigError, match="cannot listen"):
        listen(str(tmp_path / ("x" * 200)))
