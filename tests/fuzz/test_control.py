"""Nonsense at the control socket: bytes, floods, half lines; and a panic that gets through all the same."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.control.client import order
from livecam.control.desk import Desk
from livecam.control.grammar import WORDS
from livecam.control.lines import CLIENTS
from livecam.control.server import ControlServer
from livecam.errors import LivecamError
from tests.control.pretend import PretendPort
from tests.fuzz.bounds import assert_sentence, bounded, some
from tests.patience import wait_longer

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Unix sockets")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, ("livecam.control.lines._BEGIN_S", "livecam.control.lines._HERE_S"))


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlServer]:
    server = ControlServer(Desk(PretendPort()), tmp_path_factory.mktemp("control") / "c.sock")
    server.start()
    yield server
    server.stop()


def connect(server: ControlServer) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(60)
    connection.connect(os.fspath(server.path))
    return connection


def said(server: ControlServer, data: bytes) -> bytes:
    """What is answered first; nothing where it was cut off."""
    with connect(server) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1 << 16)
        except OSError:
            return b""


NONSENSE = {
    "nothing": b"\n" * 10_000,
    "NUL": b"\0\n",
    "not UTF-8": b"\xff\xfe\n",
    "half a character": b"persona \xed\xa0\x80\n",
    "another direction": "persona \u202eann\n".encode(),
    "a line without an end": b"a" * 3_000_000,
    "a thousand orders": b"status\n" * 1000,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a number beyond numbers": b"blend " + b"9" * 400 + b"\n",
    "no number": b"blend nan\n",
    "digits of others": "favourite ²\nblend ٣\n".encode(),
    "a path": b"source file:\0/etc/passwd\n",
    "many options": b"sink add a:b?" + b"c=d&" * 100 + b"\n",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_answered_or_cut_off_and_the_next_is_served(name: str, living: ControlServer) -> None:
    with bounded():
        answer = said(living, NONSENSE[name])
        assert not answer or answer.startswith(b'{"ok": ')
        assert b"Traceback" not in answer
    assert order(living.path, "status").ok


def test_any_bytes_leave_it_serving(living: ControlServer) -> None:
    random = Random(1)
    for _ in range(60):
        said(living, random.randbytes(random.randrange(1, 3000)) + b"\n")
    assert order(living.path, "status").ok


def test_a_thousand_half_lines_keep_nobody_out_and_take_no_threads(living: ControlServer) -> None:
    # Of the process: threads of connections are not all known to Python.
    before = psutil.Process().num_threads()
    with contextlib.ExitStack() as stack, bounded():
        for _ in range(300):
            connection = stack.enter_context(connect(living))
            with contextlib.suppress(OSError):
                connection.sendall(b"pan")
        assert order(living.path, "panic").ok
        deadline = time.monotonic() + 60
        while psutil.Process().num_threads() > before + CLIENTS + 2:
            assert time.monotonic() < deadline, "threads of connections that were cut off go on"
            time.sleep(0.01)
    assert order(living.path, "resume").ok


def test_a_line_that_comes_a_byte_at_a_time_waits_for_nobody_else(living: ControlServer) -> None:
    with connect(living) as slow:
        for byte in b"stat":
            slow.sendall(bytes([byte]))
            began = time.monotonic()
            assert order(living.path, "status").ok
            assert time.monotonic() - began < 30
        slow.sendall(b"us\n")
        assert slow.recv(1 << 16).startswith(b'{"ok": true')


@some(150)
@given(st.sampled_from(sorted(WORDS)), st.text(max_size=60))
def test_a_known_word_with_anything_behind_is_answered(word: str, rest: str) -> None:
    if word in ("watch",):
        return
    answer = Desk(PretendPort()).follow(f"{word} {rest}")
    assert answer.said
    answer.said.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "answer", [b"[" * 60_000 + b"\n", b'{"ok": 1e999}\n', b'"\\ud800"\n', b"\xff\n", b"1" * 5000 + b"\n"]
)
def test_what_answers_in_the_daemons_place_is_a_sentence(answer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.fspath(path))
        other.listen()

        def serve() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(LivecamError) as caught:
            order(path, "status")
        assert_sentence(caught.value)
        thread.join(60)
